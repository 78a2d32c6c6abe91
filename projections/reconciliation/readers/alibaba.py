"""The vendor's two files: instance bills and account transactions.

Invariant: a bill's row adds up (gross - discounts - coupons = pretax = cash coupons + payment +
outstanding), and each account's balances form one chain; otherwise the file is refused.
Names are the vendor's own, verbatim; ``OwnerID`` (our account) and ``RelatedRecordID`` are
additions that files may lack. What our exports write is read back (tests/reconciliation).
This module must not know the ledger's own side.

Meaning of the cells, where the names do not say it:
    RecordID: the id of what is charged: the bill's id (R5), the note's id (an Adjustment, R10),
        or ``order:N`` and ``refund:N``, N the position of the event. In the transactions it
        is the id of the bill, order, note or refund whose cash moved; empty for top-ups.
    RelatedRecordID: the bill that an Adjustment takes back from, the order that a Refund ends.
    TransactionChannelSN: the payment's serial (R3); a reversal carries that of its payment.
    PretaxGrossAmount: the rated amount (R8). PretaxAmount = PretaxGrossAmount - InvoiceDiscount
        - DeductedByCoupons - RoundDownDiscount. PretaxAmount = DeductedByCashCoupons +
        PaymentAmount + OutstandingAmount. An Adjustment or a Refund has negative amounts; what a
        credit note cancels stays in the bill's own row and is negative in the note's.
    Amount: unsigned, TransactionFlow says the way. Balance: the cash after the transaction.
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from ledger.errors import InvalidInput
from projections.reconciliation.amounts import read_amount
from projections.reconciliation.chains import chains_of, elsewhere, running, whole
from projections.reconciliation.lines import (
    BOOKED,
    PAID,
    TRANSACTION,
    UNPAID,
    BadStatement,
    Line,
    Reference,
    check_total,
    one_currency,
    statement_of,
)
from projections.reconciliation.readers import FORMATS, cells
from projections.reconciliation.readers.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from projections.reconciliation.lines import Statement

_BILLS, _WALLET = FORMATS["alibaba-bills"], FORMATS["alibaba-transactions"]
_ITEMS: Final = ("SubscriptionOrder", "PayAsYouGoBill", "Refund", "Adjustment")
_PRETAX: Final = ("PretaxGrossAmount", "PretaxAmount")  # one of them is needed
_PARTS: Final = (
    *_PRETAX, "InvoiceDiscount", "DeductedByCoupons", "RoundDownDiscount",
    "DeductedByCashCoupons", "PaymentAmount", "OutstandingAmount",
)  # fmt: skip
_TYPES: Final = ("Payment", "Withdraw", "Refund", "Consumption", "Transfer", "Adjust")
_FLOWS: Final = ("Income", "Expense")
_OWNERS: Final = ("OwnerID", "AccountID")  # the account, under either name
_KEPT: Final = 1 << 16  # texts of amounts that are read once
Row = list[str]
_new = tuple.__new__  # of a NamedTuple, without detours: one a row

# What a spreadsheet does: it shortens long ids (2.02503E+27), takes leading zeros off, rewrites
# dates in an order that nobody can tell, and writes ##### where a column was too narrow.
_SLASHED: Final = re.compile(r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}.*", re.ASCII)
_NARROW: Final = re.compile(r"#{3,}")
_TOTALS: Final = ("total", "totals", "grand total", "sum", "合计", "总计", "小计", "总额")
_ZERO: Final = re.compile(r"""[,;|\t\n"'=` ]0[0-9](?!:)""")
_HINT: Final = "export the file again and do not save it from a spreadsheet"


class _Cells:
    """Reads the cells of chosen columns, each text that comes again once."""

    def __init__(self, table: Table, columns: Iterable[str | tuple[str, ...]]) -> None:
        """Find the columns, each by its name or the first of several; a file may lack some."""
        places = [
            table.index(*((name,) if isinstance(name, str) else name)) for name in columns
        ]
        self._blanks = table.blanks
        self._missing = min(places) < 0
        self._chosen = itemgetter(*places)  # -1 is the empty cell at the end of each row
        self.amounts: dict[str, int] = {}
        self.codes: dict[str, str] = {}

    def cells(self, row: Row) -> Iterable[str]:
        """Return the cells of a row, without blanks around them; empty for absent columns."""
        if self._missing:
            row.append("")
        chosen: tuple[str, ...] = self._chosen(row)
        return map(str.strip, chosen) if self._blanks else chosen

    def amount(self, text: str, line: int, column: str) -> int:
        """Read an amount. Raises: BadStatement."""
        found = self.amounts.get(text)
        if found is None:
            found = cells.amount(text, line, column)
            if len(self.amounts) < _KEPT:
                self.amounts[text] = found
        return found

    def currency(self, text: str, line: int) -> str:
        """Read a currency. Raises: BadStatement."""
        found = self.codes.get(text)
        if found is None:
            found = self.codes[text] = cells.currency(text, line, "Currency")
        return found


def read_bills(
    body: bytes, *, offset: int, currency: str, encoding: str = "utf-8", account: str = ""
) -> Statement:
    """Read an instance-bill file. Raises: BadStatement, ControlTotalWrong."""
    table = Table(body, encoding=encoding)
    table.need(_BILLS.header, "an alibaba-bills file")
    if table.index(*_PRETAX) < 0:
        table.need(_PRETAX[:1], "an alibaba-bills file")
    read = _Cells(table, (
        _OWNERS, "RecordID", "Item", "InstanceID", "BillingCycle", "Currency", "UsageStartTime",
        "UsageEndTime", "RelatedRecordID", *_PARTS,
    ))  # fmt: skip
    there = [table.index(name) >= 0 for name in _PARTS]
    lines: list[Line] = []
    spans: list[cells.DateSpan] = []
    for number, row in sound_rows(
        table, ids=("RecordID", "RelatedRecordID", "InstanceID", *_OWNERS),
        instants=("BillingCycle", "UsageStartTime", "UsageEndTime"),
        sums=(*_PRETAX, "PaymentAmount", "OutstandingAmount"),
    ):  # fmt: skip
        owner, record, kind, instance, cycle, code, starts, ends, related, *parts = read.cells(row)
        cells.choice(kind, number, "Item", words=_ITEMS)
        code = read.currency(code, number)
        amounts = [
            read.amount(text, number, name) for text, name in zip(parts, _PARTS, strict=True)
        ]
        charged, gross, paid, coupons, outstanding = _charged(amounts, there, number, code)
        started = cells.instant(starts, number, "UsageStartTime", offset=offset) if starts else 0
        ended = cells.instant(ends, number, "UsageEndTime", offset=offset) if ends else 0
        span = None
        if cycle:
            span = cells.month(cycle, number, "BillingCycle", offset=offset)
            spans.append(span)
        elif ended:
            spans.append(cells.months_of(started or ended, ended, offset=offset))
        when = cells.booked_at(ended or started, span)
        lines.append(
            Line(
                key=record or cells.nameless(when, charged, code, offset=offset),
                amount=charged, currency=code, instant=when, order=record,
                status=UNPAID if outstanding > 0 else PAID, kind=kind, account=owner or account,
                place=f"line {number}", starts=started, ends=ended, instance=instance,
                group=related, paid=paid, coupons=coupons, gross=gross, firm=bool(record),
            )
        )  # fmt: skip
    return statement_of(
        "alibaba-bills", _BILLS.subject, lines, currency=one_currency(lines, currency),
        starts=min((s.starts for s in spans), default=0),
        ends=max((s.ends for s in spans), default=0),
    )  # fmt: skip


def _charged(
    parts: Sequence[int], there: Sequence[bool], line: int, code: str
) -> tuple[int, int, int, int, int]:
    """Check the parts of a row; return what is charged, gross, paid, by coupons, outstanding."""
    gross, pretax, discount, coupons, cut, cash, paid, left = parts
    has_gross, has_pretax, *_, has_paid, has_left = there
    if has_gross and has_pretax:
        check_total(
            f"of line {line}, PretaxGrossAmount less discounts and coupons = PretaxAmount",
            pretax, gross - discount - coupons - cut, currency=code,
        )  # fmt: skip
    elif has_gross:
        pretax = gross - discount - coupons - cut
    else:
        gross = pretax + discount + coupons + cut
    if has_paid and has_left:
        check_total(
            f"of line {line}, cash coupons + payment + outstanding = PretaxAmount",
            pretax, cash + paid + left, currency=code,
        )  # fmt: skip
    return pretax + coupons, gross - discount, paid, coupons + cash, left


def read_transactions(
    body: bytes, *, offset: int, currency: str, encoding: str = "utf-8", account: str = ""
) -> Statement:
    """Read an account-transaction file. Raises: BadStatement, ControlTotalWrong."""
    table = Table(body, encoding=encoding)
    table.need(_WALLET.header, "an alibaba-transactions file")
    read = _Cells(table, (
        _OWNERS, "TransactionChannelSN", "TransactionNumber", "TransactionTime",
        "TransactionType", "TransactionFlow", "TransactionChannel", "Currency", "RecordID",
        "Amount", "Balance",
    ))  # fmt: skip
    amounts, codes = read.amounts, read.codes
    lines: list[Line] = []
    balances: list[int | None] = []
    for number, row in sound_rows(
        table, instants=("TransactionTime", "BillingCycle"), sums=("Amount",),
        ids=("TransactionNumber", "TransactionChannelSN", "RecordID", *_OWNERS),
    ):  # fmt: skip
        owner, ours, theirs, time, kind, flow, channel, code, record, size, left = read.cells(row)
        if kind not in _TYPES:
            cells.choice(kind, number, "TransactionType", words=_TYPES)
        if flow not in _FLOWS:
            cells.choice(flow, number, "TransactionFlow", words=_FLOWS)
        amount = amounts.get(size)
        if amount is None:
            amount = read.amount(size, number, "Amount")
        lines.append(
            Line(
                ours or record or theirs, amount if flow == "Income" else -amount,
                codes.get(code) or read.currency(code, number) if code else currency,
                cells.instant(time, number, "TransactionTime", offset=offset),
                (_new(Reference, (ours, TRANSACTION)),) if ours else (), record, "", 0, BOOKED,
                kind, owner or account, f"line {number}", channel=channel, number=theirs,
                firm=bool(ours or record),
            )
        )  # fmt: skip
        balances.append(read.amount(left, number, "Balance") if left else None)
    return _wallet_statement(lines, balances, currency=currency, offset=offset)


def _wallet_statement(
    lines: Sequence[Line], balances: Sequence[int | None], *, currency: str, offset: int
) -> Statement:
    main = one_currency(lines, currency)
    stated = any(left is not None for left in balances)
    chains = chains_of(zip(lines, balances, strict=True)) if stated else {}
    ends = {named: running(steps, currency=named[1]) for named, steps in sorted(chains.items())}
    held = whole(ends, main)
    span = cells.span_of([line.instant for line in lines], offset=offset)
    return statement_of(
        "alibaba-transactions", _WALLET.subject, lines, currency=main, held=held,
        starts=span.starts, ends=span.ends, elsewhere=elsewhere(ends, main),
        kinds=frozenset(line.kind for line in lines) if held is None else frozenset(),
    )  # fmt: skip


def sound_rows(
    table: Table, *, ids: Sequence[str], instants: Sequence[str], sums: Sequence[str]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the vendor's rows; ``sums`` are the columns that a row of totals may add up.

    Raises: BadStatement where a spreadsheet left its marks, ControlTotalWrong.
    """
    if not _traces(table.text):
        yield from table.rows()
        return
    names, times, adding = (
        {place: name for name in chosen if (place := table.index(name)) >= 0}
        for chosen in (ids, instants, sums)
    )
    seen: dict[tuple[int, str], tuple[str, int]] = {}
    above: list[list[str]] = []
    for line, row in table.rows():
        if _is_total(row):
            _check(row, line, adding, above)
            continue
        for place, name in names.items():
            _id(row[place].strip(), (line, name), place, seen)
        for place, name in times.items():
            if _SLASHED.fullmatch(row[place].strip()):
                said = "a spreadsheet rewrote it, so day and month cannot be told apart"
                raise _damaged(line, name, row[place], said)
        for name, cell in zip(table.header, row, strict=True) if "###" in "".join(row) else ():
            if _NARROW.fullmatch(cell.strip()):
                raise _damaged(line, name, cell, "a spreadsheet's column was too narrow for it")
        above.append([row[place] for place in adding])
        yield line, row


def _traces(text: str) -> bool:
    """Return whether a file has in it what any damage leaves: most need no look at their rows."""
    if any(mark in text for mark in ("E+", "e+", "###", "/")):
        return True
    if any(mark + "0" in text for mark in ",;|\t\n\"'=` ") and _ZERO.search(text):
        return True
    folded = text.casefold()
    return any(word in folded for word in _TOTALS)


def _id(
    text: str, where: tuple[int, str], place: int, seen: dict[tuple[int, str], tuple[str, int]]
) -> None:
    """Refuse an id that a spreadsheet shortened, or that lost its zeros in one row of two."""
    line, name = where
    if "+" in text and cells.rounded(text):
        raise _damaged(line, name, text, "a spreadsheet shortened this id, and others to the same")
    if not text.isdecimal():
        return
    other, first = seen.setdefault((place, text.lstrip("0")), (text, line))
    if other != text:
        said = f"it is {other!r} in line {first}: a spreadsheet takes leading zeros off"
        raise _damaged(line, name, text, said)


def _is_total(row: Sequence[str]) -> bool:
    first = next((cell for cell in row if cell.strip()), "")
    return first.strip(" \t:\uff1a").casefold() in _TOTALS


def _check(
    row: Sequence[str], line: int, adding: dict[int, str], above: Sequence[Sequence[str]]
) -> None:
    for n, (place, name) in enumerate(adding.items()):
        if row[place].strip():
            check_total(
                f"{name} of the totals in line {line} = the rows above", _added(row[place]),
                sum(_added(cells[n]) for cells in above), currency="CNY",
            )  # fmt: skip


def _added(cell: str) -> int:
    try:
        return read_amount(cell)
    except InvalidInput:
        return 0  # the reader names it


def _damaged(line: int, column: str, cell: str, said: str) -> BadStatement:
    return BadStatement(f"line {line}, {column}: {cell.strip()[:40]!r}: {said}", hint=_HINT)
