"""``tally periods``: every month, and whether it is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.render import point_line, table, write
from projections.answers.closing import MonthShown, Periods
from projections.answers.terms import Instant
from projections.history.register import months_at

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.history.points import Point
    from projections.history.register import Month


@click.command("periods")
@tally_command(rows=True, point=True)
def command(session: Session, output: Output, when: Point | None) -> None:
    """List all months of the ledger: open, closed or reopened.

    Months before the first closed one count as closed with it. Restatements are the
    facts recorded about a month since it was closed.

    \b
    Examples:
      tally periods
      tally periods --ndjson
    """
    point = session.at(when)
    months = months_at(session.reader, point, session.offset)
    found = Periods(
        point=session.shown(point), rows=[_row(month, session.offset) for month in months]
    )
    if not output.answered(found):
        write(point_line(found.point))
        table(
            ("period", "state", "closed", "actor", "restatements"),
            [(row.period, row.state, row.closed_at, row.actor, row.restatements)
             for row in found.rows],
        )  # fmt: skip


def _row(month: Month, offset: int) -> MonthShown:
    close = month.close
    return MonthShown(
        period=month.name, state=month.state,
        closed_at=None if close is None else Instant.at(close.closed_at, offset),
        actor=None if close is None else close.actor, restatements=month.restatements,
    )  # fmt: skip
