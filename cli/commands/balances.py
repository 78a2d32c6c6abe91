"""``tally balances``: every account's money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import points
from cli.options import Output, engine_options, point_options, tally_command
from cli.render import point_line, short, table, write
from cli.restatements import say_restated
from ledger.errors import InvalidInput

if TYPE_CHECKING:
    from cli.bootstrap import Session

COLUMNS = ("account", "currency", "cash", "outstanding", "available", "coupons")


@click.command("balances")
@click.option("--overdue", is_flag=True, help="Only accounts that are overdue.")
@click.option("--below", metavar="X", help="Only accounts whose available is below X.")
@click.option("--totals", is_flag=True, help="One row a currency: the sums of its accounts.")
@engine_options
@tally_command(rows=True, point=True)
def command(
    session: Session,
    output: Output,
    *,
    overdue: bool,
    below: str | None,
    totals: bool,
    engine: str | None,
    master: str,
    **options: Any,
) -> None:
    """Show every account's money, one row each.

    \b
    Examples:
      tally balances --overdue
      tally balances --totals
      tally balances --at 2025-03-31 --csv
      tally balances --below 100 --ndjson
      tally balances --as-of 2025-03-31 --engine sql
    """
    point = points.asked(session, **point_options(options))
    session.note_what_is_due()
    if totals:
        if overdue or below is not None:
            msg = "--totals sums every account"
            raise InvalidInput(msg, hint="leave --overdue and --below out")
        _totals(session.totals(point, engine=engine, master=master).plain(), output)
        return
    wanted: dict[str, Any] = {"overdue": overdue, "below": below, "master": master}
    if output.form in ("ndjson", "csv"):
        derivation = session.derivation(point, engine)
        restated = session.restated_json("balances", point)
        found = session.each_balance(point, derivation, **wanted)
        output.rows(one.plain() for one in found)
        say_restated(restated, human=False)
        return
    answer = session.balances(point, engine=engine, **wanted).plain()
    if not output.human:
        output.object(answer)
        return
    write(point_line(answer["point"]))
    rows = answer["rows"]
    several = len({row["currency"] for row in rows}) > 1
    columns = [name for name in COLUMNS if several or name != "currency"]
    table(
        [*columns, "overdue since"],
        [[*(row[name] for name in columns), short(row["overdue_since"])] for row in rows],
    )
    say_restated(answer.get("restated"), human=True)


def _totals(answer: dict[str, Any], output: Output) -> None:
    """Print the sums of each currency."""
    rows = answer["rows"]
    if output.form == "json":
        output.object(answer)
    elif not output.human:
        output.rows(rows)
        say_restated(answer.get("restated"), human=False)
    else:
        write(point_line(answer["point"]))
        names = ("currency", "accounts", "overdue", *COLUMNS[2:])
        table(names, [[str(row[name]) for name in names] for row in rows])
        say_restated(answer.get("restated"), human=True)
