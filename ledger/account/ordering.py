"""What comes first among an account's open things, without looking at all of them.

Deadlines, unpaid items, coupons: each in the order in which the rules ask for it, kept in heaps
with lazy deletion beside the state and brought up to date by what ``evolve`` notes as changed.
Invariant: every answer equals that of a search through the whole state; what is kept here is
derived, belongs to one state and one policy, and is made again when either changes. It does not
hold its state: accounts that are let go must not hang on circles.
This module must not know what follows from a deadline, nor who may use a coupon.
"""

from __future__ import annotations

from bisect import insort
from heapq import heapify, heappop, heappush, merge
from typing import TYPE_CHECKING, NamedTuple

from ledger.account import deadlines as d
from ledger.state import (
    COUPON,
    INSTANCE,
    PUBLIC_LEGACY,
    RUNNING,
    STOPPED_OVERDUE,
    USAGE,
    Deadline,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ledger.policy import Policy
    from ledger.state import AccountState, Coupon, Item

SLACK = 64  # entries that are out of date before a heap is made again


class _Scope(NamedTuple):
    """Coupons that can pay the same things, by end and by what is left of them."""

    by_end: list[tuple[int, int, str]]
    by_rest: list[tuple[int, int, int, str]]
    there: set[str]  # whose names are in by_end


class Ordering:
    """The open things of one account, in order."""

    def __init__(self, state: AccountState, policy: Policy) -> None:
        """Look at everything once."""
        self.policy = policy
        self.revision = policy.revision
        self._deadlines: list[tuple[Deadline, int]] = []
        self._current: dict[tuple[int, str], Deadline] = {}
        self._items = [(item.posted_at, name) for name, item in state.items.items()]
        heapify(self._items)
        self._legacy: list[str] = []
        self._running_legacy: set[str] = set()
        self.stopped: set[str] = set()
        self._scopes: dict[tuple[object, ...], _Scope] = {}
        self._amounts: dict[tuple[int, str], int] = {}
        self.unbilled = 0  # usage that is not billed yet, in total
        self.left = 0  # of all coupons
        for name in state.funded:
            self._coupon(state, name)
        for name in state.usages:
            self._usage(state, name)
        for name in state.live:
            self._instance(state, name)

    def catch_up(self, state: AccountState) -> None:
        """Read what has changed since the last question."""
        changes = state.changes
        assert changes is not None  # noqa: S101 - kept from the first question on
        look = (self._item, self._coupon, self._usage, self._instance)
        for kind, key in dict.fromkeys(changes):
            look[kind](state, key)
        changes.clear()

    # --- deadlines ------------------------------------------------------------------------

    def first_deadline(self, state: AccountState) -> Deadline | None:
        """Return the first transition, the alert's reminders aside."""
        heap, current = self._deadlines, self._current
        while heap and current.get((heap[0][1], heap[0][0].key)) != heap[0][0]:
            heappop(heap)
        legacy = self._legacy_stop(state)
        if not heap:
            return legacy
        return heap[0][0] if legacy is None else min(heap[0][0], legacy)

    def _put(self, kind: int, key: str, deadline: Deadline | None) -> None:
        if deadline is None:
            self._current.pop((kind, key), None)
        elif self._current.get((kind, key)) != deadline:
            self._current[kind, key] = deadline
            heappush(self._deadlines, (deadline, kind))
            if len(self._deadlines) > 2 * len(self._current) + SLACK:
                self._deadlines = [(due, kind) for (kind, _), due in self._current.items()]
                heapify(self._deadlines)

    def _legacy_stop(self, state: AccountState) -> Deadline | None:
        """Return the first stop of a legacy instance; all of them wait for one instant (R16)."""
        running = self._running_legacy
        if state.overdue_since is None or not running:
            return None
        while self._legacy[0] not in running:
            heappop(self._legacy)
        first = d.legacy_stop(state, state.live[self._legacy[0]], self.policy)
        waits = state.live[self._legacy[0]].running_since
        if first.at > waits:
            return first
        # It came to run after the span had passed and stops at once: others may do so earlier.
        return min(d.legacy_stop(state, state.live[name], self.policy) for name in running)

    def _sum(self, kind: int, key: str, amount: int) -> int:
        """Return by how much a thing of an account has become more since it was last seen."""
        before = self._amounts.pop((kind, key), 0)
        if amount:
            self._amounts[kind, key] = amount
        return amount - before

    def _usage(self, state: AccountState, name: str) -> None:
        usage = state.usages.get(name)
        self.unbilled += self._sum(USAGE, name, 0 if usage is None else usage.event.amount)
        due = None if usage is None else d.bill_posting(usage, self.policy)
        self._put(USAGE, name, due)

    def _instance(self, state: AccountState, name: str) -> None:
        instance = state.live.get(name)
        legacy = (
            instance is not None and instance.kind == PUBLIC_LEGACY and instance.state == RUNNING
        )
        if not legacy:
            self._running_legacy.discard(name)
        elif name not in self._running_legacy:
            self._running_legacy.add(name)
            heappush(self._legacy, name)
        if instance is not None and instance.state == STOPPED_OVERDUE:
            self.stopped.add(name)
        else:
            self.stopped.discard(name)
        due = None if instance is None or legacy else d.instance_deadline(instance, self.policy)
        self._put(INSTANCE, name, due)

    # --- unpaid items ---------------------------------------------------------------------

    def oldest(self, state: AccountState) -> Item | None:
        """Return the oldest unpaid item, by (posted_at, item id) (R2)."""
        items = state.items
        while self._items and self._items[0][1] not in items:
            heappop(self._items)
        return items[self._items[0][1]] if self._items else None

    def _item(self, state: AccountState, name: str) -> None:
        item = state.items.get(name)
        if item is not None:
            heappush(self._items, (item.posted_at, name))

    # --- coupons --------------------------------------------------------------------------

    def by_end(
        self, state: AccountState, fits: Callable[[Coupon], bool]
    ) -> Iterator[Coupon]:
        """Yield started coupons of fitting scopes: earliest end, earliest grant, id (R43).

        A grant counts from when the ledger learned of it: its consequences do (R11).
        """
        fitting = [scope for scope in self._scopes.values() if _fits(state, scope, fits)]
        funded = state.funded
        for _, _, name in merge(*(scope.by_end for scope in fitting)):
            if name in funded:
                yield funded[name]

    def largest(
        self, state: AccountState, fits: Callable[[Coupon], bool]
    ) -> Iterator[Coupon]:
        """Yield the started coupon of each fitting scope with the most left, then as R39 says."""
        for scope in self._scopes.values():
            heap = scope.by_rest
            while heap and not _left(state, heap[0]):
                heappop(heap)
            if heap and fits(state.funded[heap[0][3]]):
                yield state.funded[heap[0][3]]

    def _coupon(self, state: AccountState, name: str) -> None:
        coupon = state.funded.get(name)
        self.left += self._sum(COUPON, name, 0 if coupon is None else coupon.remaining)
        self._put(COUPON, name, None if coupon is None else d.coupon_deadline(coupon))
        if coupon is None or not coupon.started:
            return
        key = coupon.products, coupon.order_types, coupon.minimum_spend
        scope = self._scopes.setdefault(key, _Scope([], [], set()))
        if name not in scope.there:
            scope.there.add(name)
            insort(scope.by_end, (coupon.ends, coupon.granted_at, name))
        heappush(scope.by_rest, (-coupon.remaining, coupon.ends, coupon.granted_at, name))
        if len(scope.by_rest) > 2 * len(scope.by_end) + SLACK:
            scope.by_rest[:] = (left for left in dict.fromkeys(scope.by_rest) if _left(state, left))
            heapify(scope.by_rest)


def _left(state: AccountState, entry: tuple[int, int, int, str]) -> bool:
    """Return whether an entry still says what is left of its coupon."""
    coupon = state.funded.get(entry[3])
    return coupon is not None and coupon.remaining == -entry[0]


def _fits(state: AccountState, scope: _Scope, fits: Callable[[Coupon], bool]) -> bool:
    """Look at one coupon for all of its scope; those at the front that ended are dropped."""
    gone = 0
    for _, _, name in scope.by_end:
        if name in state.funded:
            break
        scope.there.discard(name)
        gone += 1
    del scope.by_end[:gone]
    return bool(scope.by_end) and fits(state.funded[scope.by_end[0][2]])


def oldest_first(state: AccountState) -> list[Item]:
    """Order the unpaid items by (posted_at, item id) (R2)."""
    return sorted(state.items.values(), key=lambda item: (item.posted_at, item.item))


def ordering(state: AccountState, policy: Policy) -> Ordering:
    """Return the order of an account's open things, as they are now."""
    order = state.order
    if isinstance(order, Ordering) and order.revision is policy.revision:
        if state.changes:
            order.catch_up(state)
        return order
    made = Ordering(state, policy)
    state.order, state.changes = made, []
    return made


def next_due(state: AccountState, policy: Policy) -> Deadline | None:
    """Return the account's next transition, the first one in the order of section 3.

    The answer is kept with the state until its next event, or another policy.
    """
    memo = state.next_due
    if memo is not None and memo[0] is policy.revision:
        return memo[1]
    first = ordering(state, policy).first_deadline(state)
    if state.alert.raised_at is not None:
        reminder = d.next_reminder(state, policy)
        if reminder is not None:
            due = Deadline(reminder[0], d.REMINDER, 0, "")
            first = due if first is None else min(first, due)
    state.next_due = policy.revision, first
    return first
