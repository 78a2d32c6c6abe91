"""Charges at a point: each bill, order, refund and credit note with what paid it.

A refund is a charge for each order that it takes back. Bills, FOCUS and our side of a
reconciliation are written from these.
Invariant: every amount is an event's own field, and where a bill was paid in steps their sum; a
charge's payable is what its coupons, its cash and its outstanding part come to. A note takes back
from its bill's row nothing: its own row is negative. This module must not know any column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import events as e
from ledger.errors import CorruptHistory
from ledger.events import ACCOUNT_PREFIX
from ledger.periods import SECOND
from projections.journal.chart import SUBSCRIBED
from projections.movements import BILL, CREDITS, NOTE, ORDER, REFUND, order_id, total
from projections.point import history
from projections.refunds import Orders, refund_of, term_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.point import Point
    from projections.refunds import RefundPart

OWED = "owed"  # what a provider owes beyond all that it billed: money of its own channel


class Charge(NamedTuple):
    """What one event asks for (negative: gives back), and how it was paid at the point.

    Attributes:
        record: id of the bill or note, or of an order or a refund (projections/movements.py).
        invoice: the record that this charge belongs to: a note's bill, the order refunded.
        starts, ends: the cycle or the term, half-open.
        amount: minor units, before coupons, after rounding down.
        parts: what each coupon paid, in the order it was applied.
        round_down: what was cut off, in units of 10**-RATED_SCALE major units (R8).

    """

    recorded: RecordedEvent
    kind: str
    record: str
    invoice: str
    starts: int
    ends: int
    amount: int
    cash: int
    outstanding: int = 0
    parts: tuple[tuple[str, int], ...] = ()
    instance: str = ""
    product: str = ""
    sku: str = ""
    round_down: int = 0

    @property
    def coupons(self) -> int:
        """What coupons paid in total."""
        return total(self.parts)


def charges_at(reader: Reader, point: Point) -> Iterator[tuple[str, str, list[Charge]]]:
    """Yield every account, its currency and its charges at a point, each in the order of a fold."""
    for account in reader.accounts():
        charged, currency = Charges(), ""
        for recorded in history(reader, ACCOUNT_PREFIX + account, point):
            if isinstance(recorded.event, e.AccountOpened):
                currency = recorded.event.currency
            charged.take(recorded, account)
        yield account, currency, charged.found


class Charges:
    """The charges of one or of many accounts, taken in the order of a fold or of the log."""

    def __init__(self) -> None:
        """Start without charges."""
        self.found: list[Charge] = []
        self._bills: dict[tuple[str, str], int] = {}  # the place of the charge of each
        self._orders = Orders()

    def take(self, recorded: RecordedEvent, account: str) -> None:
        """Add what an event charges, or what it paid of a bill. Raises: CorruptHistory."""
        event = recorded.event
        if isinstance(event, e.BillPosted):
            self._bills[account, event.bill] = len(self.found)
            self.found.append(_bill(recorded, event))
        elif isinstance(event, e.BillSettled):
            self._settled(event, account)
        elif isinstance(event, e.Ordered):
            self.found.append(_order(recorded, event))
        elif isinstance(event, e.CreditNoteIssued):
            self._note(recorded, event, account)
        elif isinstance(event, e.TopUpReceived) and event.channel == CREDITS:
            self.found.append(_owed(recorded, event))
        parts = self._orders.take(recorded, account)
        self.found += [_refund(recorded, part, parts) for part in parts]

    def _settled(self, event: e.BillSettled, account: str) -> None:
        place = self._bills.get((account, event.item))
        if place is None:
            return  # a reversal's debt is not a charge (R4)
        bill = self.found[place]
        self.found[place] = bill._replace(
            parts=(*bill.parts, *event.coupons), cash=bill.cash + event.cash_part,
            outstanding=bill.outstanding - total(event.coupons) - event.cash_part,
        )  # fmt: skip

    def _note(self, recorded: RecordedEvent, event: e.CreditNoteIssued, account: str) -> None:
        place = self._bills.get((account, event.bill))
        if place is None:
            msg = f"credit note @{recorded.position} names no posted bill: {event.bill!r}"
            raise CorruptHistory(msg)
        bill = self.found[place]
        taken = (*event.coupons_restored, *event.coupons_forfeited)
        self.found.append(
            Charge(
                recorded, NOTE, event.note, event.bill, bill.starts, bill.ends, -event.amount,
                -event.cash_part, -event.outstanding_part,
                tuple((name, -part) for name, part in taken), bill.instance, bill.product,
            )
        )  # fmt: skip


def _bill(recorded: RecordedEvent, event: e.BillPosted) -> Charge:
    return Charge(
        recorded, BILL, event.bill, event.bill, event.cycle_start, event.cycle_end, event.amount,
        0, event.amount, (), event.instance, event.product, round_down=event.round_down,
    )  # fmt: skip


def _owed(recorded: RecordedEvent, event: e.TopUpReceived) -> Charge:
    starts = recorded.effective_at
    return Charge(
        recorded, OWED, event.serial, event.serial, starts, starts + SECOND, -event.amount,
        -event.amount,
    )  # fmt: skip


def _order(recorded: RecordedEvent, event: e.Ordered) -> Charge:
    record = order_id(recorded.position)
    parts = ((event.coupon, event.coupon_part),) if event.coupon else ()
    return Charge(
        recorded, ORDER, record, record, *term_of(event), event.price, event.cash_part, 0, parts,
        event.instance, SUBSCRIBED, event.sku,
    )  # fmt: skip


def _refund(recorded: RecordedEvent, part: RefundPart, parts: tuple[RefundPart, ...]) -> Charge:
    order = part.order.event
    assert isinstance(order, e.Ordered)  # noqa: S101 - a refund is of nothing else
    return Charge(
        recorded, REFUND, refund_of(recorded, part, parts), order_id(part.order.position),
        *term_of(order), -part.amount, -part.amount,
        instance=order.instance, product=SUBSCRIBED, sku=order.sku,
    )  # fmt: skip
