"""``tally blame``: each field and the event that last set it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import click

from cli.changes import owner_of, spelled
from cli.event_lines import fitting
from cli.expressions import account_and_field, names_account
from cli.options import Output, tally_command
from cli.render import point_line, strong, write
from cli.restatements import say_restated
from projections.history.blame import blame_of
from projections.pages import short

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.answers.hunting import Blamed
    from projections.history.points import Point


@click.command("blame")
@click.argument("path", metavar="ACCOUNT[.FIELD]")
@tally_command(rows=True, point=True)
def command(session: Session, output: Output, *, path: str, when: Point | None) -> None:
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
    point = session.at(when)
    answer = blame_of(session, account, name, point)
    if output.answered(answer):
        return
    write(strong(point_line(answer.point, account)))
    for owner, rows in groupby(answer.rows, key=lambda row: owner_of(row.field)[0]):
        if owner:
            write(owner)
        for row in rows:
            _line(row, "  " if owner else "")
    say_restated(answer.restated)


def _line(row: Blamed, indent: str) -> None:
    label = f"{indent}{owner_of(row.field)[1]}"
    write(f"{label:<20} {spelled(row.value):<20} @{row.position} {row.type}")
    is_late = row.effective_at != row.recorded_at
    late = f", effective {short(row.effective_at)}" if is_late else ""
    who = f" by {row.actor}" if row.actor else ""
    clock = "; the clock moved it on since" if row.by_clock else ""
    write(fitting(f"{'':<21}known {short(row.recorded_at)}{who}{late}{clock}"))
