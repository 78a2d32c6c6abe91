"""``tally recheck``: decide the whole history again and list every difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.cluster import Work, cluster_options, place
from cli.commands.init import read_policy
from cli.errors import DONE, FOUND
from cli.options import Output, account_argument, tally_command
from cli.progress import Progress
from cli.render import table, write
from ledger.quoting import plural
from ledger.verification.indexes import require_sound_now
from projections.answers.rehearsing import DecidedOtherwise
from projections.pages import Figure, short
from projections.point import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.bootstrap import Session
    from projections.rehearsing.recheck import Rechecking

_MARKS = {"missing": "-", "extra": "+", "different": "~", "order": "?"}
_MEANS = {
    "missing": "recorded, but the rules do not derive it",
    "extra": "the rules derive it, but it is not recorded",
    "different": "recorded with other content",
    "order": "recorded at another position",
}


@click.command("recheck")
@account_argument(required=False)
@click.option(
    "--policy", multiple=True, metavar="KEY=VALUE", help="Policy value to override; repeatable."
)
@cluster_options
@tally_command(rows=True)
def command(
    session: Session, output: Output, *, account: str | None, policy: tuple[str, ...],
    workers: int | None, cluster: str | None,
) -> int:  # fmt: skip
    """Decide the history again from its facts; list every difference from the record.

    Exits with status 1 when there are differences. Workers share the accounts; differences are
    listed by position.

    \b
    Examples:
      tally recheck
      tally recheck a-1
      tally recheck --policy retention=30d --ndjson
      tally recheck --workers 2
    """
    from ledger.rehearsal.changes import check_policy  # noqa: PLC0415 - loads the write side
    from projections.rehearsing.recheck import Rechecking  # noqa: PLC0415 - the same

    values = read_policy(policy)
    check_policy(values)
    work = Work(workers=workers, cluster=cluster)
    if account is not None:
        session.state(account, session.point(Asked()))
    else:
        require_sound_now(session.reader)  # what a wrong index leaves out is not decided again
    run = Rechecking(session, account, values)
    kept = []
    with Progress("recheck") as progress:
        for row in _found(session, run, work, progress):
            if output.human:
                _line(row)
            elif output.form == "json":
                kept.append(row)
            else:
                output.rows([row])
    if output.human:
        _sums(run)
    elif output.form == "json":
        output.object(run.answer(kept))
    else:
        output.rows((), like=DecidedOtherwise)
    return FOUND if run.count else DONE


def _found(
    session: Session, run: Rechecking, work: Work, progress: Progress
) -> Iterator[DecidedOtherwise]:
    if not work.elsewhere:
        yield from run.here(progress)
        return
    done = list(work.run(run.tasks(place(session.location)), progress))
    work.say()
    yield from run.together(done)


def _sums(run: Rechecking) -> None:
    rows = [
        (one.rule, one.account or "ledger", one.release or "not sealed yet", str(one.count),
         Figure("-" if one.first is None else f"@{one.first}"))
        for one in run.by()
    ]  # fmt: skip
    if rows:
        write()
        table(("rule", "account", "decided by", "differences", "first"), rows)
        write()
    verdict = plural(run.count, "difference") if run.count else "no difference"
    write(f"{plural(run.checked, 'event')} decided again: {verdict}")


def _line(row: DecidedOtherwise) -> None:
    where = f"@{row.position}" if row.position is not None else "-"
    write(
        f"{_MARKS[row.kind]} {where:<7} {short(row.effective_at)}  "
        f"{row.account or 'ledger'}  {row.type}"
    )
    for field in row.fields:
        write(f"    {field.field}: recorded {field.recorded}, decided {field.decided}")
    if not row.fields:
        write(f"    {_MEANS[row.kind]}")
