"""Any CSV, read through a column map (maps.py; docs/RECONCILE.md shows one).

Invariant: each row is read in one way, by its map and by what the whole column shows, and the
running balances of each account and currency form one chain, in any order of the rows.
This module must not know any bank's own format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from ledger.errors import InvalidInput
from projections.reconciliation.chains import BalanceStep, chains_of, elsewhere, running, whole
from projections.reconciliation.lines import (
    BOOKED,
    FAILED,
    PENDING,
    TRANSACTION,
    BadStatement,
    Ends,
    Line,
    Reference,
    Statement,
    check_total,
    one_currency,
)
from projections.reconciliation.readers import cells
from projections.reconciliation.readers.dates import Dates, choose_form, form_of, is_date
from projections.reconciliation.readers.maps import (
    EMPTY,
    AmountRead,
    AmountReader,
    folded,
    read_map,
)
from projections.reconciliation.readers.table import Table
from projections.reconciliation.readers.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from projections.reconciliation.readers.maps import Column, ColumnMap

_IGNORED: Final = "ignored"
_OPENING, _CLOSING = "opening", "closing"
_HELD: Final = {word: what for what, words in WORDS.held.items() for word in words}
_Row = dict[str, str]  # a row's cells, under what the map says that they mean


def read_csv(
    body: bytes, *, column_map: str, offset: int, currency: str, encoding: str = "utf-8",
    account: str = "",
) -> Statement:  # fmt: skip
    """Read a CSV through the map of a text. Raises: InvalidInput, and as read_mapped."""
    chosen = read_map(column_map)
    if encoding.lower() != "utf-8":  # said on the command line, so it is of this file
        chosen = replace(chosen, encoding=encoding)
    return read_mapped(body, chosen, offset=offset, currency=currency, account=account)


def read_mapped(
    body: bytes, column_map: ColumnMap, *, offset: int, currency: str, account: str = ""
) -> Statement:
    """Read a CSV through its map. Raises: InvalidInput, BadStatement, ControlTotalWrong."""
    every = list(_rows(body, column_map))
    rows = [(line, row) for line, row in every if not row["held"]]
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
        balances.append(maker.left(row, number))
    _check_rounded(lines)
    held = [one for number, row in every if row["held"] for one in maker.held(row, number)]
    return _statement(lines, balances, maker, held, offset=offset)


def _rows(body: bytes, column_map: ColumnMap) -> Iterator[tuple[int, _Row]]:
    table = Table(
        body, encoding=column_map.encoding, delimiter=column_map.delimiter,
        skip_before=column_map.skip_before, header=column_map.header, comment=column_map.comment,
    )  # fmt: skip
    named = column_map.columns.named()
    wanted = [name for name in named.values() if isinstance(name, str)]
    if column_map.header:
        table.need(wanted, "a file of this column map", search=not column_map.skip_before)
    places = {field: _place(table, column) for field, column in named.items()}
    texts = [field for field in places if field.startswith("text")]
    forms = [form_of(name) for name in column_map.forms]
    for number, cell in table.rows(
        anchor=places["date"], skip_after=column_map.skip_after,
        begins=lambda said: any(form.read(said) for form in forms) or is_date(said),
    ):  # fmt: skip
        row = {field: cell[place].strip() for field, place in places.items()}
        if "time" in row:
            row["date"] = f"{row['date']} {row['time']}".strip()
        row["text"] = " ".join(filter(None, (row[field] for field in texts)))
        row["held"] = next((_HELD[word] for one in cell if (word := folded(one)) in _HELD), "")
        yield number, row


def _place(table: Table, column: Column) -> int:
    if isinstance(column, str):
        return table.index(column)
    if column > table.width:
        msg = f"there is no column {column}: the file has {table.width}"
        raise BadStatement(msg, hint="columns are counted from 1; is the delimiter right?")
    return column - 1


class _Held(NamedTuple):
    """What an account held at one end, as a row of its own says it."""

    what: str
    account: str
    currency: str
    amount: int
    place: str


class _Maker:
    """Makes lines of rows, by the map and by what whole columns show."""

    def __init__(
        self, column_map: ColumnMap, rows: Sequence[_Row], *, currency: str, account: str
    ) -> None:
        self.map, self.main, self.account = column_map, column_map.currency or currency, account
        values = column_map.values
        self._figures = AmountReader(column_map)
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
        # Amounts beside a flow have a sign of their own where money that goes out is negative.
        self._signed_too = all(
            self._size(row.get("amount", "")) <= 0
            for row in rows if self._figures.way(row.get("flow", "")) < 0
        )

    def _size(self, text: str) -> int:
        try:
            return self._figures.read(text).amount if text not in EMPTY else 0
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
        amount, beside = self._signed(row, number)
        code = self._currency(row, number, beside)
        fee = self.figure(row.get("fee", ""), number, "fee").amount
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
            payer=row.get("payer", ""), payer_account=row.get("payer_account", ""),
            kind="in" if amount >= 0 else "out", place=f"line {number}",
        )  # fmt: skip

    def _currency(self, row: _Row, line: int, beside: str) -> str:
        """Return the currency of a row: its column's, the amount's own, the map's."""
        said = row.get("currency", "")
        code = cells.currency(said.upper(), line, "currency") if said else self.map.currency
        if beside and code and beside != code:
            msg = f"line {line}: the amount is in {beside}, and the row in {code}"
            raise BadStatement(msg, hint="the map's currency, or its currency column, is wrong")
        return code or beside or self.main

    def left(self, row: _Row, line: int) -> int | None:
        """Return the balance after a row, None where it states none. Raises: BadStatement."""
        text = row.get("balance", "")
        return None if text in EMPTY else self.figure(text, line, "balance").amount

    def held(self, row: _Row, line: int) -> Iterator[_Held]:
        """Yield what a row says that its account held, if it says a figure."""
        left, beside = self.left(row, line), ""
        if left is None and any(
            row.get(name, "") not in EMPTY for name in ("amount", "debit", "credit")
        ):
            left, beside = self._signed(row, line)
        if left is not None:
            code = self._currency(row, line, beside)
            account = row.get("account") or self.account
            yield _Held(row["held"], account, code, left, f"line {line}")

    def _signed(self, row: _Row, line: int) -> AmountRead:
        """Return the amount, positive for money that comes in, by the map's way of signs."""
        if self.map.columns.amount is None:
            credit = self.figure(row.get("credit", ""), line, "credit")
            debit = self.figure(row.get("debit", ""), line, "debit")
            if credit.amount and debit.amount:
                raise BadStatement(f"line {line} has a debit and a credit", hint="one of them is 0")
            taken = debit.amount if self._minus else -debit.amount
            found = AmountRead(credit.amount + taken, credit.currency or debit.currency)
        else:
            if row["amount"] in EMPTY:
                raise BadStatement(
                    f"line {line} has no amount", hint="the map's ignored words leave out rows"
                )
            found = self.figure(row["amount"], line, "amount")
            if self.map.columns.flow is not None:
                found = found._replace(amount=self._flowing(found.amount, row["flow"], line))
        return found if self.map.sign == "in" else found._replace(amount=-found.amount)

    def _flowing(self, amount: int, flow: str, line: int) -> int:
        """Return an amount with the sign of its flow; a negative one is taken back."""
        way = self._figures.way(flow)
        if not way:
            msg = f"line {line}: flow {flow!r} is neither income nor expense"
            hint = "the map's [values] say which words mean income and expense, or are ignored"
            raise BadStatement(msg, hint=hint)
        if not self._signed_too or amount >= 0:
            return amount * way
        if way > 0:
            msg = f"line {line} has a negative amount and the flow {flow!r}, which says income"
            raise BadStatement(msg, hint="leave flow out of the map if the sign alone counts")
        return amount

    def figure(self, text: str, line: int, column: str) -> AmountRead:
        """Read an amount as the map writes them. Raises: BadStatement."""
        if text in EMPTY:
            return AmountRead(0)
        with cells.placed(line, column if line else f"the map's {column}"):
            return self._figures.read(text)


def _check_rounded(lines: Sequence[Line]) -> None:
    """Refuse ids of which a spreadsheet left only a part. Raises: BadStatement."""
    for line in lines:
        for one in line.references:
            if one.identifies and cells.rounded(one.text):
                msg = f"{line.place}: {one.text!r} is not an id: a spreadsheet shortened it"
                hint = "export the file again and do not open it in a spreadsheet"
                raise BadStatement(msg, hint=hint)


def _statement(
    lines: Sequence[Line], balances: Sequence[int | None], maker: _Maker, held: Sequence[_Held],
    *, offset: int,
) -> Statement:  # fmt: skip
    column_map = maker.map
    main = column_map.currency or one_currency(lines, maker.main)
    rough = Statement("csv", column_map.subject, main, (), 0, 0, 0, 0)
    total = sum(rough.effect(line) for line in lines)
    ends = _ends(lines, balances, held)
    known = whole(ends, main)
    opening, closing = (
        None if text is None else maker.figure(text, 0, name).amount
        for text, name in ((column_map.opening, _OPENING), (column_map.closing, _CLOSING))
    )
    stated = known is not None or opening is not None or closing is not None
    if known is not None:
        found = Ends(*map(sum, zip(*known.values(), strict=True)))
        for said, there, name in ((opening, found.opening, _OPENING),
                                  (closing, found.closing, _CLOSING)):  # fmt: skip
            if said is not None:
                check_total(f"{name} of the map = that of the balances", said, there, currency=main)
        opening, closing = found
    if opening is None:
        opening = 0 if closing is None else closing - total
    span = cells.span_of([line.instant for line in lines], offset=offset)
    openings = {name: one.opening for name, one in (known or {}).items()}
    return Statement(
        source="csv", subject=column_map.subject, currency=main, lines=tuple(lines),
        opening=opening, closing=opening + total if closing is None else closing,
        starts=span.starts, ends=span.ends, balances=stated, openings=openings,
        elsewhere=elsewhere(ends, main),
    )  # fmt: skip


def _ends(
    lines: Sequence[Line], balances: Sequence[int | None], held: Sequence[_Held]
) -> dict[tuple[str, str], Ends | None]:
    """Return the ends of each account and currency, None where nothing states them.

    Each account and currency is a chain of its own, and each is held. Raises: ControlTotalWrong.
    """
    chains = chains_of(zip(lines, balances, strict=True))
    for one in held:
        chains.setdefault((one.account, one.currency), [])
    found: dict[tuple[str, str], Ends | None] = {}
    for named, steps in sorted(chains.items()):
        said = [one for one in held if (one.account, one.currency) == named]
        found[named] = _with_held(running(steps, currency=named[1]), steps, said)
    return found


def _with_held(
    ends: Ends | None, steps: Sequence[BalanceStep], held: Sequence[_Held]
) -> Ends | None:
    """Compare the rows that say what an account held with its chain, or take its ends from them.

    Raises: ControlTotalWrong, naming the row.
    """
    moved = sum(step.effect for step in steps)
    for one in held:
        if ends is None:
            start = one.amount if one.what == _OPENING else one.amount - moved
            ends = Ends(start, start + moved)
        there = ends.opening if one.what == _OPENING else ends.closing
        check_total(f"{one.what} in {one.place} = that of the rows", one.amount, there,
                    currency=one.currency)  # fmt: skip
    return ends
