"""What must hold at every position of the log: named functions, each with its sentence.

A function judges one event with the state after its batch (R1: inside a batch money is on its
way), its docstring is the sentence; the identities of the books are judged beside them.
Invariant: they read what the fold made and decide nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import codec
from ledger.account import evolve
from ledger.account.invariants import (
    cash_is_never_negative,
    cash_pays_first,
    coupons_add_up,
    outstanding_is_the_sum_of_items,
    overdue_is_what_the_items_say,
)
from ledger.envelopes import batches
from ledger.errors import CorruptHistory
from ledger.events import ACCOUNT_PREFIX
from ledger.memory import no_cycles
from ledger.state import RELEASED, AccountState
from projections.evidence.watched import Watched
from projections.journal.identities import IDENTITIES, Customer, coupons_left

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ledger.events import RecordedEvent
    from ledger.store import Reader

    Invariant = Callable[[AccountState, Sequence[RecordedEvent]], bool]


def bills_are_covered(state: AccountState, batch: Sequence[RecordedEvent]) -> bool:
    """A bill is what is outstanding, paid in cash, by coupons, and credited (R7, R10)."""
    for recorded in batch:
        event = recorded.event
        name = getattr(event, "bill", None) or getattr(event, "item", None)
        bill = state.bills.get(name) if name is not None else None
        if bill is not None:
            paid = bill.cash_paid + sum(part for _, part in bill.coupons)
            if bill.outstanding + paid != bill.amount - bill.credited:
                return False
    return True


def reversals_stay_within_payments(state: AccountState, batch: Sequence[RecordedEvent]) -> bool:
    """No more of a payment is reversed than was received (R4)."""
    for recorded in batch:
        event = recorded.event
        key = getattr(event, "channel", ""), getattr(event, "serial", "")
        payment = state.payments.get(key)
        if payment is not None and payment.reversed > payment.amount:
            return False
    return True


def released_is_the_end(state: AccountState, batch: Sequence[RecordedEvent]) -> bool:
    """A released instance stays released (R23)."""
    for recorded in batch:
        name = getattr(recorded.event, "instance", None)
        instance = state.instances.get(name) if name is not None else None
        if instance is not None:
            released = instance.released_at is not None
            if released != (instance.state == RELEASED):
                return False
    return True


def nothing_is_effective_after_it_is_recorded(
    _: AccountState, batch: Sequence[RecordedEvent]
) -> bool:
    """An event is effective when it is recorded, or before (R11)."""
    return all(one.effective_at <= one.recorded_at for one in batch)


def causes_come_before(_: AccountState, batch: Sequence[RecordedEvent]) -> bool:
    """What led to an event stands before it, in its own batch (R57)."""
    return all(
        one.cause is None or batch[0].position <= one.cause < one.position for one in batch
    )


OF_A_STATE = (
    cash_is_never_negative, cash_pays_first, outstanding_is_the_sum_of_items, coupons_add_up,
    overdue_is_what_the_items_say,
)  # fmt: skip
OF_A_BATCH: tuple[Invariant, ...] = (
    bills_are_covered, reversals_stay_within_payments,
    released_is_the_end, nothing_is_effective_after_it_is_recorded, causes_come_before,
)  # fmt: skip


class Held(NamedTuple):
    """How an invariant held: the first position at whose batch's end it did not."""

    name: str
    sentence: str
    checked: int
    first_bad: int | None


def check_invariants(
    reader: Reader, progress: Callable[[int, int], None] | None = None
) -> list[Held]:
    """Fold every account and judge each batch; what cannot be folded breaks all that follow."""
    bad: dict[str, int] = {}
    checked = 0
    streams = reader.streams(ACCOUNT_PREFIX)
    with no_cycles():
        for done, stream in enumerate(streams, 1):
            count, broken = _judge(reader, stream)
            checked += count
            for name, position in broken.items():
                bad[name] = min(bad.get(name, position), position)
            if progress is not None:
                progress(done, len(streams))
    return [
        Held(one.__name__, (one.__doc__ or "").strip(), checked, bad.get(one.__name__))
        for one in (*OF_A_STATE, *OF_A_BATCH, *IDENTITIES)
    ]


def _judge(
    reader: Reader, stream: str, *, searching: bool = False
) -> tuple[int, dict[str, int]]:
    """Judge every batch of an account; return how many there are, and what breaks first where.

    Where something breaks, or the sums that are kept and a search disagree at the end, everything
    is searched after every batch: the first that breaks has its own position then.
    """
    state = AccountState(stream.removeprefix(ACCOUNT_PREFIX))
    watched = None if searching else Watched(state)
    customer = Customer(state, coupons_left if watched is None else watched.coupons_left)
    bad: dict[str, int] = {}
    count = 0
    for batch in batches(codec.decode_all(reader.stream_bodies(stream))):
        count += 1
        for name in _broken(customer, batch, watched):
            bad.setdefault(name, batch[-1].position)
    if watched is not None and (bad or not watched.agrees()):
        return _judge(reader, stream, searching=True)
    return count, bad


def _broken(
    customer: Customer, batch: Sequence[RecordedEvent], watched: Watched | None
) -> list[str]:
    state = customer.state
    try:
        for recorded in batch:
            evolve(state, recorded)
        if watched is not None:
            watched.take(batch)
        customer.take(batch)
    except CorruptHistory:
        return [one.__name__ for one in (*OF_A_STATE, *OF_A_BATCH, *IDENTITIES)]
    holds = watched.holds if watched is not None else lambda one: one(state)
    broken = [one.__name__ for one in OF_A_STATE if not holds(one)]
    broken += [one.__name__ for one in OF_A_BATCH if not one(state, batch)]
    return broken + [identity.__name__ for identity in IDENTITIES if not identity(customer)]
