"""``tally balances``: every account's money."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from cli import points
from cli.options import Output, engine_options, point_options, tally_command
from cli.render import point_line, short, table, write
from cli.restatements import restated_at, say_restated
from ledger.errors import InvalidInput
from ledger.money import format_minor
from ledger.periods import format_instant
from projections.answers import point_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.bootstrap import Session
    from projections.projection import ViewRow

COLUMNS = ("account", "currency", "cash", "outstanding", "available", "coupons")
_AMOUNT = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


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
    limit = _limit(below)
    session.note_what_is_due()
    derivation = session.derivation(point, engine)
    restated = restated_at(session, "balances", point)

    def wanted() -> Iterator[dict[str, Any]]:
        for row in session.balance_rows(point, derivation, master=master):
            one = shown(row, session.offset)
            if overdue and not one["overdue"]:
                continue
            if limit is None or Decimal(one["available"]) < limit:
                yield one

    if output.form in ("ndjson", "csv"):
        output.rows(wanted())
        say_restated(restated, human=False)
    elif output.human:
        write(point_line(point_json(point, session.offset)))
        rows = list(wanted())
        several = len({row["currency"] for row in rows}) > 1
        columns = [name for name in COLUMNS if several or name != "currency"]
        table(
            [*columns, "overdue since"],
            [[*(row[name] for name in columns), short(row["overdue_since"])] for row in rows],
        )
        say_restated(restated, human=True)
    else:
        told = {} if restated is None else {"restated": restated}
        output.object(
            {"schema": "tally.balances/1", "point": point_json(point, session.offset),
             "derivation": derivation, "rows": list(wanted()), **told}
        )  # fmt: skip


def _limit(below: str | None) -> Decimal | None:
    if below is None:
        return None
    if not _AMOUNT.fullmatch(below):
        msg = f"{below!r} is not an amount"
        raise InvalidInput(msg, hint="write it like 100.00")
    return Decimal(below)


def shown(row: ViewRow, offset: int) -> dict[str, Any]:
    """Write a row of the balances."""
    account, currency, cash, outstanding, available, coupons, since = row

    def money(minor: object) -> str:
        return format_minor(int(str(minor)), str(currency))

    return {
        "account": account,
        "currency": currency,
        "cash": money(cash),
        "outstanding": money(outstanding),
        "available": money(available),
        "coupons": money(coupons),
        "overdue": since is not None,
        "overdue_since": None if since is None else format_instant(int(since), offset),
    }
