"""``tally balances``: every account's money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import points
from cli.options import Output, engine_options, point_options, tally_command
from cli.render import point_line, short, table, write
from cli.restatements import say_restated

if TYPE_CHECKING:
    from cli.bootstrap import Session

COLUMNS = ("account", "currency", "cash", "outstanding", "available", "coupons")


@click.command("balances")
@click.option("--overdue", is_flag=True, help="Only accounts that are overdue.")
@click.option("--below", metavar="X", help="Only accounts whose available is below X.")
@engine_options
@tally_command(rows=True, point=True)
def command(
    session: Session,
    output: Output,
    *,
    overdue: bool,
    below: str | None,
    engine: str | None,
    master: str,
    **options: Any,
) -> None:
    """Show every account's money, one row each.

    \b
    Examples:
      tally balances --overdue
      tally balances --at 2025-03-31 --csv
      tally balances --below 100 --ndjson
      tally balances --as-of 2025-03-31 --engine sql
    """
    point = points.asked(session, **point_options(options))
    session.note_what_is_due()
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
