"""Keeps the sums of one account's open things beside its fold, so that a batch costs what it moves.

A search through every open thing after every batch is quadratic: an account with 9,000 unpaid
bills took a minute. Here only what the events of a batch name is read again.
Invariant: it reads what the fold made and never adds an amount of an event. What changed without
an event that names it is not seen here, so that ``agrees`` compares with the whole search at the
end of a stream. This module must not write.
"""

from __future__ import annotations

from functools import cache
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from ledger.account.invariants import (
    coupons_add_up,
    outstanding_is_the_sum_of_items,
    overdue_is_what_the_items_say,
)
from projections.journal.identities import coupons_left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ledger.events import Event, RecordedEvent
    from ledger.state import AccountState

    OfAState = Callable[[AccountState], bool]

_ITEMS = ("item", "bill")
_COUPONS = ("coupon",)
_PARTS = ("coupons", "coupons_restored", "coupons_forfeited")  # each of (coupon, amount)


class Watched:
    """The open things of one account as they were after the last batch, and their sums."""

    def __init__(self, state: AccountState) -> None:
        """Watch a state from before its first event."""
        self._state = state
        self._items: dict[str, int] = {}
        self._posted: list[tuple[int, str]] = []
        self._owed = 0
        self._coupons: dict[str, int] = {}
        self._left = 0
        self._unsound: set[tuple[str, str]] = set()  # things below zero, by kind and name
        self._quick: dict[OfAState, Callable[[], bool]] = {
            outstanding_is_the_sum_of_items: self._items_add_up,
            coupons_add_up: self._coupons_add_up,
            overdue_is_what_the_items_say: self._overdue_since_the_oldest,
        }

    def take(self, batch: Sequence[RecordedEvent]) -> None:
        """Read again what the events of a batch name, once the state has them."""
        for recorded in batch:
            items, coupons = _named(type(recorded.event))
            for field in items:
                self._item(getattr(recorded.event, field))
            for field in coupons:
                for name in _coupons(recorded.event, field):
                    self._coupon(name)

    def holds(self, invariant: OfAState) -> bool:
        """Judge the state as an invariant does, from the sums where it would search."""
        quick = self._quick.get(invariant)
        return invariant(self._state) if quick is None else quick()

    def coupons_left(self, state: AccountState) -> int:
        """Return what ``identities.coupons_left`` does."""
        early = sum(-used - forfeited for used, forfeited in state.early_parts.values())
        return early + self._left

    def agrees(self) -> bool:
        """Compare every judgement and sum with a search through everything."""
        state = self._state
        return coupons_left(state) == self.coupons_left(state) and all(
            searched(state) == quick() for searched, quick in self._quick.items()
        )

    def _item(self, name: str) -> None:
        item = self._state.items.get(name)
        self._owed -= self._items.pop(name, 0)
        self._unsound.discard(("item", name))
        if item is not None:
            self._owed += item.outstanding
            self._items[name] = item.outstanding
            if item.outstanding <= 0:
                self._unsound.add(("item", name))
            heappush(self._posted, (item.posted_at, name))

    def _coupon(self, name: str) -> None:
        coupon = self._state.coupons.get(name)
        self._left -= self._coupons.pop(name, 0)
        self._unsound.discard(("coupon", name))
        if coupon is not None:
            self._left += coupon.remaining
            self._coupons[name] = coupon.remaining
            if min(coupon.used, coupon.forfeited, coupon.remaining) < 0:
                self._unsound.add(("coupon", name))

    def _sound(self, kind: str) -> bool:
        return not any(one == kind for one, _ in self._unsound)

    def _items_add_up(self) -> bool:
        same = len(self._items) == len(self._state.items)
        return same and self._state.outstanding == self._owed and self._sound("item")

    def _coupons_add_up(self) -> bool:
        return self._sound("coupon")

    def _overdue_since_the_oldest(self) -> bool:
        heap, items = self._posted, self._state.items
        while heap and ((item := items.get(heap[0][1])) is None or item.posted_at != heap[0][0]):
            heappop(heap)
        return self._state.overdue_since == (heap[0][0] if heap else None)


@cache
def _named(event_type: type[Event]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the fields of an event that name unpaid items, and those that name coupons."""
    there = event_type.__struct_fields__
    items = tuple(field for field in _ITEMS if field in there)
    return items, tuple(field for field in (*_COUPONS, *_PARTS) if field in there)


def _coupons(event: Event, field: str) -> Iterator[str]:
    told = getattr(event, field)
    if field in _PARTS:
        yield from (name for name, _ in told)
    elif told is not None:
        yield told
