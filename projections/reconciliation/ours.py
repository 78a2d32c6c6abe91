"""The ledger's own side of a reconciliation: lines made of recorded events at a point.

Subjects: ``payments`` what went through the payment channels, ``wallet`` what moved the cash,
``owing`` what moved cash less debts (for files whose balances fall below zero),
``bills`` what was charged before coupons, ``charges`` what was charged after them: a refund is
a line for each order that it takes back.
Invariant: every amount is the event's own, and the wallet's lines add up to its cash (R2, R4,
R7, R10, R48). This module must not know statements or matching.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import codec
from ledger import events as e
from ledger.events import account_of
from projections.movements import CREDITS, order_id, refund_id
from projections.reconciliation.amounts import from_minor
from projections.reconciliation.lines import PAID, TRANSACTION, UNPAID, Line, Reference
from projections.refunds import CONCERNED, Orders, refund_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.point import Point

CHARGED = ("bills", "charges")  # the subjects of charges, not of movements
_new = tuple.__new__
PAYMENTS = "payments"
MOVED = (PAYMENTS, "wallet", "owing")  # of which every payment is a line


class _Told(NamedTuple):
    """What a line is made of, besides its event."""

    amount: int
    kind: str
    key: str
    references: tuple[Reference, ...] = ()
    order: str = ""
    group: str = ""


class Side(NamedTuple):
    """The ledger's lines, and what else a person may need to name."""

    lines: tuple[Line, ...]
    accounts: dict[str, str]
    instances: dict[tuple[str, str], str]


def ledger_side(
    reader: Reader, point: Point, subject: str, *, channels: frozenset[str] = frozenset()
) -> Side:
    """Return the ledger's lines of a subject at a point; channels narrow the payments."""
    recorded = (
        one for one in codec.decode_all(reader.bodies(until=point.position))
        if one.effective_at <= point.at
    )  # fmt: skip
    return side_of(recorded, subject, channels=channels)


def side_of(
    history: Iterable[RecordedEvent], subject: str, *, channels: frozenset[str] = frozenset()
) -> Side:
    """Return the lines of a subject from events."""
    fold = _Fold(subject, channels)
    payments = subject in MOVED
    for recorded in history:
        account = account_of(recorded.stream)
        if account is None:
            continue
        event = recorded.event
        if payments and isinstance(event, e.TopUpReceived):
            fold.paid_in(recorded, event, account)
        else:
            fold.apply(recorded, account)
    return Side(tuple(fold.finished()), fold.currencies, fold.instances)


class _Fold:
    """Collects the lines; bills learn later what was paid of them."""

    def __init__(self, subject: str, channels: frozenset[str]) -> None:
        self.subject, self.channels = subject, channels
        self.currencies: dict[str, str] = {}
        self.instances: dict[tuple[str, str], str] = {}
        self.lines: list[Line] = []
        self._factors: dict[str, int] = {}  # fine units of a minor one
        self._bills: dict[tuple[str, str], tuple[int, RecordedEvent]] = {}
        self._paid: dict[tuple[str, str], list[int]] = {}
        self._causes: dict[int, int] = {}  # of orders: the one before, of the same payment
        self._orders = Orders()

    def apply(self, recorded: RecordedEvent, account: str) -> None:
        """Apply one event of an account."""
        event = recorded.event
        if isinstance(event, e.AccountOpened):
            self.currencies[account] = event.currency
        elif isinstance(event, e.PublicInstanceActivated):
            self.instances[account, event.instance] = event.kind
        elif isinstance(event, e.Ordered):
            self.instances[account, event.instance] = "enterprise"
        told = _TOLD[self.subject](self, recorded, account)
        if told is not None and (told.amount or isinstance(event, e.BillPosted)):
            self._add(told, recorded, account)
        if type(event) in CONCERNED and self.subject in CHARGED:
            for told in self._refunds(recorded, account):
                self._add(told, recorded, account)

    def paid_in(self, recorded: RecordedEvent, event: e.TopUpReceived, account: str) -> None:
        """Add a payment: most of what is compared, so made without detours."""
        if not event.amount or (
            self.channels and self.subject == PAYMENTS and event.channel not in self.channels
        ):
            return
        serial, currency = event.serial, self.currencies.get(account, "")
        factor = self._factors.get(currency)
        if factor is None:
            factor = self._factors[currency] = from_minor(1, currency)
        self.lines.append(
            Line(
                serial, event.amount * factor, currency, recorded.effective_at,
                (_new(Reference, (serial, TRANSACTION)),), "", "", 0, "", "Payment", account,
                f"@{recorded.position}", "", event.suspected_duplicate_of or "",
                channel=event.channel,
            )
        )  # fmt: skip

    def _add(self, told: _Told, recorded: RecordedEvent, account: str) -> None:
        event = recorded.event
        currency = self.currencies.get(account, "")
        amount, place = from_minor(told.amount, currency), f"@{recorded.position}"
        if isinstance(event, e.TopUpReceived):  # a credit of a provider
            self.lines.append(
                Line(
                    told.key, amount, currency, recorded.effective_at, told.references, told.order,
                    "", 0, "", told.kind, account, place, "", event.suspected_duplicate_of or "",
                    channel=event.channel,
                )
            )  # fmt: skip
            return
        settled = self._bills.get((account, told.order))
        # A late bill's own settlement keeps the bill's value date (R11).
        late = settled is not None and recorded.cause == settled[1].position
        instant = settled[1].effective_at if late and settled else recorded.effective_at
        starts = getattr(event, "cycle_start", 0) or getattr(event, "starts", 0)
        ends = getattr(event, "cycle_end", 0)
        self.lines.append(
            Line(
                key=told.key, amount=amount, currency=currency,
                instant=instant, references=told.references, order=told.order, group=told.group,
                kind=told.kind, account=account, place=place, starts=starts,
                ends=ends, instance=getattr(event, "instance", ""),
                channel=getattr(event, "channel", ""),
            )
        )  # fmt: skip
        if isinstance(event, e.BillPosted):
            self._bills[account, event.bill] = (len(self.lines) - 1, recorded)

    def payments(self, recorded: RecordedEvent, account: str) -> _Told | None:
        """Return what went through a payment channel (R2, R4)."""
        del account
        event = recorded.event
        if not isinstance(event, e.TopUpReversed):
            return None
        if self.channels and event.channel not in self.channels:
            return None
        return _Told(-event.amount, "Withdraw", event.serial, (Reference(event.serial),))

    def wallet(self, recorded: RecordedEvent, account: str) -> _Told | None:
        """Return what moved the cash."""
        event = recorded.event
        if isinstance(event, e.TopUpReversed):
            return _Told(-event.cash_part, "Withdraw", event.serial, (Reference(event.serial),))
        if isinstance(event, e.BillPosted):
            self._bills[account, event.bill] = (0, recorded)
        elif isinstance(event, e.BillSettled):
            return _Told(-event.cash_part, "Consumption", event.item, (Reference(event.item),),
                         event.item)  # fmt: skip
        elif isinstance(event, e.CreditNoteIssued):
            return _Told(event.cash_part, "Refund", event.note, order=event.note,
                         group=event.bill)  # fmt: skip
        elif isinstance(event, e.RefundIssued):
            name = refund_id(recorded.position)
            return _Told(event.amount, "Refund", name, order=name)
        elif isinstance(event, e.Ordered):
            return self._order(recorded, -event.cash_part, "Consumption")
        return None

    def owing(self, recorded: RecordedEvent, account: str) -> _Told | None:
        """Return what moved the cash less what is owed: a bill does when it is posted."""
        event = recorded.event
        if isinstance(event, e.BillPosted):
            return _Told(-event.amount, "Consumption", event.bill, order=event.bill)
        if isinstance(event, e.BillSettled):
            by_coupons = sum(part for _, part in event.coupons)
            return _Told(by_coupons, "Consumption", event.item, order=event.item)
        if isinstance(event, e.TopUpReversed):
            return _Told(-event.amount, "Withdraw", event.serial, (Reference(event.serial),))
        if isinstance(event, e.CreditNoteIssued):
            back = sum(part for _, part in (*event.coupons_restored, *event.coupons_forfeited))
            return _Told(event.amount - back, "Refund", event.note, order=event.note,
                         group=event.bill)  # fmt: skip
        return self.wallet(recorded, account)

    def bills(self, recorded: RecordedEvent, account: str) -> _Told | None:
        """Return what was charged, before coupons."""
        event = recorded.event
        if isinstance(event, e.BillSettled):
            self._settle(event, account)
        elif isinstance(event, e.BillPosted):
            return _Told(event.amount, "PayAsYouGoBill", event.bill, order=event.bill)
        elif isinstance(event, e.CreditNoteIssued):
            return _Told(-event.amount, "Adjustment", event.note, order=event.note,
                         group=event.bill)  # fmt: skip
        elif isinstance(event, e.Ordered):
            return self._order(recorded, event.price, "SubscriptionOrder")
        return None

    def charges(self, recorded: RecordedEvent, account: str) -> _Told | None:
        """Return the charges less what coupons paid."""
        event = recorded.event
        if isinstance(event, e.Ordered):
            return self._order(recorded, event.cash_part, "SubscriptionOrder")
        if isinstance(event, e.TopUpReceived) and event.channel == CREDITS:
            return _Told(-event.amount, "Credit", event.serial, order=event.serial)
        if isinstance(event, e.CreditNoteIssued):
            back = sum(part for _, part in (*event.coupons_restored, *event.coupons_forfeited))
            return _Told(back - event.amount, "Adjustment", event.note, order=event.note,
                         group=event.bill)  # fmt: skip
        return self.bills(recorded, account)

    def _order(self, recorded: RecordedEvent, amount: int, kind: str) -> _Told:
        """Return the lines of an order; instances renewed by one payment are one group (R27)."""
        self._causes[recorded.position] = recorded.cause or recorded.position
        first = recorded.position
        while self._causes.get(first) != first and self._causes.get(first) in self._causes:
            first = self._causes[first]
        name = order_id(recorded.position)
        return _Told(amount, kind, name, order=name, group=order_id(first))

    def _refunds(self, recorded: RecordedEvent, account: str) -> Iterator[_Told]:
        """Yield what a refund takes back, order by order; together they are one group."""
        parts = self._orders.take(recorded, account)
        group = refund_id(recorded.position) if len(parts) > 1 else ""
        for part in parts:
            name = refund_of(recorded, part, parts)
            yield _Told(-part.amount, "Refund", name, order=name, group=group)

    def _settle(self, event: e.BillSettled, account: str) -> None:
        paid = self._paid.setdefault((account, event.item), [0, 0])
        paid[0] += event.cash_part
        paid[1] += sum(part for _, part in event.coupons)

    def finished(self) -> Iterator[Line]:
        """Yield the lines, bills with what was paid of them."""
        import msgspec  # noqa: PLC0415 - for bills alone

        if self.subject not in CHARGED:
            yield from self.lines
            return
        for line in self.lines:
            if line.kind != "PayAsYouGoBill":
                yield msgspec.structs.replace(line, status=PAID)
                continue
            cash, coupons = self._paid.get((line.account, line.order), (0, 0))
            paid = from_minor(cash, line.currency)
            given = from_minor(coupons, line.currency)
            left = line.amount - paid - given
            amount = line.amount - (given if self.subject == "charges" else 0)
            yield msgspec.structs.replace(
                line, amount=amount, paid=paid, coupons=given, status=UNPAID if left else PAID
            )


_TOLD = {
    "payments": _Fold.payments, "wallet": _Fold.wallet, "owing": _Fold.owing,
    "bills": _Fold.bills, "charges": _Fold.charges,
}  # fmt: skip
