"""FOCUS cost and usage as lines: one charge a (billing account, invoice, period, category).

Taxes are a category of their own. What takes back is kept apart from what is charged: rows with a
negative cost, and corrections of an earlier period. A row with an ``x_RecordId`` (our own export)
is part of that record's charge instead, and keeps its amount: its bill is there already. Any other
charge is a bill of whole minor units: its line is rounded towards zero, as R8 rounds, and what was
cut is a line of its own, one an account and month.
Invariant: the lines of a file add up to its BilledCost, exactly.
This module must not know how rows are summed, nor the ledger.
"""

from __future__ import annotations

import hashlib
import unicodedata
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from ledger.errors import InvalidInput
from ledger.money import check_currency
from ledger.periods import SECOND, local_date
from projections.reconciliation.amounts import from_minor, write_amount
from projections.reconciliation.focus import by_columns, by_rows, cells, columns
from projections.reconciliation.focus.delivery import FocusFile
from projections.reconciliation.lines import (
    ROUNDING,
    BadStatement,
    Line,
    one_currency,
    statement_of,
)
from projections.reconciliation.readers import FORMATS
from projections.reconciliation.readers.cells import booked_at, months_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from projections.reconciliation.focus.columns import SummedRows
    from projections.reconciliation.lines import Statement

T = TypeVar("T")

CREDIT: Final = "Credit"
_ID_MAX: Final = 110  # leaves room for what is added to an id
_FIRST: Final = "-01"


class FocusCharge(msgspec.Struct, frozen=True):
    """Rows that are one bill, or that take back from one.

    Attributes:
        name: the id of its bill or note: the record's own, else made of its key.
        cost: the exact sum of BilledCost, fine units.
        credit: the part of it that Credit rows are (the coupons of a record), not positive.
        rows, first, last: how many rows, the first and the last of them.
        instant: when it is booked: as used, inside its billing period.

    """

    name: str
    account: str
    currency: str
    invoice: str
    category: str
    record: bool
    cost: int
    credit: int
    rows: int
    first: int
    last: int
    instant: int
    starts: int
    ends: int
    resource: str


def charges_of(
    parts: Iterable[SummedRows], *, offset: int, currency: str, account: str
) -> list[FocusCharge]:
    """Make the charges of a file, by account and name. Raises: BadStatement."""
    kept: dict[tuple[str, str, str], FocusCharge] = {}
    every = sorted(parts, key=lambda part: part.first)  # what is wrong first is said first
    day_first = cells.day_first(
        text.strip() for part in every for text in (part.period, part.period_end)
    )
    for part in every:
        charge = _charge(part, day_first, offset=offset, currency=currency, account=account)
        same = (charge.account, charge.currency, charge.name)
        there = kept.get(same)
        kept[same] = charge if there is None else _together(there, charge)
    return [kept[same] for same in sorted(kept)]


def _charge(
    part: SummedRows, day_first: bool | None, *, offset: int, currency: str, account: str  # noqa: FBT001 - as found
) -> FocusCharge:
    row = part.first

    def moment(text: str, column: str) -> int:
        if cells.slashed(text) and day_first is None:
            msg = f"row {row}, {column}: day and month are ambiguous in {text.strip()!r}"
            raise BadStatement(msg, hint="a spreadsheet wrote it: fetch the file again")
        return _said(
            row, column, text, lambda cell: cells.read_instant(cell, day_first=bool(day_first))
        )

    category = part.category.strip()
    if category not in columns.CATEGORIES:
        msg = f"row {row}, ChargeCategory: {category[:40]!r} is not a category of FOCUS"
        raise BadStatement(msg, hint=f"use one of: {', '.join(columns.CATEGORIES)}")
    if part.odd_cost:
        cost = part.rows * _said(row, "BilledCost", part.odd_cost, cells.read_cost)
    else:
        cost = _said(row, "BilledCost", "", lambda _: cells.scaled(part.digits, part.scale))
    begun = [] if part.starts is None else [part.starts]
    if part.odd_start:
        begun.append(moment(part.odd_start, "ChargePeriodStart"))
    ended = [] if part.ends is None else [part.ends]
    if part.odd_end:
        ended.append(moment(part.odd_end, "ChargePeriodEnd"))
        _check_order(row, "ChargePeriod", min(begun), ended[-1], part.odd_end)
    starts, ends = min(begun), max(ended, default=0)
    period = moment(part.period, "BillingPeriodStart") if part.period else None
    if period is not None and part.period_end:
        over = period
        with suppress(BadStatement):  # where it cannot be read it is not needed
            over = moment(part.period_end, "BillingPeriodEnd")
        _check_order(row, "BillingPeriod", period, over, part.period_end)
    code, record = part.currency.strip(), part.record.strip()
    code = _said(row, "BillingCurrency", code, check_currency) if code else currency
    span = months_of(*[starts if period is None else period] * 2, offset=offset)
    when = starts if period is None else booked_at(starts, span)
    if not record:  # a bill is posted when its cycle ends (R5), and belongs to the month it bills
        ends = max(min(ends, span.ends - SECOND), when)
    named = record or _name(part, cost, starts if period is None else period, offset,
                            whole=period is None)  # fmt: skip
    return FocusCharge(
        name=clean(named), account=clean(part.account.strip() or account), currency=code,
        invoice=part.invoice.strip(), category=category, record=bool(record), cost=cost,
        credit=cost if category == CREDIT else 0, rows=part.rows, first=row, last=part.last,
        instant=when, starts=starts, ends=ends,
        resource=part.resource if part.resource == part.resource_last else "",
    )  # fmt: skip


def _check_order(row: int, name: str, starts: int, ends: int, written: str) -> None:
    if ends < starts:
        msg = f"row {row}, {name}End: {written.strip()[:40]!r} is before {name}Start"
        raise BadStatement(msg, hint="fetch the file again, or ask the provider")


def _said(row: int, column: str, text: str, read: Callable[[str], T]) -> T:
    """Read a text, or say where it stands. Raises: BadStatement."""
    try:
        return read(text)
    except InvalidInput as error:
        said, shown = str(error), text.strip()[:40]
        if shown not in cells.NULLS and shown not in said:
            said = f"{shown!r}: {said}"
        raise BadStatement(f"row {row}, {column}: {said}", hint=error.hint) from None


def _name(part: SummedRows, cost: int, billed: int, offset: int, *, whole: bool) -> str:
    """Name a bill by what makes it one, so that another delivery names it the same way.

    ``whole``: it is of the whole month, for it names no billing period.
    """
    day, category = local_date(billed, offset), part.category.strip()
    if whole or day.endswith(_FIRST):
        day = day[: -len(_FIRST)]
    words = [part.invoice.strip(), day, category]
    if part.charge_class.strip() == columns.CORRECTION:
        words.append("correction")
    if category == CREDIT:
        words += ["taken-back"] if cost > 0 else []
    elif cost < 0:
        words.append("refund")
    return "/".join(word for word in words if word)


def clean(name: str) -> str:
    """Return a text that may be an id: itself where it may, else its hash."""
    if not name or (
        len(name) <= _ID_MAX and name.isprintable() and name == name.strip()
        and unicodedata.is_normalized("NFC", name)
    ):  # fmt: skip
        return name
    return f"focus-{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _together(one: FocusCharge, other: FocusCharge) -> FocusCharge:
    """Add rows to a charge: what is charged names it, not what a coupon paid."""
    swapped = one.category == CREDIT and other.category != CREDIT
    lead = other if swapped else one
    resources = {charge.resource for charge in (one, other)}
    resource = lead.resource
    if len(resources) > 1:  # a record is about one instance, whatever its credits say
        resource = lead.resource or (one.resource or other.resource) if one.record else ""
    return msgspec.structs.replace(
        lead, cost=one.cost + other.cost, credit=one.credit + other.credit,
        rows=one.rows + other.rows, first=min(one.first, other.first),
        last=max(one.last, other.last), instant=min(one.instant, other.instant),
        starts=min(one.starts, other.starts), ends=max(one.ends, other.ends), resource=resource,
    )  # fmt: skip


COLUMNS_FROM: Final = 8 << 20  # bytes: starting the engine costs what reading these does


def read_focus(
    body: bytes | Path, *, offset: int, currency: str, encoding: str = "utf-8", account: str = ""
) -> Statement:
    """Read a FOCUS file: CSV, gzip or Parquet. Raises: BadStatement."""
    delivery = FocusFile(body, encoding=encoding)
    charges = charges_of(parts_of(delivery), offset=offset, currency=currency, account=account)
    spans = [months_of(charge.instant, charge.instant, offset=offset) for charge in charges]
    lines = list(_lines(charges, offset))
    main = one_currency(lines, currency)
    return statement_of(
        "focus", FORMATS["focus"].subject, lines, currency=main,
        starts=min((span.starts for span in spans), default=0),
        ends=max((span.ends for span in spans), default=0),
    )  # fmt: skip


def parts_of(delivery: FocusFile) -> Iterator[SummedRows]:
    """Sum the rows by the engine that is there and pays. Raises: BadStatement."""
    if delivery.size >= COLUMNS_FROM and by_columns.usable():
        parts = by_columns.parts_of(delivery)
        if parts is not None:
            return parts
    return by_rows.parts_of(delivery)


def _lines(charges: Iterable[FocusCharge], offset: int) -> Iterator[Line]:
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


def _line(charge: FocusCharge, amount: int) -> Line:
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


def _behind(charge: FocusCharge, place: str, amount: int) -> str:
    """Return which rows are behind a bill, and what they come to: a break keeps it as its text."""
    if amount == charge.cost:
        return place
    return f"{place}: {write_amount(charge.cost, charge.currency)} before rounding"
