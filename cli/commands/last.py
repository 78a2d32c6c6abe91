"""``tally last``: the last changes of one field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.changes import spelled
from cli.errors import DONE, FOUND
from cli.event_lines import caused_by, fitting
from cli.expressions import account_and_field
from cli.options import Output, tally_command
from cli.points import PointCommand
from cli.render import point_line, strong, write
from cli.restatements import say_restated
from projections.history.blame import last_of
from projections.history.points import parse_point
from projections.pages import short
from projections.point import Asked

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.answers.hunting import Last
    from projections.point import Point


@click.command("last", cls=PointCommand)
@click.argument("field", metavar="ACCOUNT.FIELD")
@click.option("--before", metavar="POINT",
              help="Only changes before this event, or before T.")  # fmt: skip
@click.option("-n", "count", metavar="N", type=click.IntRange(1, 100_000), default=1,
              show_default=True, help="Number of changes to show, latest first.")  # fmt: skip
@tally_command(rows=True)
def command(
    session: Session, output: Output, *, field: str, before: str | None, count: int
) -> int:
    """Show the last changes of a field, and the command for earlier ones.

    \b
    Examples:
      tally last a-1.cash
      tally last a-1.cash --before @1050 -n 5
      tally last 'a-1.instances["i-1"].state' --before 2025-03
    """
    account, name = account_and_field(field, members=True)
    point, bound = _bound(session, before)
    session.state(account, session.point(Asked()))
    answer = last_of(session, account, name, point, count=count, before=bound)
    if not output.answered(answer, "changes"):
        _page(answer, field)
        say_restated(answer.restated)
    return DONE if answer.changes else FOUND


def _bound(session: Session, before: str | None) -> tuple[Point, tuple[int, int] | None]:
    """Return the point to look from, and the place in the order of its events to stop before."""
    if before is None:
        return session.point(Asked()), None
    asked = parse_point(before, session.here())
    point = session.point(asked)
    if asked.at is not None:
        return point, (asked.at, 0)
    row = session.reader.row(point.position)
    return session.point(Asked()), (row.effective_at if row else 0, point.position)


def _page(answer: Last, field: str) -> None:
    write(strong(point_line(answer.point)))
    write(field)
    for row in answer.changes:
        inner = "" if row.field == answer.field else f"{row.field}: "
        write(f"@{row.position} {row.type}  {short(row.effective_at)}")
        write(f"  {inner}{spelled(row.from_)} -> {spelled(row.to)}")
        late = row.effective_at != row.recorded_at
        write(fitting(f"  {caused_by(row)}{' (late)' if late else ''}"))
    if not answer.changes:
        write("no change before that")
        return
    write(f"further back: tally last '{field}' --before @{answer.changes[-1].position}")
