"""Covers: which lines of one side add up to one line of the other.

Invariant: the search is exact. Every cover of at most PARTS lines among the candidates is found, or
none is given because there are more candidates than can be searched whole; a cover is sure only
where it is the only one, and shares no line with another.
This module must not know what a cover is called, or why its lines were candidates.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

CANDIDATES_MAX: Final = 22  # 2^11 sums in each half
FOUND_MAX: Final = 64  # more are not told apart: the line is hopeless


class Group(NamedTuple):
    """Lines of both sides that could be one thing, by their places."""

    ours: tuple[int, ...]
    theirs: tuple[int, ...]


def subsets(amounts: Sequence[int], total: int) -> list[tuple[int, ...]]:
    """Return every subset of at least two amounts that sums to a total, by their places.

    Meets in the middle: each half's sums are listed once. More candidates than CANDIDATES_MAX
    give nothing, for an inexact search could call one cover the only one.
    """
    if len(amounts) > CANDIDATES_MAX:
        return []
    half = len(amounts) // 2
    low, high = _sums(amounts, 0, half), _sums(amounts, half, len(amounts))
    by_sum: dict[int, list[tuple[int, ...]]] = {}
    for amount, places in low:
        by_sum.setdefault(amount, []).append(places)
    found: list[tuple[int, ...]] = []
    for amount, places in high:
        for others in by_sum.get(total - amount, ()):
            if len(places) + len(others) > 1:
                found.append((*others, *places))
                if len(found) > FOUND_MAX:
                    return sorted(found)
    return sorted(found)


def _sums(amounts: Sequence[int], first: int, last: int) -> list[tuple[int, tuple[int, ...]]]:
    found: list[tuple[int, tuple[int, ...]]] = [(0, ())]
    for place in range(first, last):
        found += [(amount + amounts[place], (*places, place)) for amount, places in found]
    return found


def knots(groups: Sequence[Group]) -> list[list[Group]]:
    """Tie together the groups that share a line: each line is in one knot at most."""
    owner: dict[tuple[int, int], int] = {}
    parent = list(range(len(groups)))

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for number, group in enumerate(groups):
        for side, places in enumerate(group):
            for place in places:
                first = owner.setdefault((side, place), number)
                parent[root(number)] = root(first)
    found: dict[int, list[Group]] = {}
    for number, group in enumerate(groups):
        found.setdefault(root(number), []).append(group)
    return list(found.values())


def within(instants: Sequence[int], around: int, window: int) -> range:
    """Return the places of the sorted instants that lie in a window around one."""
    return range(bisect_left(instants, around - window), bisect_right(instants, around + window))
