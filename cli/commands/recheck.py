"""``tally recheck``: decide the whole history again and list every difference."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from cli.cluster.running import Work, cluster_options, place
from cli.cluster.tasks import RecheckTask
from cli.commands.init import read_policy
from cli.errors import DONE, FOUND
from cli.options import Output, account_argument, tally_command
from cli.progress import Progress
from cli.render import short, table, write
from ledger.quoting import plural
from ledger.verification.indexes import require_sound_now
from projections.point import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.bootstrap import Session

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

    values = read_policy(policy)
    check_policy(values)
    work = Work(workers=workers, cluster=cluster)
    if account is not None:
        session.state(account, session.point(Asked()))
    else:
        require_sound_now(session.reader)  # what a wrong index leaves out is not decided again
    head = session.reader.head().position
    found: list[dict[str, Any]] = []
    sums = Sums()
    count = checked = 0
    with Progress("recheck") as progress:
        differences = (
            _shared(session, work, account, values, progress) if work.elsewhere
            else _here(session, account, values, progress)
        )  # fmt: skip
        for judged, row in differences:
            checked = judged
            if row is None:
                continue
            count += 1
            sums.take(row)
            if output.form in ("ndjson", "csv"):
                output.rows([row])
            elif output.human:
                _line(row)
            else:
                found.append(row)
    if output.human:
        verdict = "no difference" if not count else plural(count, "difference")
        sums.write()
        write(f"{plural(checked, 'event')} decided again: {verdict}")
    elif output.form == "json":
        output.object(
            {
                "schema": "tally.recheck/1", "ok": not count, "account": account,
                "policy": values, "position": head, "checked": checked, "by": sums.rows(),
                "differences": found,
            }
        )  # fmt: skip
    return FOUND if count else DONE


class Sums:
    """The differences by rule, account and release."""

    def __init__(self) -> None:
        """Begin with none."""
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._first: dict[tuple[str, str, str], int] = {}

    def take(self, row: dict[str, Any]) -> None:
        """Count one."""
        key = row["rule"], row["account"] or "", row["release"] or ""
        self._counts[key] += 1
        if row["position"] is not None:
            self._first.setdefault(key, row["position"])

    def rows(self) -> list[dict[str, Any]]:
        """Return one row for each rule, account and release."""
        return [
            {"rule": rule, "account": account or None, "release": release or None,
             "count": count, "first": self._first.get((rule, account, release))}
            for (rule, account, release), count in sorted(self._counts.items(), key=_rule)
        ]  # fmt: skip

    def write(self) -> None:
        """Print the table, if there is anything in it."""
        rows = self.rows()
        if not rows:
            return
        cells = [
            (row["rule"], row["account"] or "ledger", row["release"] or "not sealed yet",
             str(row["count"]), "-" if row["first"] is None else f"@{row['first']}")
            for row in rows
        ]  # fmt: skip
        write()
        table(("rule", "account", "decided by", "differences", "first"), cells)
        write()


def _rule(counted: tuple[tuple[str, str, str], int]) -> tuple[int, str, str]:
    (rule, account, release), _ = counted
    return int(rule.removeprefix("R")), account, release


Found = tuple[int, "dict[str, Any] | None"]  # events judged so far, a difference if there is one


def _here(
    session: Session, account: str | None, values: dict[str, str], progress: Progress
) -> Iterator[Found]:
    """Decide it again in this process, streaming what is found."""
    from cli.rehearsals.written import Writers, difference_json  # noqa: PLC0415 - loaded when needed
    from ledger.memory import no_cycles  # noqa: PLC0415 - the same
    from ledger.rehearsal.recheck import Recheck  # noqa: PLC0415 - loads the write side
    from ledger.releases import Releases  # noqa: PLC0415 - the same

    head = session.reader.head().position
    writers, releases = Writers(session.reader, session.config), Releases(session.reader)
    with no_cycles():
        recheck = Recheck(
            session.reader, accounts=None if account is None else {account}, policy=values,
            progress=lambda position: progress(position, head),
        )  # fmt: skip
        for difference in recheck.differences():
            yield recheck.checked, difference_json(difference, writers, releases)
        yield recheck.checked, None


def _shared(
    session: Session, work: Work, account: str | None, values: dict[str, str], progress: Progress
) -> Iterator[Found]:
    """Use workers; the order of what they find depends only on the log."""
    from ledger.rehearsal.recheck import accounts_named  # noqa: PLC0415 - loads the write side
    from projections.shares import divide  # noqa: PLC0415 - loaded when needed

    names = accounts_named(session.reader) if account is None else {account}
    tasks = [
        RecheckTask(place(session.location), share, account is None and not number, values)
        for number, share in enumerate(divide(names) or [[]])
    ]
    done = list(work.run(tasks, progress))
    work.say()
    checked = sum(one.events for one in done)
    rows = [row for one in done for row in one.differences]
    for row in sorted(rows, key=_place):
        yield checked, row
    yield checked, None


def _place(row: dict[str, Any]) -> tuple[int, str, str]:
    position = row["position"]
    return (sys.maxsize if position is None else position, row["account"] or "", json.dumps(row))


def _line(row: dict[str, Any]) -> None:
    where = f"@{row['position']}" if row["position"] is not None else "-"
    write(
        f"{_MARKS[row['kind']]} {where:<7} {short(row['effective_at'])}  "
        f"{row['account'] or 'ledger'}  {row['type']}"
    )
    for field in row["fields"]:
        write(f"    {field['field']}: recorded {field['recorded']}, decided {field['decided']}")
    if not row["fields"]:
        write(f"    {_MEANS[row['kind']]}")
