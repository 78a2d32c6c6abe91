"""``tally blame``: each field and the event that last set it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from cli import points
from cli.changes import owner_of, spelled
from cli.event_lines import fitting
from cli.options import Output, point_options, tally_command
from cli.render import point_line, short, strong, write
from cli.restatements import say_restated
from ledger.errors import NoSuchThing
from projections.history.blame import blame, blame_of
from projections.history.naming import account_and_field, names_account

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.command("blame")
@click.argument("path", metavar="ACCOUNT[.FIELD]")
@tally_command(rows=True, point=True)
def command(session: Session, output: Output, *, path: str, **options: Any) -> None:
    """Show for each field the event that last set it, who, and when it was known.

    \b
    Examples:
      tally blame a-1
      tally blame a-1.cash --at 2025-03-31
      tally blame 'a-1.instances["i-1"]'
    """
    if names_account(session.reader, path):
        account, name = path, None
    else:
        account, name = account_and_field(path, members=True)
    point = points.asked(session, **point_options(options))
    currency, found = blame(session.reader, account, point, name)
    if not found:
        session.state(account, point)  # says so if there is no such account
        msg = f"{account} has no {name} at that point"
        raise NoSuchThing(msg, hint=f"see what it has: tally state {account}")
    restated = session.restated_fields(point, account, () if name is None else (name,))
    answer = blame_of(
        account, currency, found, point, offset=session.offset, restated=restated
    )
    if output.answered(answer):
        return
    shown = answer.plain()
    write(strong(point_line(shown["point"], account)))
    for owner, rows in groupby(shown["rows"], key=lambda row: owner_of(row["field"])[0]):
        if owner:
            write(owner)
        for row in rows:
            _line(row, "  " if owner else "")
    say_restated(shown.get("restated"), human=True)


def _line(row: dict[str, Any], indent: str) -> None:
    name = owner_of(row["field"])[1]
    label = f"{indent}{name}"
    what = f"@{row['position']} {row['type']}"
    known = short(row["recorded_at"])
    write(f"{label:<20} {spelled(row['value']):<20} {what}")
    late = f", effective {short(row['effective_at'])}"
    late = late if row["effective_at"] != row["recorded_at"] else ""
    who = f" by {row['actor']}" if row["actor"] else ""
    clock = "; the clock moved it on since" if row["by_clock"] else ""
    write(fitting(f"{'':<21}known {known}{who}{late}{clock}"))
