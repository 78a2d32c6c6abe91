"""``tally recheck``: decide the whole history again and list every difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.commands.init import read_policy
from cli.errors import DONE, FOUND
from cli.options import Output, account_argument, tally_command
from cli.progress import Progress
from cli.render import short, write
from projections.point import Asked

if TYPE_CHECKING:
    from cli.bootstrap import Session

_MARKS = {"missing": "-", "extra": "+", "different": "~", "order": "?"}
_MEANS = {
    "missing": "recorded, but the rules do not lead to it",
    "extra": "the rules lead to it, but it is not recorded",
    "different": "recorded with other content",
    "order": "recorded at another position",
}


@click.command("recheck")
@account_argument(required=False)
@click.option("--policy", multiple=True, metavar="KEY=VALUE", help="Another reading; repeatable.")
@tally_command(rows=True)
def command(
    session: Session, output: Output, *, account: str | None, policy: tuple[str, ...]
) -> int:
    """Decide the history again from its facts; list what was recorded otherwise.

    Exit code 1 when there are differences.

    \b
    Examples:
      tally recheck
      tally recheck a-1
      tally recheck --policy retention=30d --ndjson
    """
    from cli.rehearsals.written import Writers, difference_json  # noqa: PLC0415 - loaded when needed
    from ledger.memory import no_cycles  # noqa: PLC0415 - the same
    from ledger.rehearsal.changes import check_policy  # noqa: PLC0415 - loads the write side
    from ledger.rehearsal.recheck import Recheck  # noqa: PLC0415 - loaded when needed

    values = read_policy(policy)
    check_policy(values)
    if account is not None:
        session.account(account, session.point(Asked()))
    head = session.reader.head().position
    writers = Writers(session.reader, session.catalog)
    found: list[dict[str, Any]] = []
    count = 0
    with no_cycles(), Progress("recheck") as progress:
        recheck = Recheck(
            session.reader, account=account, policy=values,
            progress=lambda position: progress(position, head),
        )  # fmt: skip
        for difference in recheck.differences():
            count += 1
            row = difference_json(difference, writers)
            if output.form in ("ndjson", "csv"):
                output.rows([row])
            elif output.human:
                _line(row)
            else:
                found.append(row)
    if output.human:
        verdict = "no difference" if not count else f"{count} differences"
        write(f"{recheck.checked} events decided again: {verdict}")
    elif output.form == "json":
        output.object(
            {
                "schema": "tally.recheck/1", "ok": not count, "account": account,
                "policy": values, "position": head, "checked": recheck.checked,
                "differences": found,
            }
        )  # fmt: skip
    return FOUND if count else DONE


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
