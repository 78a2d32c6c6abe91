"""Any CSV, read through a column map (maps.py; docs/RECONCILE.md shows one).

Invariant: each row is read in one way, by its map and by what the whole column shows, and the
running balances of each account and currency form one chain, in any order of the rows.
This module must not know any bank's own format.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ledger.errors import InvalidInput
from projections.reconciliation.amounts import read_amount
from projections.reconciliation.chains import Ends, Step, running
from projections.reconciliation.identity import TRANSACTION, Reference
from projections.reconciliation.lines import (
    BOOKED,
    FAILED,
    PENDING,
    BadStatement,
    Line,
    Statement,
    check_total,
    one_currency,
)
from projections.reconciliation.readers import cells
from projections.reconciliation.readers.dates import Dates, choose_form
from projections.reconciliation.readers.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from projections.reconciliation.readers.maps import Column, ColumnMap

_SYMBOLS: Final = re.compile(r"[€$£¥￥₹]")
# What a spreadsheet makes of a long number: the rest of its digits is lost.
_ROUNDED: Final = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)
_IGNORED: Final = "ignored"
_Row = dict[str, str]  # a row's cells, under what the map says that they mean


def read_mapped(
    body: bytes, column_map: ColumnMap, *, offset: int, currency: str, account: str = ""
) -> Statement:
    """Read a CSV through its map. Raises: InvalidInput, BadStatement, ControlTotalWrong."""
    rows = list(_rows(body, column_map))
    column = str(column_map.columns.date)
    forms = choose_form([(line, row["date"]) for line, row in rows], column, column_map.forms)
    dates = Dates(forms, column, zone=column_map.zone, offset=offset)
    maker = _Maker(column_map, [row for _, row in rows], currency=currency, account=account)
    lines, balances = [], []
    for number, row in rows:
        status = maker.status(row, number)
        if status == _IGNORED:
            continue
        lines.append(maker.line(row, number, dates.instant(row["date"], number), status, offset))
        left = row.get("balance", "")
        balances.append(maker.figure(left, number, "balance") if left else None)
    _check_rounded(lines)
    return _statement(lines, balances, maker, offset=offset)


def _rows(body: bytes, column_map: ColumnMap) -> Iterator[tuple[int, _Row]]:
    table = Table(
        body, encoding=column_map.encoding, delimiter=column_map.delimiter,
        skip_before=column_map.skip_before, header=column_map.header, comment=column_map.comment,
    )  # fmt: skip
    named = column_map.columns.named()
    wanted = [name for name in named.values() if isinstance(name, str)]
    if column_map.header:
        table.need(wanted, "file of this column map", search=not column_map.skip_before)
    places = {field: _place(table, column) for field, column in named.items()}
    texts = [field for field in places if field.startswith("text")]
    for number, cell in table.rows(anchor=places["date"], skip_after=column_map.skip_after):
        row = {field: cell[place].strip() for field, place in places.items()}
        if "time" in row:
            row["date"] = f"{row['date']} {row['time']}".strip()
        row["text"] = " ".join(filter(None, (row[field] for field in texts)))
        yield number, row


def _place(table: Table, column: Column) -> int:
    if isinstance(column, str):
        return table.index(column)
    if column > table.width:
        msg = f"there is no column {column}: the file has {table.width}"
        raise BadStatement(msg, hint="columns are counted from 1; is the delimiter right?")
    return column - 1


class _Maker:
    """Makes lines of rows, by the map and by what whole columns show."""

    def __init__(
        self, column_map: ColumnMap, rows: Sequence[_Row], *, currency: str, account: str
    ) -> None:
        self.map, self.main, self.account = column_map, column_map.currency or currency, account
        values = column_map.values
        self._ways = dict.fromkeys((word.lower() for word in values.income), 1)
        self._ways.update(dict.fromkeys((word.lower() for word in values.expense), -1))
        self._states = {
            word.lower(): state
            for state, words in (
                (BOOKED, values.booked), (PENDING, values.pending), (FAILED, values.failed),
                (_IGNORED, values.ignored),
            ) for word in words
        }  # fmt: skip
        debits = [self._size(row.get("debit", "")) for row in rows]
        # A column of debits is written with minus signs or without: then one is a debit undone.
        self._minus = min(debits, default=0) < 0 and max(debits, default=0) <= 0
        # A cost stands as a negative fee beside money that comes in, or as a positive one.
        self._fees_fall = any(
            self._size(row.get("fee", "")) < 0 <= self._size(row.get("amount", ""))
            for row in rows
        )

    def _size(self, text: str) -> int:
        try:
            return self._number(text)
        except InvalidInput:  # refused when its row is read
            return 0

    def status(self, row: _Row, line: int) -> str:
        """Return what the words of a row say that it is. Raises: BadStatement."""
        for field in ("status", "flow"):
            known = self._states.get(row.get(field, "").lower())
            if known is not None:
                return known
        said = row.get("status", "")
        if said and self.map.values.booked:
            msg = f"line {line}: the status {said!r} is not in the map"
            raise BadStatement(msg, hint="the map's [values] say booked, pending, failed, ignored")
        return BOOKED

    def line(self, row: _Row, number: int, when: int, status: str, offset: int) -> Line:
        """Return the line of a row. Raises: BadStatement."""
        code = self.main
        if row.get("currency"):
            code = cells.currency(row["currency"].upper(), number, "currency")
        amount = self._signed(row, number)
        fee = self.figure(row.get("fee", ""), number, "fee")
        references = tuple(
            Reference(row[field], scope)
            for field, scope in (("id", TRANSACTION), ("reference", self.map.scope))
            if row.get(field)
        )
        named = next((one.text for one in references if one.identifies), row.get("order", ""))
        return Line(
            key=named or cells.nameless(when, amount, code, offset=offset), amount=amount,
            currency=code, instant=when, references=references, order=row.get("order", ""),
            group=row.get("group", ""), status=status,
            account=row.get("account") or self.account,
            fee=-fee if self._fees_fall else fee, text=row["text"],
            kind="in" if amount >= 0 else "out", place=f"line {number}",
        )  # fmt: skip

    def _signed(self, row: _Row, line: int) -> int:
        """Return the amount, positive for money that comes in, by the map's way of signs."""
        if self.map.columns.amount is None:
            credit = self.figure(row.get("credit", ""), line, "credit")
            debit = self.figure(row.get("debit", ""), line, "debit")
            if credit and debit:
                raise BadStatement(f"line {line} has a debit and a credit", hint="one of them is 0")
            amount = credit + debit if self._minus else credit - debit
        else:
            if not row["amount"]:
                raise BadStatement(
                    f"line {line} has no amount", hint="the map's ignored words leave out rows"
                )
            amount = self.figure(row["amount"], line, "amount")
            if self.map.columns.flow is not None:
                amount = abs(amount) * self._way(row["flow"], line)
        return amount if self.map.sign == "in" else -amount

    def _way(self, flow: str, line: int) -> int:
        way = self._ways.get(flow.lower())
        if way is None:
            msg = f"line {line}: flow {flow!r} is neither income nor expense"
            hint = "the map's [values] say which words mean income and expense, or are ignored"
            raise BadStatement(msg, hint=hint)
        return way

    def figure(self, text: str, line: int, column: str) -> int:
        """Read an amount as the map writes them. Raises: BadStatement."""
        try:
            return self._number(text)
        except InvalidInput as error:
            place = f"line {line}, {column}" if line else f"the map's {column}"
            raise BadStatement(f"{place}: {error}", hint=error.hint) from None

    def _number(self, text: str) -> int:
        plain = _SYMBOLS.sub("", text, count=1)
        return read_amount(plain, decimal=self.map.decimal, thousands=self.map.grouping)


def _check_rounded(lines: Sequence[Line]) -> None:
    """Refuse ids that a spreadsheet rounded to one. Raises: BadStatement."""
    seen: dict[str, Line] = {}
    for line in lines:
        for one in line.references:
            if one.scope == TRANSACTION and _ROUNDED.fullmatch(one.text):
                first = seen.setdefault(one.text, line)
                if first is not line:
                    raise BadStatement(
                        f"{line.place} has the id {one.text} of {first.place}: a spreadsheet "
                        "rounded it, so two payments look like one",
                        hint="export the file again and do not open it in a spreadsheet",
                    )


def _statement(
    lines: Sequence[Line], balances: Sequence[int | None], maker: _Maker, *, offset: int
) -> Statement:
    column_map = maker.map
    main = column_map.currency or one_currency(lines, maker.main)
    rough = Statement("csv", column_map.subject, main, (), 0, 0, 0, 0)
    total = sum(rough.effect(line) for line in lines)
    ends = _chains(lines, balances, main)
    opening, closing = (
        None if text is None else maker.figure(text, 0, name)
        for name, text in (("opening", column_map.opening), ("closing", column_map.closing))
    )
    stated = not (opening is None and closing is None and ends is None)
    if ends is not None:
        for said, found, name in ((opening, ends.opening, "opening"),
                                  (closing, ends.closing, "closing")):  # fmt: skip
            if said is not None:
                check_total(f"{name} of the map = that of the balances", said, found, currency=main)
        opening, closing = ends
    if opening is None:
        opening = 0 if closing is None else closing - total
    span = cells.span_of([line.instant for line in lines], offset=offset)
    return Statement(
        source="csv", subject=column_map.subject, currency=main, lines=tuple(lines),
        opening=opening, closing=opening + total if closing is None else closing,
        starts=span.starts, ends=span.ends, balances=stated,
    )  # fmt: skip


def _chains(
    lines: Sequence[Line], balances: Sequence[int | None], main: str
) -> Ends | None:
    """Return the sum of the ends of all accounts, None where one of them states no balance.

    Each account and currency is a chain of its own, and each is held. Raises: ControlTotalWrong.
    """
    chains: dict[tuple[str, str], list[Step]] = {}
    for line, left in zip(lines, balances, strict=True):
        if line.status == BOOKED:
            steps = chains.setdefault((line.account, line.currency), [])
            steps.append(Step(line.amount, left, line.instant, line.place))
    ends = {
        named: running(steps, currency=named[1]) for named, steps in sorted(chains.items())
    }  # fmt: skip
    mine = [one for (_, code), one in ends.items() if code == main]
    whole = [one for one in mine if one is not None]
    if not mine or len(whole) != len(mine):
        return None
    return Ends(sum(one.opening for one in whole), sum(one.closing for one in whole))
