"""What holds of an account between two batches, whatever happened (R1, R9), said once.

``AT_HAND`` are those that cost nothing: the decider compares every batch with them. ``THOROUGH``
look through the whole account: ``verify --deep``, rehearsals and tests ask all of them.
Invariant: functions of one state alone. This module must not know what led to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.errors import CorruptHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ledger.state import AccountState, Item


class Invariant(NamedTuple):
    """A rule, the message where it is broken, and whether it holds."""

    rule: str
    broken: str
    holds: Callable[[AccountState], bool]


def cash_is_never_negative(state: AccountState) -> bool:
    """Cash is never below zero (R1)."""
    return state.cash >= 0


def cash_pays_first(state: AccountState) -> bool:
    """Where there is cash, nothing is unpaid (R1)."""
    return not (state.cash and state.items)


def something_is_outstanding_where_items_are(state: AccountState) -> bool:
    """Something is outstanding exactly where something is unpaid (R1, R9)."""
    return state.outstanding > 0 if state.items else state.outstanding == 0


def outstanding_is_the_sum_of_items(state: AccountState) -> bool:
    """What is outstanding is the sum of the unpaid items, each above zero (R1, R9)."""
    parts = [item.outstanding for item in state.items.values()]
    return state.outstanding == sum(parts) and all(part > 0 for part in parts)


def coupons_add_up(state: AccountState) -> bool:
    """A coupon's face is what is used, left and forfeited, none of them below zero (R1)."""
    return all(
        coupon.used >= 0 and coupon.forfeited >= 0 and coupon.remaining >= 0
        for coupon in state.coupons.values()
    )


def overdue_is_what_the_items_say(state: AccountState) -> bool:
    """An account is overdue since its oldest unpaid item was posted, else not at all (R9)."""
    oldest = min((item.posted_at for item in state.items.values()), default=None)
    return state.overdue_since == oldest


AT_HAND = (
    Invariant("R1", "cash is below zero", cash_is_never_negative),
    Invariant("R1", "there is cash although something is unpaid", cash_pays_first),
    Invariant(
        "R9", "outstanding differs from the sum of the items",
        something_is_outstanding_where_items_are,
    ),
)  # fmt: skip
THOROUGH = (
    *AT_HAND,
    Invariant("R1", "the unpaid items do not add up", outstanding_is_the_sum_of_items),
    Invariant("R1", "a coupon gave more than its face", coupons_add_up),
    Invariant("R9", "overdue contradicts the unpaid items", overdue_is_what_the_items_say),
)


def breaches(state: AccountState) -> Iterator[Invariant]:
    """Return every invariant that an account breaks."""
    return (invariant for invariant in THOROUGH if not invariant.holds(state))


def check_at_hand(state: AccountState, oldest: Item | None) -> None:
    """Check an account against the invariants that are free; ``oldest`` is its oldest unpaid item.

    Raises: CorruptHistory.
    """
    for invariant in AT_HAND:
        if not invariant.holds(state):
            msg = f"account {state.account!r}: {invariant.broken} ({invariant.rule})"
            raise CorruptHistory(msg)
    if state.overdue_since != (None if oldest is None else oldest.posted_at):
        msg = f"account {state.account!r}: overdue contradicts its oldest unpaid item (R9)"
        raise CorruptHistory(msg)
