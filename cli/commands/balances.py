"""``tally balances``: every account's money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.options import Output, engine_option, tally_command
from cli.render import point_line, table, write
from cli.restatements import say_restated
from ledger.errors import InvalidInput
from projections.answers.balances import SORTS, Balance, arranged
from projections.opened import FOLD

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.answers.balances import Totals
    from projections.history.points import Point

COLUMNS = ("account", "currency", "cash", "outstanding", "available", "coupons")


@click.command("balances")
@click.argument("accounts", metavar="[ACCOUNT]...", nargs=-1)
@click.option("--overdue", is_flag=True, help="Only accounts that are overdue.")
@click.option("--below", metavar="X", help="Only accounts whose available is below X.")
@click.option("--sort", type=click.Choice(SORTS), help="Amounts from the largest down.")
@click.option("--reverse", is_flag=True, help="With --sort: the other way round.")
@click.option("--top", type=click.IntRange(min=0), metavar="N", help="Only the first N rows.")
@click.option("--totals", is_flag=True, help="One row a currency: the sums of its accounts.")
@engine_option
@tally_command(rows=True, point=True)
def command(  # noqa: PLR0913 - one option a parameter
    session: Session, output: Output, *, accounts: tuple[str, ...], overdue: bool,
    below: str | None, sort: str | None, reverse: bool, top: int | None, totals: bool,
    engine: str | None, when: Point | None,
) -> None:  # fmt: skip
    """Show every account's money, one row each, or that of some accounts.

    \b
    Examples:
      tally balances --overdue
      tally balances a-1 a-2
      tally balances --sort outstanding --top 10
      tally balances --totals
      tally balances --at 2025-03-31 --csv
      tally balances --below 100 --ndjson
      tally balances --as-of 2025-03-31 --engine sql
    """
    point = session.at(when)
    session.note_what_is_due()
    if totals:
        if accounts or overdue or below is not None or sort or top is not None:
            msg = "--totals sums every account"
            raise InvalidInput(msg, hint="leave every other choice of rows out")
        _totals(session.totals(point, engine=engine), output)
        return
    wanted: dict[str, Any] = {"accounts": accounts, "overdue": overdue, "below": below}
    order: dict[str, Any] = {"sort": sort, "reverse": reverse, "top": top}
    if output.form in ("ndjson", "csv"):  # a row at a time
        derivation = FOLD if accounts else session.derivation(point, engine)
        restated = session.restated("balances", point)
        found = arranged(session.each_balance(point, derivation, **wanted), **order)
        output.rows(found, like=Balance, restated=restated)
        return
    answer = session.balances(point, engine=engine, **wanted, **order)
    if output.answered(answer):
        return
    write(point_line(answer.point))
    several = len({row.currency for row in answer.rows}) > 1
    columns = [name for name in COLUMNS if several or name != "currency"]
    table(
        [*columns, "overdue since"],
        [[*(getattr(row, name) for name in columns), row.overdue_since] for row in answer.rows],
    )
    say_restated(answer.restated)


def _totals(answer: Totals, output: Output) -> None:
    """Print the sums of each currency."""
    if output.answered(answer):
        return
    write(point_line(answer.point))
    names = ("currency", "accounts", "overdue", *COLUMNS[2:])
    table(names, [[getattr(row, name) for name in names] for row in answer.rows])
    say_restated(answer.restated)
