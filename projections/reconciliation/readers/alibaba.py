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

from operator import itemgetter
from typing import TYPE_CHECKING

from ledger.errors import InvalidInput
from projections.reconciliation.amounts import read_amount
from projections.reconciliation.chains import chains_of, elsewhere, running, whole
from projections.reconciliation.identity import TRANSACTION, Reference
from projections.reconciliation.lines import (
    BOOKED,
    PAID,
    UNPAID,
    Line,
    check_total,
    one_currency,
    statement_of,
)
from projections.reconciliation.readers import FORMATS, cells
from projections.reconciliation.readers.damage import sound_rows
from projections.reconciliation.readers.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from projections.reconciliation.lines import Statement

_ITEMS = ("SubscriptionOrder", "PayAsYouGoBill", "Refund", "Adjustment")
_TOTALS = ("PretaxGrossAmount", "PretaxAmount")  # one of them is needed
_TYPES = ("Payment", "Withdraw", "Refund", "Consumption", "Transfer", "Adjust")
_FLOWS = ("Income", "Expense")
_OWNERS = ("OwnerID", "AccountID")  # the account, under either name
Row = list[str]
_new = tuple.__new__  # of a NamedTuple, without detours: one a row
_KEPT = 1 << 16  # texts of amounts that are read once


def _text(table: Table, *names: str) -> Callable[[Row], str]:
    """Return a function that reads a column, empty where the file has none."""
    index = table.index(*names)
    if index < 0:
        return lambda _: ""
    return lambda row: row[index].strip()


def _amount(table: Table, name: str) -> Callable[[Row, int], int]:
    index = table.index(name)
    if index < 0:
        return lambda _, __: 0

    def read(row: Row, line: int) -> int:
        try:
            return read_amount(row[index])
        except InvalidInput:
            return cells.amount(row[index], line, name)

    return read


def read_bills(
    body: bytes, *, offset: int, currency: str, encoding: str = "utf-8", account: str = ""
) -> Statement:
    """Read an instance-bill file. Raises: BadStatement, ControlTotalWrong."""
    table = Table(body, encoding=encoding)
    table.need(FORMATS["alibaba-bills"].header, "an alibaba-bills file")
    if table.index(*_TOTALS) < 0:
        table.need(_TOTALS[:1], "an alibaba-bills file")
    owner, record, item = (
        _text(table, *_OWNERS), _text(table, "RecordID"), _text(table, "Item"),
    )  # fmt: skip
    instance, cycle = _text(table, "InstanceID"), _text(table, "BillingCycle")
    code, begins, finishes = (
        _text(table, "Currency"), _text(table, "UsageStartTime"), _text(table, "UsageEndTime"),
    )  # fmt: skip
    related, parts = _text(table, "RelatedRecordID"), _bill_parts(table)
    lines: list[Line] = []
    spans: list[cells.Span] = []
    for number, row in sound_rows(
        table, ids=("RecordID", "RelatedRecordID", "InstanceID", *_OWNERS),
        instants=("BillingCycle", "UsageStartTime", "UsageEndTime"),
        sums=(*_TOTALS, "PaymentAmount", "OutstandingAmount"),
    ):  # fmt: skip
        kind = cells.choice(item(row), number, "Item", words=_ITEMS)
        charged, gross, paid, coupons, outstanding = parts(row, number)
        starts, ends = begins(row), finishes(row)
        started = cells.instant(starts, number, "UsageStartTime", offset=offset) if starts else 0
        ended = cells.instant(ends, number, "UsageEndTime", offset=offset) if ends else 0
        span = None
        if cycle(row):
            span = cells.month(cycle(row), number, "BillingCycle", offset=offset)
            spans.append(span)
        elif ended:
            spans.append(cells.months_of(started or ended, ended, offset=offset))
        when = cells.booked_at(ended or started, span)
        lines.append(
            Line(
                key=record(row) or cells.nameless(when, charged, code(row), offset=offset),
                amount=charged,
                currency=cells.currency(code(row), number, "Currency"), instant=when,
                order=record(row), status=UNPAID if outstanding > 0 else PAID, kind=kind,
                account=owner(row) or account, place=f"line {number}", starts=started, ends=ended,
                instance=instance(row), group=related(row), paid=paid, coupons=coupons, gross=gross,
                firm=bool(record(row)),
            )
        )  # fmt: skip
    main = one_currency(lines, currency)
    return statement_of(
        "alibaba-bills", "bills", lines, currency=main,
        starts=min((s.starts for s in spans), default=0),
        ends=max((s.ends for s in spans), default=0),
    )  # fmt: skip


def _bill_parts(table: Table) -> Callable[[Row, int], tuple[int, int, int, int, int]]:
    """Read and check the amounts of a row: charged, gross, paid, coupons, outstanding."""
    gross_of, pretax_of = _amount(table, "PretaxGrossAmount"), _amount(table, "PretaxAmount")
    discount_of, coupons_of = _amount(table, "InvoiceDiscount"), _amount(table, "DeductedByCoupons")
    cut_of, cash_of = _amount(table, "RoundDownDiscount"), _amount(table, "DeductedByCashCoupons")
    paid_of, left_of = _amount(table, "PaymentAmount"), _amount(table, "OutstandingAmount")
    has_gross, has_pretax = (table.index(name) >= 0 for name in _TOTALS)
    has_parts = min(table.index("PaymentAmount"), table.index("OutstandingAmount")) >= 0
    code = _text(table, "Currency")

    def parts(row: Row, line: int) -> tuple[int, int, int, int, int]:
        coupons, cut, discount = coupons_of(row, line), cut_of(row, line), discount_of(row, line)
        pretax, gross = pretax_of(row, line), gross_of(row, line)
        if has_gross and has_pretax:
            check_total(
                f"of line {line}, PretaxGrossAmount less discounts and coupons = PretaxAmount",
                pretax, gross - discount - coupons - cut, currency=code(row),
            )  # fmt: skip
        elif has_gross:
            pretax = gross - discount - coupons - cut
        else:
            gross = pretax + discount + coupons + cut
        cash, paid, left = cash_of(row, line), paid_of(row, line), left_of(row, line)
        if has_parts:
            check_total(
                f"of line {line}, cash coupons + payment + outstanding = PretaxAmount",
                pretax, cash + paid + left, currency=code(row),
            )  # fmt: skip
        return pretax + coupons, gross - discount, paid, coupons + cash, left

    return parts


def read_transactions(
    body: bytes, *, offset: int, currency: str, encoding: str = "utf-8", account: str = ""
) -> Statement:
    """Read an account-transaction file. Raises: BadStatement, ControlTotalWrong."""
    table = Table(body, encoding=encoding)
    table.need(FORMATS["alibaba-transactions"].header, "an alibaba-transactions file")
    places = [
        table.index(*names) for names in (
            _OWNERS, ("TransactionChannelSN",), ("TransactionNumber",), ("TransactionTime",),
            ("TransactionType",), ("TransactionFlow",), ("TransactionChannel",), ("Currency",),
            ("RecordID",), ("Amount",), ("Balance",),
        )
    ]  # fmt: skip
    read = _Cells(places, blanks=table.blanks)
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


class _Cells:
    """Reads the cells of chosen columns, each text that comes again once."""

    def __init__(self, places: Sequence[int], *, blanks: bool) -> None:
        """Remember the places of the columns, -1 for one that the file does not have."""
        self._blanks = blanks
        self._missing = min(places) < 0
        self._chosen = itemgetter(*places)  # -1 is the empty cell that is put behind each row
        self.amounts: dict[str, int] = {}
        self.codes: dict[str, str] = {}

    def cells(self, row: Row) -> Iterable[str]:
        """Return the cells of a row, without blanks around them."""
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
        "alibaba-transactions", "wallet", lines, currency=main, held=held, starts=span.starts,
        ends=span.ends, elsewhere=elsewhere(ends, main),
        kinds=frozenset(line.kind for line in lines) if held is None else frozenset(),
    )  # fmt: skip
