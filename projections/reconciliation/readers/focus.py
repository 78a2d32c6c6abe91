"""FOCUS cost and usage: CSV or Parquet (names: ../columns.py).

Invariant: rows of one charged id (x_RecordId, else InvoiceId) become one line whose amount is
the sum of their BilledCost, exactly. This module must not know how such files are exported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from projections.reconciliation import columns
from projections.reconciliation.lines import BadStatement, Line, Statement, one_currency
from projections.reconciliation.readers import cells
from projections.reconciliation.readers.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARQUET = b"PAR1"
_SECONDS = len("2025-03-01T00:00:00")


def read_focus(
    body: bytes, *, offset: int, currency: str, encoding: str = "utf-8", account: str = ""
) -> Statement:
    """Read a FOCUS file. Raises: BadStatement."""
    lines: dict[tuple[str, str, str], Line] = {}
    spans = []
    for number, row in _rows(body, encoding):
        line = _line(number, row, offset=offset, account=account, main=currency)
        spans.append(cells.months_of(line.instant, line.instant, offset=offset))
        same = (line.account, line.currency, line.order or line.place)
        there = lines.get(same)
        lines[same] = line if there is None else _together(there, line)
    found = tuple(lines.values())
    main = one_currency(found, currency)
    return Statement(
        source="focus", subject="charges", currency=main, lines=found, opening=0,
        closing=sum(line.amount for line in found if line.currency == main),
        starts=min((span.starts for span in spans), default=0),
        ends=max((span.ends for span in spans), default=0),
    )  # fmt: skip


def _line(number: int, row: dict[str, str], *, offset: int, account: str, main: str) -> Line:
    owners = (row.get(name, "") for name in columns.FOCUS_ACCOUNTS)
    charged = row.get("x_RecordId", "") or row.get("InvoiceId", "")
    kind = cells.choice(
        row["ChargeCategory"], number, "ChargeCategory", words=columns.FOCUS_CATEGORIES
    )
    cost = cells.amount(row["BilledCost"], number, "BilledCost")
    starts = cells.instant(row["ChargePeriodStart"], number, "ChargePeriodStart", offset=offset)
    ends, code = row.get("ChargePeriodEnd", ""), row.get("BillingCurrency", "")
    when, billed = starts, row.get("BillingPeriodStart", "")
    if billed:
        first = cells.instant(billed, number, "BillingPeriodStart", offset=offset)
        when = cells.booked_at(starts, cells.months_of(first, first, offset=offset))
    return Line(
        key=charged or cells.nameless(when, cost, code or main, offset=offset), amount=cost,
        currency=cells.currency(code, number, "BillingCurrency") if code else main,
        instant=when, order=charged, kind=kind,
        account=next(filter(None, owners), "") or account, place=f"row {number}", starts=starts,
        ends=cells.instant(ends, number, "ChargePeriodEnd", offset=offset) if ends else 0,
        instance=row.get("ResourceId", ""), gross=cost if kind != "Credit" else 0,
        group=row.get("InvoiceId", "") if row.get("x_RecordId", "") else "",
        coupons=-cost if kind == "Credit" else 0, firm=bool(row.get("x_RecordId", "")),
    )  # fmt: skip


def _together(one: Line, other: Line) -> Line:
    """Add a row to the line of its id: what is charged names it, not what a coupon paid."""
    swapped = one.kind == "Credit" and other.kind != "Credit"
    first, second = (other, one) if swapped else (one, other)
    return msgspec.structs.replace(
        first, amount=one.amount + other.amount, gross=one.gross + other.gross,
        coupons=one.coupons + other.coupons, starts=min(one.starts, other.starts),
        ends=max(one.ends, other.ends), instant=min(one.instant, other.instant),
        instance=first.instance or second.instance,
    )  # fmt: skip


def _rows(body: bytes, encoding: str) -> Iterator[tuple[int, dict[str, str]]]:
    if body[:4] == _PARQUET:
        yield from _parquet(body)
        return
    table = Table(body, encoding=encoding)
    table.need(columns.FOCUS_NEEDED, "focus")
    known = [(table.header.index(name), name) for name in columns.FOCUS if name in table.header]
    for number, row in table.rows():
        yield number, {name: row[place].strip() for place, name in known}


def _parquet(body: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Read Parquet; decimals and instants as the exact text that the CSV would have."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, for this format alone
        from pyarrow import parquet  # noqa: PLC0415 - as above
    except ImportError:
        msg = "reading Parquet needs pyarrow, which is not installed"
        raise BadStatement(msg, hint="pip install 'tallystick[parquet]', or use the CSV") from None
    try:
        table = parquet.read_table(pa.BufferReader(body))
    except (pa.ArrowException, OSError) as error:
        msg = f"the file is no whole Parquet file: {str(error)[:120]}"
        raise BadStatement(msg, hint="fetch the file again") from None
    absent = [name for name in columns.FOCUS_NEEDED if name not in table.column_names]
    if absent:
        raise BadStatement(f"the file has no column {', '.join(absent)}, so it is no focus")
    for name in table.column_names:
        if name == "BilledCost" and pa.types.is_floating(table.schema.field(name).type):
            msg = "BilledCost is stored as a float, which is not exact"
            raise BadStatement(msg, hint="export it as a decimal or as text")
    known = [name for name in columns.FOCUS if name in table.column_names]
    for number, row in enumerate(table.select(known).to_pylist(), 1):
        yield number, {name: _written(row[name]) for name in known}


def _written(cell: object) -> str:
    if cell is None:
        return ""
    isoformat = getattr(cell, "isoformat", None)
    if isoformat is None:
        return f"{cell:f}" if hasattr(cell, "as_tuple") else str(cell).strip()
    text = str(isoformat())
    return text if len(text) < _SECONDS or text[_SECONDS:] else f"{text}Z"  # FOCUS instants are UTC
