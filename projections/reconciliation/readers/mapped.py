"""Any CSV, read through a column map written in TOML (docs/RECONCILE.md shows one).

Invariant: a map that does not fit is refused before a row is read; one way of signs is chosen.
This module must not know any bank's own format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from ledger.errors import InvalidInput
from projections.reconciliation.amounts import read_amount
from projections.reconciliation.identity import Reference
from projections.reconciliation.lines import (
    BOOKED,
    FAILED,
    PENDING,
    BadStatement,
    Line,
    Statement,
    one_currency,
)
from projections.reconciliation.readers import cells
from projections.reconciliation.readers.table import Table
from projections.toml import read_toml

if TYPE_CHECKING:
    from collections.abc import Sequence

One = Annotated[str, Meta(min_length=1, max_length=1)]


class Columns(Struct, frozen=True, forbid_unknown_fields=True):
    """Which column holds what; only the date and an amount are needed."""

    date: str
    amount: str | None = None
    debit: str | None = None
    credit: str | None = None
    flow: str | None = None
    reference: str | None = None
    order: str | None = None
    group: str | None = None
    currency: str | None = None
    account: str | None = None
    status: str | None = None
    fee: str | None = None
    balance: str | None = None
    text: str | None = None


class Values(Struct, frozen=True, forbid_unknown_fields=True):
    """Which words in the columns mean what."""

    income: tuple[str, ...] = ("Income", "Credit", "CRDT", "C", "in")
    expense: tuple[str, ...] = ("Expense", "Debit", "DBIT", "D", "out")
    pending: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class ColumnMap(Struct, frozen=True, forbid_unknown_fields=True):
    """A column map: how a CSV is written, and what its columns mean."""

    columns: Columns
    values: Values = Values()
    encoding: str = "utf-8"
    delimiter: One = ","
    decimal: One = "."
    thousands: One = ","
    sign: Literal["in", "out"] = "in"
    subject: Literal["payments", "wallet", "bills", "charges"] = "payments"
    currency: str | None = None
    opening: str | None = None
    closing: str | None = None


def read_map(text: str) -> ColumnMap:
    """Read a column map. Raises: InvalidInput, naming the key."""
    hint = 'it needs [columns] with date and amount, e.g. date = "Date"'
    try:
        found = msgspec.convert(read_toml(text.encode(), "the column map"), ColumnMap)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"the column map does not fit: {error}", hint=hint) from None
    named = found.columns
    two = named.debit is not None or named.credit is not None
    if two == (named.amount is not None) or (named.flow is not None and named.amount is None):
        msg = "the column map must name either amount (signed, or with flow), or debit and credit"
        raise InvalidInput(msg, hint=hint)
    if found.decimal == found.thousands:
        raise InvalidInput("decimal and thousands are the same sign", hint="name two signs")
    return found


def read_mapped(
    body: bytes, column_map: ColumnMap, *, offset: int, currency: str, account: str = ""
) -> Statement:
    """Read a CSV through its map. Raises: BadStatement, ControlTotalWrong."""
    table = Table(body, encoding=column_map.encoding, delimiter=column_map.delimiter)
    named = column_map.columns
    wanted = [name for name in msgspec.structs.astuple(named) if name is not None]
    table.need(wanted, "file of this column map")
    main = column_map.currency or currency
    lines, balances = [], []
    for number, row in table.rows():
        cell = {
            field: row[table.index(name)].strip() if name is not None else ""
            for field, name in msgspec.structs.asdict(named).items()
        }
        amount = _signed(cell, number, column_map)
        lines.append(_line(cell, number, amount, column_map, main=main, offset=offset,
                           account=account))  # fmt: skip
        balances.append(
            _figure(cell["balance"], number, "balance", column_map) if cell["balance"] else None
        )
    return _statement(lines, balances, column_map, main=main, offset=offset)


def _line(
    cell: dict[str, str], number: int, amount: int, column_map: ColumnMap, *,
    main: str, offset: int, account: str,
) -> Line:  # fmt: skip
    values, status = column_map.values, BOOKED
    if cell["status"] in values.pending:
        status = PENDING
    elif cell["status"] in values.failed:
        status = FAILED
    code = cells.currency(cell["currency"], number, "currency") if cell["currency"] else main
    when = cells.instant(cell["date"], number, column_map.columns.date, offset=offset)
    named = cell["reference"] or cell["order"]
    return Line(
        key=named or cells.nameless(when, amount, code, offset=offset), amount=amount,
        currency=code, instant=when,
        references=(Reference(cell["reference"]),) if cell["reference"] else (),
        order=cell["order"], group=cell["group"], status=status, account=cell["account"] or account,
        fee=_figure(cell["fee"], number, "fee", column_map), text=cell["text"],
        kind="in" if amount >= 0 else "out", place=f"line {number}",
    )  # fmt: skip


def _figure(text: str, line: int, column: str, column_map: ColumnMap) -> int:
    try:
        return read_amount(text, decimal=column_map.decimal, thousands=column_map.thousands)
    except InvalidInput as error:
        raise BadStatement(f"line {line}, {column}: {error}", hint=error.hint) from None


def _signed(cell: dict[str, str], line: int, column_map: ColumnMap) -> int:
    """Give the amount, positive for money that comes in, by the way of signs of the map."""
    if column_map.columns.amount is None:
        credit = _figure(cell["credit"], line, "credit", column_map)
        debit = _figure(cell["debit"], line, "debit", column_map)
        if credit and debit:
            raise BadStatement(f"line {line} has a debit and a credit", hint="one of them is 0")
        amount = credit - abs(debit)
    else:
        amount = _figure(cell["amount"], line, "amount", column_map)
        if column_map.columns.flow is not None:
            amount = abs(amount) * _way(cell["flow"], line, column_map.values)
    return amount if column_map.sign == "in" else -amount


def _way(flow: str, line: int, values: Values) -> int:
    if flow in values.income:
        return 1
    if flow in values.expense:
        return -1
    msg = f"line {line}: flow {flow!r} is neither income nor expense"
    raise BadStatement(msg, hint="the map's [values] say which words mean income and expense")


def _statement(
    lines: Sequence[Line], balances: Sequence[int | None], column_map: ColumnMap, *,
    main: str, offset: int,
) -> Statement:  # fmt: skip
    main = column_map.currency or one_currency(lines, main)
    rough = Statement("csv", column_map.subject, main, (), 0, 0, 0, 0)
    total = sum(rough.effect(line) for line in lines)
    opening, closing, stated = 0, total, False
    if column_map.opening is not None:
        opening = _figure(column_map.opening, 0, "opening", column_map)
        closing, stated = opening + total, True
    elif lines and all(balance is not None for balance in balances):
        first, last, stated = _ends(lines), _ends(lines, last=True), True
        opening = (balances[first] or 0) - rough.effect(lines[first])
        closing = balances[last] or 0
    if column_map.closing is not None:
        closing = _figure(column_map.closing, 0, "closing", column_map)
        opening = opening if stated else closing - total
        stated = True
    instants = [line.instant for line in lines] or [0]
    span = cells.months_of(min(instants), max(instants), offset=offset)
    return Statement(
        source="csv", subject=column_map.subject, currency=main, lines=tuple(lines),
        opening=opening, closing=closing, starts=span.starts if lines else 0,
        ends=span.ends if lines else 0, balances=stated,
    )  # fmt: skip


def _ends(lines: Sequence[Line], *, last: bool = False) -> int:
    """Give the first or the last line in time; files run upwards or downwards."""
    downwards = lines[0].instant > lines[-1].instant
    return 0 if downwards == last else len(lines) - 1
