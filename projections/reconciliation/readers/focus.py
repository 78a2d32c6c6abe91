"""FOCUS cost and usage of any provider: the lines of its charges (../focus).

A charge is a bill, and a ledger's bill is a whole number of minor units: its line is rounded
towards zero, as R8 rounds, and what was cut is a line of its own, one an account and month.
Invariant: the lines of a file add up to its BilledCost, exactly. A record of our own export keeps
its amount: its bill is there already.
This module must not know how rows are summed, nor how such files are exported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger.periods import local_date
from projections.reconciliation.amounts import from_minor, write_amount
from projections.reconciliation.focus import by_columns, by_rows
from projections.reconciliation.focus.charges import Charge, charges_of
from projections.reconciliation.focus.delivery import Delivery
from projections.reconciliation.lines import ROUNDING, Line, one_currency, statement_of
from projections.reconciliation.readers import cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from projections.reconciliation.focus.parts import Part
    from projections.reconciliation.lines import Statement

COLUMNS_FROM: Final = 8 << 20  # bytes: starting the engine costs what reading these does


def read_focus(
    body: bytes | Path, *, offset: int, currency: str, encoding: str = "utf-8", account: str = ""
) -> Statement:
    """Read a FOCUS file: CSV, gzip or Parquet. Raises: BadStatement."""
    delivery = Delivery(body, encoding=encoding)
    charges = charges_of(parts_of(delivery), offset=offset, currency=currency, account=account)
    spans = [cells.months_of(one.instant, one.instant, offset=offset) for one in charges]
    lines = list(_lines(charges, offset))
    main = one_currency(lines, currency)
    return statement_of(
        "focus", "charges", lines, currency=main,
        starts=min((span.starts for span in spans), default=0),
        ends=max((span.ends for span in spans), default=0),
    )  # fmt: skip


def parts_of(delivery: Delivery) -> Iterator[Part]:
    """Sum the rows by the engine that is there and pays. Raises: BadStatement."""
    if delivery.size >= COLUMNS_FROM and by_columns.usable():
        parts = by_columns.parts_of(delivery)
        if parts is not None:
            return parts
    return by_rows.parts_of(delivery)


def _lines(charges: Iterable[Charge], offset: int) -> Iterator[Line]:
    cut: dict[tuple[str, str, str], tuple[int, int]] = {}
    for charge in charges:
        minor = from_minor(1, charge.currency)
        amount = charge.cost
        if not charge.record:
            amount -= _remainder(charge.cost, minor)
            month = local_date(charge.instant, offset)[:7]
            same = (charge.account, charge.currency, month)
            before, when = cut.get(same, (0, 0))
            cut[same] = (before + charge.cost - amount, max(when, charge.instant))
        yield _line(charge, amount)
    for (account, currency, month), (rest, when) in sorted(cut.items()):
        if rest:
            yield Line(
                key=f"rounding of {month}", amount=rest, currency=currency, instant=when,
                order=f"rounding/{month}", account=account, kind=ROUNDING, firm=True,
            )  # fmt: skip


def _remainder(fine: int, minor: int) -> int:
    """Return what rounding towards zero cuts off, with its sign."""
    return fine % minor if fine >= 0 else -(-fine % minor)


def _line(charge: Charge, amount: int) -> Line:
    between = f"rows {charge.first}-{charge.last}"
    place = f"row {charge.first}" if charge.rows == 1 else between
    if charge.rows not in (1, charge.last - charge.first + 1):
        place = f"{charge.rows} of {between}"
    return Line(
        key=charge.name, amount=amount, currency=charge.currency, instant=charge.instant,
        order=charge.name, kind=charge.category, account=charge.account, place=place,
        starts=charge.starts, ends=charge.ends, instance=charge.resource if charge.record else "",
        gross=charge.cost - charge.credit if charge.record else charge.cost,
        coupons=-charge.credit if charge.record else 0, group=charge.invoice,
        text="" if charge.record else _behind(charge, place, amount), firm=charge.record,
    )  # fmt: skip


def _behind(charge: Charge, place: str, amount: int) -> str:
    """Return which rows are behind a bill, and what they come to: a break keeps it as its text."""
    if amount == charge.cost:
        return place
    return f"{place}: {write_amount(charge.cost, charge.currency)} before rounding"
