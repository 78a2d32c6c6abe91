"""What an event does to the cash, and to what is owed, of its account: said once, for all.

Wallet exports, lots, our side of a reconciliation and the month of a close read it here; the fold
(ledger/account/money.py), the books (journal/postings.py) and the columns (columns/lines.py) come
to the same cash each by itself, to be judges of one another.
Invariant: amounts are the event's own. ``cash`` sums to the account's cash; ``cash`` less ``owed``
to what it has less what it owes. This module must not know in whose words a movement is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args

from ledger import events as e

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.events import RecordedEvent

PAYMENT, REVERSAL = "payment", "reversal"
BILL, SETTLEMENT, NOTE = "bill", "settlement", "note"
ORDER, REFUND = "order", "refund"
SPENDING: Final = frozenset({REVERSAL, SETTLEMENT, ORDER})  # kinds that take from the cash
CREDITS: Final = "vendor-credit"  # the channel of what a provider owes beyond all that it billed


class Movement(NamedTuple):
    """How one event moved money; what flows to the account is positive.

    Attributes:
        owed: what became unpaid (negative: paid or cancelled). A reversal's shortfall counts with
            the reversal, so that the debt that it leads to moves nothing more (R4, R11).
        record: its own name: of the bill or item, the note, an order, a refund, a reversal.
        about: what it is for: the bill, the instance.
        channel, serial: of the payment that it is, or takes back.

    """

    kind: str
    cash: int
    owed: int = 0
    record: str = ""
    about: str = ""
    channel: str = ""
    serial: str = ""


def order_id(position: int) -> str:
    """Name an order, which the rulebook gives no id, by where it stands in the log."""
    return f"order:{position}"


def refund_id(position: int) -> str:
    """Name a refund the same way."""
    return f"refund:{position}"


def _paid_in(ev: e.TopUpReceived, _: int) -> Movement:
    return Movement(PAYMENT, ev.amount, channel=ev.channel, serial=ev.serial)


def _reversed(ev: e.TopUpReversed, _: int) -> Movement:
    """Go by the item's own id, under which the shortfall is paid later (R4)."""
    item = f"reversal:{ev.channel}:{ev.serial}:{ev.number}"
    return Movement(REVERSAL, -ev.cash_part, ev.shortfall, item, item, ev.channel, ev.serial)


def _billed(ev: e.BillPosted, _: int) -> Movement:
    return Movement(BILL, 0, ev.amount, ev.bill, ev.instance)


def _settled(ev: e.BillSettled, _: int) -> Movement:
    paid = ev.cash_part + total(ev.coupons)
    return Movement(SETTLEMENT, -ev.cash_part, -paid, ev.item, ev.item)


def _ordered(ev: e.Ordered, position: int) -> Movement:
    return Movement(ORDER, -ev.cash_part, 0, order_id(position), ev.instance)


def _credited(ev: e.CreditNoteIssued, _: int) -> Movement:
    return Movement(NOTE, ev.cash_part, -ev.outstanding_part, ev.note, ev.bill)


def _refunded(ev: e.RefundIssued, position: int) -> Movement:
    return Movement(REFUND, ev.amount, 0, refund_id(position), ev.instance)


MOVEMENTS: Final[dict[type[e.Event], Callable[[Any, int], Movement]]] = {
    e.TopUpReceived: _paid_in,
    e.TopUpReversed: _reversed,
    e.BillPosted: _billed,
    e.BillSettled: _settled,
    **dict.fromkeys(get_args(e.Ordered), _ordered),
    e.CreditNoteIssued: _credited,
    e.RefundIssued: _refunded,
}  # fmt: skip


def movement(recorded: RecordedEvent) -> Movement | None:
    """Return how an event moved money; None where it never does."""
    moves = MOVEMENTS.get(type(recorded.event))
    return None if moves is None else moves(recorded.event, recorded.position)


def total(parts: tuple[tuple[str, int], ...]) -> int:
    """Return what the parts of coupons come to."""
    return sum(part for _, part in parts)
