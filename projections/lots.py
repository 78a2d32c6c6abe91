"""Lots: which receipt paid what. Cash is spent first in, first out (R66).

A lot is the cash that one receipt added: a top-up, a refund, a credit note's cash part. What
settles a bill, pays an order or is charged back takes from the oldest lot first, a chargeback from
its own top-up's lot first. Events count in the order of their positions.
Invariant: the rests of the lots, less what no lot covered yet, are the account's cash. Only before
a late fact's receipt can something be uncovered (R11); the next receipts cover it.
This module must not know how lots are shown.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from ledger import codec
from ledger import events as e
from ledger.events import ACCOUNT_PREFIX
from projections.movements import BILL, PAYMENT, REVERSAL, SPENDING, Movement, movement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.point import Point


class Spent(NamedTuple):
    """What one event took from a lot: ``item`` is the bill, the instance or the reversal."""

    recorded: RecordedEvent
    item: str
    amount: int


class Lot:
    """The cash of one receipt, and what it paid."""

    __slots__ = ("amount", "moved", "recorded", "remaining", "spent")

    def __init__(self, recorded: RecordedEvent, moved: Movement) -> None:
        """Begin with all of it unspent."""
        self.recorded = recorded
        self.moved = moved
        self.amount = self.remaining = moved.cash
        self.spent: list[Spent] = []

    @property
    def position(self) -> int:
        """Where it was received."""
        return self.recorded.position

    def take(self, recorded: RecordedEvent, item: str, amount: int) -> int:
        """Spend up to an amount; return what is still to be paid."""
        part = min(self.remaining, amount)
        if part:
            self.remaining -= part
            self.spent.append(Spent(recorded, item, part))
        return amount - part


class Lots:
    """The lots of one account, used-up ones included, in the order in which they came.

    Attributes:
        currency: the account's; empty before it was opened.
        lots: every lot; ``uncovered``: what was spent before its receipt, oldest first.
        reversals: position and payment of every chargeback, even one that took no cash.

    """

    __slots__ = ("_first", "_payments", "currency", "lots", "reversals", "uncovered")

    def __init__(self) -> None:
        """Begin with none."""
        self.currency = ""
        self.lots: list[Lot] = []
        self.uncovered: list[Spent] = []
        self.reversals: list[tuple[int, tuple[str, str]]] = []
        self._first = 0  # the lots before it are used up
        self._payments: dict[tuple[str, str], Lot] = {}

    @property
    def total(self) -> int:
        """The account's cash."""
        rests = sum(lot.remaining for lot in self.lots[self._first :])
        return rests - sum(one.amount for one in self.uncovered)

    def apply(self, recorded: RecordedEvent) -> None:
        """Apply the account's next event."""
        event = recorded.event
        if isinstance(event, e.AccountOpened):
            self.currency = event.currency
        moved = movement(recorded)
        if moved is None or moved.kind == BILL:
            return
        payment = moved.channel, moved.serial
        if moved.kind not in SPENDING:
            lot = self._receive(recorded, moved)
            if moved.kind == PAYMENT:
                self._payments[payment] = lot
            return
        if moved.kind == REVERSAL:
            self.reversals.append((recorded.position, payment))
        self._spend(recorded, moved.about, -moved.cash, own=self._payments.get(payment))

    def _receive(self, recorded: RecordedEvent, moved: Movement) -> Lot:
        lot = Lot(recorded, moved)
        if lot.amount:
            self.lots.append(lot)
        waiting, self.uncovered = self.uncovered, []
        for one in waiting:
            left = lot.take(one.recorded, one.item, one.amount)
            if left:
                self.uncovered.append(one._replace(amount=left))
        return lot

    def _spend(
        self, recorded: RecordedEvent, item: str, amount: int, *, own: Lot | None = None
    ) -> None:
        left = amount if own is None else own.take(recorded, item, amount)
        while left and self._first < len(self.lots):
            left = self.lots[self._first].take(recorded, item, left)
            if left:
                self._first += 1
        if left:
            self.uncovered.append(Spent(recorded, item, left))


def fold_lots(history: Iterable[RecordedEvent]) -> Lots:
    """Fold an account's events, in whatever order they come, by position."""
    lots = Lots()
    for recorded in sorted(history, key=attrgetter("position")):
        lots.apply(recorded)
    return lots


def lots_at(reader: Reader, account: str, point: Point) -> Lots | None:
    """Return an account's lots at a point; None where it does not exist there."""
    bodies = reader.stream_bodies(
        ACCOUNT_PREFIX + account, until_position=point.position,
        at=None if point.everything else point.at,
    )  # fmt: skip
    lots = fold_lots(codec.decode_all(bodies))
    return lots if lots.currency else None


def all_lots(reader: Reader, point: Point) -> Iterator[tuple[str, Lots]]:
    """Yield every account's lots at a point, by id."""
    for account in reader.accounts():
        lots = lots_at(reader, account, point)
        if lots is not None:
            yield account, lots


class Flow(NamedTuple):
    """Where the cash of one event came from.

    Attributes:
        lots: (position of the lot, amount), in the order in which they were taken.
        had_paid: what the own top-up of a chargeback had paid before it.

    """

    lots: tuple[tuple[int, int], ...]
    charged_back: bool = False
    had_paid: tuple[Spent, ...] = ()


def flows(lots: Lots) -> dict[int, Flow]:
    """Return by position, for every event that spent cash, the lots that it took from."""
    found: dict[int, Flow] = {}
    own: dict[tuple[str, str], Lot] = {}
    for lot in lots.lots:
        if lot.moved.kind == PAYMENT:
            own[lot.moved.channel, lot.moved.serial] = lot
        for spent in lot.spent:
            position = spent.recorded.position
            there = found.get(position, Flow(()))
            found[position] = there._replace(lots=(*there.lots, (lot.position, spent.amount)))
    for position, payment in lots.reversals:
        found[position] = _own_first(found.get(position, Flow(())), own.get(payment), position)
    return found


def _own_first(flow: Flow, lot: Lot | None, position: int) -> Flow:
    """Put a chargeback's own lot first, with what it had paid."""
    if lot is None:
        return flow._replace(charged_back=True)
    before = [one for one in lot.spent if one.recorded.position < position]
    parts = sorted(flow.lots, key=lambda part: part[0] != lot.position)
    return Flow(tuple(parts), charged_back=True, had_paid=tuple(before))
