"""What is left of both sides, and the covers among it: lines of one side that add up to the other.

Invariant: the search for covers is exact. Every cover of at most PARTS lines among the candidates
is found, or none is given because there are more candidates than can be searched whole; a cover is
sure only where it is the only one, and shares no line with another.
This module must not know what a match is called, or why lines were candidates.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from projections.reconciliation.lines import order_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from projections.reconciliation.lines import Line
    Key = tuple[object, ...]
    Keys = Callable[[Line, str], Iterable[Key]]

CANDIDATES_MAX: Final = 22  # 2^11 sums in each half
FOUND_MAX: Final = 64  # more are not told apart: the line is hopeless


class Candidates(NamedTuple):
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


def knots(groups: Sequence[Candidates]) -> list[list[Candidates]]:
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
    found: dict[int, list[Candidates]] = {}
    for number, group in enumerate(groups):
        found.setdefault(root(number), []).append(group)
    return list(found.values())


def within(instants: Sequence[int], around: int, window: int) -> range:
    """Return the places of the sorted instants that lie in a window around one."""
    return range(bisect_left(instants, around - window), bisect_right(instants, around + window))


_new = tuple.__new__  # of a NamedTuple: hundreds of thousands are made, all of them alike


class Match(NamedTuple):
    """Lines of both sides that are one thing, or could be, and the rule that says so.

    Attributes:
        candidates: of a tie: the groups that exclude each other.

    """

    rule: str
    ours: tuple[Line, ...]
    theirs: tuple[Line, ...]
    candidates: tuple[tuple[Line, ...], ...] = ()


class OpenSides:
    """What is left of both sides, the matches and the ties so far."""

    def __init__(self, ours: Sequence[Line], theirs: Sequence[Line]) -> None:
        """Begin with all lines; accounts count where each of their lines names one."""
        self.ours: list[Line] = list(ours)
        self.theirs: list[Line] = list(theirs)
        self.named = bool(theirs) and all(line.account for line in theirs)
        self.matches: list[Match] = []
        self.ties: list[Match] = []

    def sort(self) -> None:
        """Order what is left by content: rows told apart by their place alone are the same.

        What is unique does not depend on any order, so the many that are go first.
        """
        self.ours.sort(key=order_of)
        self.theirs.sort(key=order_of)

    def unique(self, rule: str, ours: Keys, theirs: Keys) -> None:
        """Match what shares a key that is unique on both sides."""
        if not self.ours or not self.theirs:
            return
        mine = self._index(self.ours, ours)
        self.pair(rule, mine, self._index(self.theirs, theirs))

    def pair(
        self, rule: str, mine: Mapping[Any, int], others: Mapping[Any, int]
    ) -> None:
        """Match by the places of keys, -1 where several lines of that side have one."""
        pairs: dict[int, int] = {}
        wanted: dict[int, int] = {}
        torn: set[int] = set()  # lines with several candidates
        for key, there in others.items():
            found = mine.get(key, -1)
            if found >= 0 and there >= 0:
                first, rival = pairs.setdefault(found, there), wanted.setdefault(there, found)
                if first != there or rival != found:
                    torn.update((found, rival, wanted.get(first, found)))
        ours, theirs = self.ours, self.theirs
        for one in torn:
            del pairs[one]
        self.matches += [
            _new(Match, (rule, (ours[one],), (theirs[other],), ())) for one, other in pairs.items()
        ]
        if pairs:
            gone = set(pairs.values())
            self.ours = [line for place, line in enumerate(ours) if place not in pairs]
            self.theirs = [line for place, line in enumerate(theirs) if place not in gone]

    def _index(self, lines: Sequence[Line], keys: Keys) -> dict[Key, int]:
        """Return the place of each key, -1 where several lines have it."""
        found: dict[Key, int] = {}
        named = self.named
        for place, line in enumerate(lines):
            for key in keys(line, line.account if named else ""):
                found[key] = place if found.setdefault(key, place) == place else -1
        return found

    def groups(self, lines: Sequence[Line], keys: Keys) -> dict[Key, list[int]]:
        """Return the lines of each key."""
        found: dict[Key, list[int]] = {}
        for place, line in enumerate(lines):
            for key in dict.fromkeys(keys(line, line.account if self.named else "")):
                found.setdefault(key, []).append(place)
        return found

    def shared(self, mine_of: Keys, others_of: Keys) -> list[Candidates]:
        """Return the lines of each key that both sides have."""
        ours, theirs = self.groups(self.ours, mine_of), self.groups(self.theirs, others_of)
        return [
            Candidates(tuple(ours[key]), tuple(theirs[key]))
            for key in sorted(ours.keys() & theirs.keys(), key=repr)
        ]

    def nearby(self, mine_of: Keys, others_of: Keys, window: int) -> list[Candidates]:
        """Return the lines that share a key and lie within a window, as whole clusters."""
        theirs = self.groups(self.theirs, others_of)
        ours = self.groups(self.ours, mine_of) if theirs else {}
        found: list[Candidates] = []
        for key in sorted(ours.keys() & theirs.keys(), key=repr):
            mine = sorted(ours[key], key=lambda place: self.ours[place].instant)
            instants = [self.ours[place].instant for place in mine]
            clusters: list[tuple[range, list[int]]] = []
            for other in sorted(theirs[key], key=lambda place: self.theirs[place].instant):
                near = within(instants, self.theirs[other].instant, window)
                if near and clusters and near.start < clusters[-1][0].stop:
                    last, others = clusters.pop()
                    clusters.append((range(last.start, near.stop), [*others, other]))
                elif near:
                    clusters.append((near, [other]))
            found += [
                Candidates(tuple(sorted(mine[place] for place in span)), tuple(sorted(others)))
                for span, others in clusters
            ]
        return found

    def settle(
        self, rule: str, groups: Sequence[Candidates], *, tie: bool = True, pairs: bool = False
    ) -> None:
        """Settle each group that shares no line with another; join those that do.

        With ``pairs`` only one line of each side is taken for the same, more is a tie.
        """
        taken, tied = [], []
        for knot in knots(list(dict.fromkeys(groups))):
            first = knot[0]
            if len(knot) == 1 and not (pairs and max(map(len, first)) > 1):
                taken.append(first)
            elif tie:
                tied.append(knot)
        self.ties += [self._tie(rule, knot) for knot in tied]
        self.take(rule, taken, gone=[group for knot in tied for group in knot])

    def _tie(self, rule: str, knot: Sequence[Candidates]) -> Match:
        ours = sorted({place for group in knot for place in group.ours})
        theirs = sorted({place for group in knot for place in group.theirs})
        candidates = () if len(knot) == 1 else tuple(
            (*(self.ours[place] for place in group.ours),
             *(self.theirs[place] for place in group.theirs)) for group in knot
        )  # fmt: skip
        return Match(
            rule, tuple(self.ours[place] for place in ours),
            tuple(self.theirs[place] for place in theirs), candidates,
        )  # fmt: skip

    def take(
        self, rule: str, taken: Sequence[Candidates], *, gone: Sequence[Candidates] = ()
    ) -> None:
        """Book matches by the places of their lines, and drop what else is gone."""
        if not taken and not gone:
            return
        for group in taken:
            self.matches.append(
                Match(rule, tuple([self.ours[place] for place in group.ours]),
                      tuple([self.theirs[place] for place in group.theirs]))
            )  # fmt: skip
        ours = {place for group in (*taken, *gone) for place in group.ours}
        theirs = {place for group in (*taken, *gone) for place in group.theirs}
        self.ours = [line for place, line in enumerate(self.ours) if place not in ours]
        self.theirs = [line for place, line in enumerate(self.theirs) if place not in theirs]
