"""``tally periods``: every month, and whether it is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import points
from cli.options import Output, point_options, tally_command
from cli.render import point_line, short, table, write
from ledger.periods import format_instant
from projections.answers import point_json
from projections.history.register import months_at

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.history.register import Month


@click.command("periods")
@tally_command(rows=True, point=True)
def command(session: Session, output: Output, **options: Any) -> None:
    """List all months of the ledger: open, closed or reopened.

    Months before the first closed one count as closed with it. Restatements are the
    facts recorded about a month since it was closed.

    \b
    Examples:
      tally periods
      tally periods --ndjson
    """
    point = points.asked(session, **point_options(options))
    rows = [_row(one, session.offset) for one in months_at(session.reader, point, session.offset)]
    if output.form in ("ndjson", "csv"):
        output.rows(rows)
    elif output.human:
        write(point_line(point_json(point, session.offset)))
        table(
            ("period", "state", "closed", "actor", "restatements"),
            [
                (row["period"], row["state"], short(row["closed_at"]), row["actor"],
                 row["restatements"])
                for row in rows
            ],
        )  # fmt: skip
    else:
        output.object(
            {"schema": "tally.periods/1", "point": point_json(point, session.offset), "rows": rows}
        )


def _row(month: Month, offset: int) -> dict[str, Any]:
    close = month.close
    return {
        "period": month.name, "state": month.state,
        "closed_at": None if close is None else format_instant(close.closed_at, offset),
        "actor": None if close is None else close.actor, "restatements": month.restatements,
    }  # fmt: skip
