"""One account's charges at a point: each bill, order, refund and credit note with its parts.

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

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger.events import RecordedEvent

OWED = "owed"  # what a provider owes beyond all that it billed: money of its own channel
BILL = "bill"
ORDER = "order"
REFUND = "refund"
NOTE = "note"
_OF_RENEWAL = "renewal"  # why cash came back: a term that had not begun (R49)
Order = e.InstancePurchased | e.InstanceRenewed | e.UpgradedToEnterprise | e.SpecUpgraded


def order_id(recorded: RecordedEvent) -> str:
    """Name an order, which the rulebook gives no id, by where it stands in the log."""
    return f"order:{recorded.position}"


def refund_id(recorded: RecordedEvent) -> str:
    """Name a refund the same way."""
    return f"refund:{recorded.position}"


class Charge(NamedTuple):
    """What one event asks for (negative: gives back), and how it was paid at the point.

    Attributes:
        record: id of the bill or note, or ``order:POSITION`` / ``refund:POSITION``.
        invoice: the record that this charge belongs to: a note's bill, a refund's instance order.
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
        self._orders: dict[str, list[Charge]] = {}  # instance -> its orders, the latest last
        self._cancelled: dict[str, Charge] = {}  # instance -> the renewal that was cancelled

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
            elif isinstance(event, Order):
                self._order(recorded, event)
            elif isinstance(event, e.CreditNoteIssued):
                self._note(recorded, event)
            elif isinstance(event, e.RenewalCancelled):
                self._cancel(event)
            elif isinstance(event, e.RefundIssued) and event.amount:
                self._refund(recorded, event)
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

    def _order(self, recorded: RecordedEvent, event: Order) -> None:
        record = order_id(recorded)
        ends = event.ends if isinstance(event, e.SpecUpgraded) else event.expires_at
        parts = ((event.coupon, event.coupon_part),) if event.coupon else ()
        one = Charge(
            recorded, ORDER, record, record, event.instance, "iot_enterprise", event.sku,
            event.price, 0, parts, event.cash_part, 0, event.starts, ends,
        )  # fmt: skip
        self._orders.setdefault(event.instance, []).append(one)
        self._found.append(one)

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

    def _cancel(self, event: e.RenewalCancelled) -> None:
        """Remove the last renewal: the refund that follows is of it, the next of another."""
        orders = self._orders.get(event.instance, [])
        renewals = [o for o in orders if isinstance(o.recorded.event, e.InstanceRenewed)]
        if renewals and len(orders) > 1:
            orders.remove(renewals[-1])
        if renewals:
            self._cancelled[event.instance] = renewals[-1]

    def _refund(self, recorded: RecordedEvent, event: e.RefundIssued) -> None:
        order = self._orders[event.instance][-1]
        if event.reason == _OF_RENEWAL:
            order = self._cancelled.get(event.instance, order)
        record = refund_id(recorded)
        self._found.append(
            Charge(
                recorded, REFUND, record, order.record, event.instance, order.product, order.sku,
                -event.amount, 0, (), -event.amount, 0, order.starts, order.ends,
            )
        )  # fmt: skip
