"""Which orders a refund takes back, and how much of each: derived from the events, stored nowhere.

Invariant: the parts of a refund are what R48 and R49 say at its instant, and add up to the amount
of the event. This module must not know who asks, nor a format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import events as e
from ledger.errors import CorruptHistory
from ledger.state import Order
from projections.movements import refund_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.events import RecordedEvent

FIVE_DAY, OF_RENEWAL = "five_day", "renewal"  # the reasons of a refund that take whole orders


class RefundPart(NamedTuple):
    """What a refund gives back of one order."""

    order: RecordedEvent
    amount: int


def refund_of(recorded: RecordedEvent, part: RefundPart, parts: Sequence[RefundPart]) -> str:
    """Name what a refund gives back of one order: where there are several, by both positions."""
    name = refund_id(recorded.position)
    return f"{name}:{part.order.position}" if len(parts) > 1 else name


def term_of(event: e.Ordered) -> tuple[int, int]:
    """Return the term that an order pays for, half-open."""
    ends = event.ends if isinstance(event, e.SpecUpgraded) else event.expires_at
    return event.starts, ends


class Orders:
    """The orders of instances that may still be refunded, taken in the order of a fold."""

    def __init__(self) -> None:
        """Start without orders."""
        self._open: dict[tuple[str, str], list[RecordedEvent]] = {}
        self._cancelled: dict[tuple[str, str], RecordedEvent] = {}

    def take(self, recorded: RecordedEvent, account: str) -> tuple[RefundPart, ...]:
        """Remember an order, or return the parts of a refund, those of nothing left out.

        Raises: CorruptHistory where they do not add up to what the event gave back.
        """
        event = recorded.event
        if isinstance(event, e.Ordered):
            self._open.setdefault((account, event.instance), []).append(recorded)
        elif isinstance(event, e.RenewalCancelled):
            self._cancel(account, event.instance)
        elif isinstance(event, e.RefundIssued):
            return self._parts(recorded, event, (account, event.instance))
        elif isinstance(event, e.InstanceReleased):
            self._open.pop((account, event.instance), None)
        return ()

    def _cancel(self, account: str, instance: str) -> None:
        """Remove the last renewal: the refund that follows is of it (R49)."""
        orders = self._open.get((account, instance), [])
        for order in reversed(orders):
            if isinstance(order.event, e.InstanceRenewed):
                orders.remove(order)
                self._cancelled[account, instance] = order
                return

    def _parts(
        self, recorded: RecordedEvent, event: e.RefundIssued, of: tuple[str, str]
    ) -> tuple[RefundPart, ...]:
        if event.reason == OF_RENEWAL:
            last = self._cancelled.pop(of, None)
            orders = [] if last is None else [last]
        else:
            orders = self._open.get(of, [])
        whole = event.reason in (FIVE_DAY, OF_RENEWAL)
        parts = tuple(
            RefundPart(order, amount) for order in orders
            if (amount := _given_back(order.event, None if whole else recorded.effective_at))
        )  # fmt: skip
        if sum(part.amount for part in parts) != event.amount:
            msg = f"refund @{recorded.position} is not what its orders give back (R48)"
            raise CorruptHistory(msg)
        return parts


def _given_back(event: e.Event, now: int | None) -> int:
    """Return what a refund gives back of an order: its cash, or what is unused at ``now``."""
    assert isinstance(event, e.Ordered)  # noqa: S101 - nothing else is remembered
    if now is None:
        return event.cash_part
    starts, ends = term_of(event)
    paid = Order(
        kind="", months=0, price=event.price, cash_part=event.cash_part, starts=starts, ends=ends
    )
    return paid.unused_cash(now)
