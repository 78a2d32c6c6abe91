"""Matching: passes from the surest to the least sure, each independent of the order of rows.

A key matches only where it is unique on both sides among what is left. So no pass ever takes the
first that fits: what is not unique waits for a sharper key, and is ambiguous if none comes.
Invariant: every line of both sides is in one match, or left over; never in two.
This module must not know what a difference is called (breaks.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.periods import DAY
from projections.reconciliation.lines import FAILED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from projections.reconciliation.lines import Line

WINDOW: Final = 3 * DAY
REFERENCE, ORDER, GROUP, NEAR = "reference", "order", "group", "amount_and_date"
Key = tuple[object, ...]


class Match(NamedTuple):
    """Lines of both sides that are one thing, and the rule that says so."""

    rule: str
    ours: tuple[Line, ...]
    theirs: tuple[Line, ...]


class Matched(NamedTuple):
    """What matching gives: matches, ties, and what nobody wanted."""

    matches: list[Match]
    ties: list[Match]
    ours: list[Line]
    theirs: list[Line]


def order_of(line: Line) -> tuple[object, ...]:
    """Sort lines by what they say, never by where they stand."""
    return (line.instant, line.key, line.amount, line.currency, line.account, line.order,
            line.references, line.kind, line.group, line.status, line.text)  # fmt: skip


class _Sides:
    """What is left of both sides, and the matches so far."""

    def __init__(self, ours: Sequence[Line], theirs: Sequence[Line]) -> None:
        self.ours: list[Line] = list(ours)
        self.theirs: list[Line] = list(theirs)
        self.named = bool(theirs) and all(line.account for line in theirs)
        self.matches: list[Match] = []

    def sort(self) -> None:
        """Order what is left by content: rows told apart by their place alone are the same.

        What is unique does not depend on any order, so the many that are go first.
        """
        self.ours.sort(key=order_of)
        self.theirs.sort(key=order_of)

    def unique(self, rule: str, keys: Callable[[Line, str], Iterable[Key]]) -> None:
        """Match what shares a key that is unique on both sides."""
        ours, theirs = self._index(self.ours, keys), self._index(self.theirs, keys)
        pairs: dict[int, int] = {}
        wanted: dict[int, int] = {}
        torn: set[int] = set()  # ours that several of theirs could be, or the other way round
        for key, found in ours.items():
            there = theirs.get(key)
            if found is not None and there is not None:
                first, rival = pairs.setdefault(found, there), wanted.setdefault(there, found)
                if first != there or rival != found:
                    torn.update((found, rival, wanted.get(first, found)))
        self.take(
            rule, [((mine,), (other,)) for mine, other in pairs.items() if mine not in torn]
        )

    def _index(
        self, lines: Sequence[Line], keys: Callable[[Line, str], Iterable[Key]]
    ) -> dict[Key, int | None]:
        found: dict[Key, int | None] = {}
        for place, line in enumerate(lines):
            for key in keys(line, line.account if self.named else ""):
                found[key] = place if key not in found else None
        return found

    def sums(self, rule: str, keys: Callable[[Line, str], Iterable[Key]]) -> None:
        """Match groups that share a key and whose sums agree, fees taken into account."""
        ours, theirs = self.groups(self.ours, keys), self.groups(self.theirs, keys)
        used: tuple[set[int], set[int]] = (set(), set())
        taken = []
        for key in sorted(ours.keys() & theirs.keys(), key=str):
            mine, others = ours[key], theirs[key]
            single = len(mine) == len(others) == 1  # the other passes see to those
            if single or used[0] & set(mine) or used[1] & set(others):
                continue
            fees = sum(self.theirs[place].fee for place in others)
            total = sum(self.ours[place].amount for place in mine)
            if sum(self.theirs[place].amount for place in others) in (total, total - fees):
                used[0].update(mine)
                used[1].update(others)
                taken.append((tuple(mine), tuple(others)))
        self.take(rule, taken)

    def groups(
        self, lines: Sequence[Line], keys: Callable[[Line, str], Iterable[Key]]
    ) -> dict[Key, list[int]]:
        """Give the lines of each key."""
        found: dict[Key, list[int]] = {}
        for place, line in enumerate(lines):
            for key in keys(line, line.account if self.named else ""):
                found.setdefault(key, []).append(place)
        return found

    def leave_out(self, ties: Sequence[Match]) -> None:
        """Take ties out of what is left."""
        ours = {id(line) for tie in ties for line in tie.ours}
        theirs = {id(line) for tie in ties for line in tie.theirs}
        self.ours = [line for line in self.ours if id(line) not in ours]
        self.theirs = [line for line in self.theirs if id(line) not in theirs]

    def take(self, rule: str, taken: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
        """Book matches, by the places of their lines."""
        if not taken:
            return
        gone_ours: set[int] = set()
        gone_theirs: set[int] = set()
        for mine, others in taken:
            self.matches.append(
                Match(
                    rule, tuple(self.ours[place] for place in mine),
                    tuple(self.theirs[place] for place in others),
                )
            )  # fmt: skip
            gone_ours.update(mine)
            gone_theirs.update(others)
        self.ours = [line for place, line in enumerate(self.ours) if place not in gone_ours]
        self.theirs = [line for place, line in enumerate(self.theirs) if place not in gone_theirs]


def match(ours: Sequence[Line], theirs: Sequence[Line]) -> Matched:
    """Match two sides. Nothing depends on the order of either."""
    sides = _Sides(ours, theirs)
    # Equal in everything first, then in all but one thing, so that a difference is seen last.
    sides.unique(REFERENCE, _exact(_references))
    sides.unique(ORDER, _exact(_orders))
    sides.sort()
    sides.unique(REFERENCE, _dated(_references))
    sides.unique(ORDER, _dated(_orders))
    sides.sums(GROUP, _grouped)
    sides.unique(REFERENCE, _inward(_references))
    sides.unique(ORDER, _inward(_orders))
    sides.unique(REFERENCE, _references)
    sides.unique(ORDER, _orders)
    _repeated(sides)
    ties = [*_same_name(sides), *_near(sides)]
    return Matched(sides.matches, ties, sides.ours, sides.theirs)


def _references(line: Line, account: str) -> Iterable[Key]:
    return [(account, one.text) for one in line.references if one.identifies]


def _orders(line: Line, account: str) -> Iterable[Key]:
    return ((account, line.order),) if line.order else ()


def _exact(keys: Callable[[Line, str], Iterable[Key]]) -> Callable[[Line, str], Iterable[Key]]:
    return lambda line, account: [
        (*key, line.amount, line.currency) for key in keys(line, account)
    ]


def _dated(keys: Callable[[Line, str], Iterable[Key]]) -> Callable[[Line, str], Iterable[Key]]:
    return lambda line, account: [
        (*key, line.amount, line.currency, line.instant) for key in keys(line, account)
    ]


def _inward(keys: Callable[[Line, str], Iterable[Key]]) -> Callable[[Line, str], Iterable[Key]]:
    return lambda line, account: [
        (*key, line.amount >= 0, line.currency) for key in keys(line, account)
    ]


def _grouped(line: Line, account: str) -> Iterable[Key]:
    """Name the groups of a line: a payout, an order paid at once, a bill with its notes."""
    names = dict.fromkeys((line.group, line.order, *(one.text for one in line.references)))
    return [(account, name, line.currency) for name in names if name]


def _repeated(sides: _Sides) -> None:
    """Match one line of each side where a side says the very same thing several times.

    The rows are equal in all that is compared, so the earliest stands for them and the others
    are duplicates of it: which of them is taken makes no difference to any figure.
    """
    for rule, keys in ((REFERENCE, _exact(_references)), (ORDER, _exact(_orders))):
        ours, theirs = sides.groups(sides.ours, keys), sides.groups(sides.theirs, keys)
        used: tuple[set[int], set[int]] = (set(), set())
        taken = []
        for key in sorted(ours.keys() & theirs.keys(), key=str):
            mine, others = ours[key], theirs[key]
            one_sided = len(mine) == 1 or len(others) == 1
            if one_sided and mine[0] not in used[0] and others[0] not in used[1]:
                used[0].add(mine[0])
                used[1].add(others[0])
                taken.append(((mine[0],), (others[0],)))
        sides.take(rule, taken)


def _same_name(sides: _Sides) -> list[Match]:
    """Set apart what both sides say several times under one name: nothing tells which is which."""
    ties: list[Match] = []
    for rule, keys in ((REFERENCE, _exact(_references)), (ORDER, _exact(_orders))):
        ours, theirs = sides.groups(sides.ours, keys), sides.groups(sides.theirs, keys)
        for key in sorted(ours.keys() & theirs.keys(), key=str):
            mine = tuple(sides.ours[place] for place in ours[key])
            others = tuple(sides.theirs[place] for place in theirs[key])
            if not any(set(map(id, mine)) & set(map(id, tie.ours)) for tie in ties):
                ties.append(Match(rule, mine, others))
        sides.leave_out(ties)
    return ties


def _near(sides: _Sides) -> list[Match]:
    """Match by amount, currency and date where each is the other's only candidate; list ties."""
    theirs: dict[tuple[int, str, str], list[int]] = {}
    for place, line in enumerate(sides.theirs):
        if not _firm(line):
            account = line.account if sides.named else ""
            theirs.setdefault((line.amount, line.currency, account), []).append(place)
    ours: dict[int, list[int]] = {}
    back: dict[int, list[int]] = {}
    for place, line in enumerate(sides.ours):
        account = line.account if sides.named else ""
        for other in theirs.get((line.amount, line.currency, account), ()):
            if abs(sides.theirs[other].instant - line.instant) <= WINDOW:
                ours.setdefault(place, []).append(other)
                back.setdefault(other, []).append(place)
    sure = [
        ((mine,), (others[0],)) for mine, others in ours.items()
        if len(others) == 1 and len(back[others[0]]) == 1
    ]  # fmt: skip
    tied = _tied(ours, back, {mine[0] for mine, _ in sure})
    ties = [
        Match(NEAR, tuple(sides.ours[place] for place in mine),
              tuple(sides.theirs[place] for place in others))
        for mine, others in tied
    ]  # fmt: skip
    sides.take(NEAR, sure)
    sides.leave_out(ties)
    return ties


def _tied(
    ours: dict[int, list[int]], back: dict[int, list[int]], sure: set[int]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Give each knot of lines that could be each other's, as a whole."""
    found = []
    seen: set[int] = set(sure)
    for start in sorted(ours):
        if start in seen:
            continue
        mine, others, waiting = {start}, set[int](), [start]
        while waiting:
            for other in ours[waiting.pop()]:
                others.add(other)
                fresh = set(back[other]) - mine
                mine |= fresh
                waiting += sorted(fresh)
        seen |= mine
        found.append((tuple(sorted(mine)), tuple(sorted(others))))
    return found


def _firm(line: Line) -> bool:
    """Say whether a line names our own id: then its amount alone proves nothing."""
    return line.firm or line.status == FAILED
