"""One account's charges at a point: each bill, order, refund and credit note with its parts.

A refund is a charge for each order that it takes back.

Invariant: every amount is an event's own field, and where a bill was paid in steps their sum; a
charge's payable is what its coupons, its cash and its outstanding part come to. A note takes back
from its bill's row nothing: its own row is negative. This module must not know any column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import events as e
from ledger.errors import CorruptHistory
from ledger.periods import SECOND
from projections.reconciliation.ours import CREDITS
from projections.refunds import Orders, order_id, refund_of, term_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger.events import RecordedEvent
    from projections.refunds import Part

OWED = "owed"  # what a provider owes beyond all that it billed: money of its own channel
BILL = "bill"
ORDER = "order"
REFUND = "refund"
NOTE = "note"


class Charge(NamedTuple):
    """What one event asks for (negative: gives back), and how it was paid at the point.

    Attributes:
        record: id of the bill or note, or of an order or a refund (projections/refunds.py).
        invoice: the record that this charge belongs to: a note's bill, the order refunded.
        amount: minor units, before coupons, after rounding down.
        round_down: what was cut off, in units of 10**-RATED_SCALE major units (R8).
        parts: what each coupon paid, in the order it was applied.
        starts, ends: the cycle or the term, half-open.

    """

    recorded: RecordedEvent
    kind: str
    record: str
    invoice: str
    instance: str
    product: str
    sku: str
    amount: int
    round_down: int
    parts: tuple[tuple[str, int], ...]
    cash: int
    outstanding: int
    starts: int
    ends: int

    @property
    def coupons(self) -> int:
        """What coupons paid in total."""
        return sum(part for _, part in self.parts)


def charges(account: str, history: Iterable[RecordedEvent]) -> tuple[str, list[Charge]]:
    """Fold one account's events, in the order of a fold; return its currency and charges."""
    return _Folding(account).fold(history)


class _Folding:
    def __init__(self, account: str) -> None:
        self._account = account
        self._currency = ""
        self._found: list[Charge] = []
        self._places: dict[str, int] = {}  # bill -> place of its charge
        self._orders = Orders()

    def fold(self, history: Iterable[RecordedEvent]) -> tuple[str, list[Charge]]:
        for recorded in history:
            event = recorded.event
            if isinstance(event, e.AccountOpened):
                self._currency = event.currency
            elif isinstance(event, e.TopUpReceived) and event.channel == CREDITS:
                self._owed(recorded, event)
            elif isinstance(event, e.BillPosted):
                self._bill(recorded, event)
            elif isinstance(event, e.BillSettled):
                self._settled(event)
            elif isinstance(event, e.Ordered):
                self._order(recorded, event)
            elif isinstance(event, e.CreditNoteIssued):
                self._note(recorded, event)
            self._refund(recorded, self._orders.take(recorded, self._account))
        return self._currency, self._found

    def _bill(self, recorded: RecordedEvent, event: e.BillPosted) -> None:
        self._places[event.bill] = len(self._found)
        self._found.append(
            Charge(
                recorded, BILL, event.bill, event.bill, event.instance, event.product, "",
                event.amount, event.round_down, (), 0, event.amount,
                event.cycle_start, event.cycle_end,
            )
        )  # fmt: skip

    def _owed(self, recorded: RecordedEvent, event: e.TopUpReceived) -> None:
        starts = recorded.effective_at
        self._found.append(
            Charge(
                recorded, OWED, event.serial, event.serial, "", "", "", -event.amount, 0, (),
                -event.amount, 0, starts, starts + SECOND,
            )
        )  # fmt: skip

    def _settled(self, event: e.BillSettled) -> None:
        place = self._places.get(event.item)
        if place is None:
            return  # a reversal's debt is not a charge (R4)
        bill, coupons = self._found[place], sum(part for _, part in event.coupons)
        self._found[place] = bill._replace(
            parts=(*bill.parts, *event.coupons), cash=bill.cash + event.cash_part,
            outstanding=bill.outstanding - coupons - event.cash_part,
        )  # fmt: skip

    def _order(self, recorded: RecordedEvent, event: e.Ordered) -> None:
        record = order_id(recorded.position)
        parts = ((event.coupon, event.coupon_part),) if event.coupon else ()
        self._found.append(
            Charge(
                recorded, ORDER, record, record, event.instance, "iot_enterprise", event.sku,
                event.price, 0, parts, event.cash_part, 0, *term_of(event),
            )
        )  # fmt: skip

    def _note(self, recorded: RecordedEvent, event: e.CreditNoteIssued) -> None:
        place = self._places.get(event.bill)
        if place is None:
            msg = f"credit note @{recorded.position} names no posted bill: {event.bill!r}"
            raise CorruptHistory(msg)
        bill = self._found[place]
        parts = (*event.coupons_restored, *event.coupons_forfeited)
        taken = tuple((name, -part) for name, part in parts)
        self._found.append(
            Charge(
                recorded, NOTE, event.note, event.bill, bill.instance, bill.product, "",
                -event.amount, 0, taken, -event.cash_part,
                -event.outstanding_part, bill.starts, bill.ends,
            )
        )  # fmt: skip

    def _refund(self, recorded: RecordedEvent, parts: tuple[Part, ...]) -> None:
        for part in parts:
            order = part.order.event
            assert isinstance(order, e.Ordered)  # noqa: S101 - a refund is of nothing else
            self._found.append(
                Charge(
                    recorded, REFUND, refund_of(recorded, part, parts),
                    order_id(part.order.position), order.instance, "iot_enterprise", order.sku,
                    -part.amount, 0, (), -part.amount, 0, *term_of(order),
                )
            )  # fmt: skip
