"""``tally report reconciliation``: what was believed of the statements at a point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.commands.breaks import break_table
from cli.options import Output, point_options, tally_command
from cli.points import PointCommand, asked, complete_point, point_argument
from cli.render import plural, point_line, short, strong, table, write
from ledger.errors import InvalidInput
from projections.answers import Formatter, point_json
from projections.reconciliation.runs import report_at

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.command("reconciliation", cls=PointCommand)
@click.argument("when", metavar="[POINT]", required=False, shell_complete=complete_point)
@tally_command(rows=True, point=True)
def report(session: Session, output: Output, *, when: str | None, **options: Any) -> None:
    """Show the recorded runs and the open breaks with their ages, as known at a point.

    \b
    Examples:
      tally report reconciliation
      tally report reconciliation --known-at 2025-01-31
    """
    given = point_options(options)
    if when is not None and any(given.values()):
        raise InvalidInput("the point is given twice", hint="give POINT or the options, not both")
    point = point_argument(session, when) if when is not None else asked(session, **given)
    formatter = Formatter(offset=session.offset, currency=session.catalog.currency)
    found = report_at(session.reader, point, formatter)
    shown = point_json(point, session.offset)
    if output.form == "json":
        output.object({"schema": "tally.report_reconciliation/1", "point": shown, **found})
    elif not output.human:
        output.rows(found["rows"])
    else:
        _page(found, shown)


def _page(found: dict[str, Any], point: dict[str, Any]) -> None:
    write(point_line(point, "reconciliation"))
    if not found["runs"]:
        write("no run is recorded; record one with: tally reconcile FILE --source S --record")
        return
    table(
        ("run", "source", "from", "closing", "ledger", "matched", "breaks", "overlaps"),
        [(run["run"], run["source"], short(run["period"]["starts"])[:10], run["closing"],
          run["ledger_balance"], run["matched"], run["breaks"], ", ".join(run["overlaps"]))
         for run in found["runs"]],
    )  # fmt: skip
    write()
    ages = ", ".join(f"{count} of {age} days" for age, count in found["ages"].items())
    write(strong(f"{plural(len(found['rows']), 'open break')}{': ' + ages if ages else ''}"))
    if found["rows"]:
        break_table(found["rows"])
