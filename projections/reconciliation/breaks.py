"""What matches and leftovers are called: matched, or one class of break each.

Invariant: a line's effect on the closing is counted in exactly one outcome, so that the effects
add up to the whole difference (report.py proves it). Duplicates, what is in transit and cut-offs
are told apart before anything is called missing.
This module must not know how lines were read or are shown.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from ledger.money import RATED_SCALE, exponent
from ledger.periods import DAY
from projections.reconciliation.lines import BOOKED, FAILED, PENDING
from projections.reconciliation.matching import WINDOW, match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from projections.reconciliation.lines import Line, Statement
    from projections.reconciliation.matching import Match, Matched

MATCHED: Final = ("matched", "matched_tolerance")
BREAKS: Final = (
    "in_transit_ours", "in_transit_theirs", "missing_in_ledger", "missing_at_provider", "amount",
    "currency", "direction", "status", "duplicate_ours", "duplicate_theirs", "cut_off",
    "ambiguous",
)  # fmt: skip
CANDIDATES_MAX, PARTS_MAX = 12, 4  # bounds of a subset sum: at most 781 sums a line
SEARCHED_MAX = 200  # lines for which a sum is looked for


class Scope(Struct, frozen=True):
    """Which lines a reconciliation speaks of.

    Attributes:
        starts, ends: half-open; what lies outside is another period's.
        narrowed: the span was asked for, so the statement's own lines may lie outside too.
        transit: how long money may be on its way, in microseconds.
        tolerance: fine units by which amounts may differ, as asked for.

    """

    currency: str
    starts: int
    ends: int
    narrowed: bool = False
    transit: int = 0
    tolerance: int = 0
    accounts: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    def within(self, instant: int) -> bool:
        """Say whether an instant lies in the span."""
        return not self.ends or self.starts <= instant < self.ends

    def inside(self, line: Line) -> bool:
        """Say whether a line of ours is this period's: by its date."""
        return self.within(line.instant)

    def charged(self, line: Line) -> bool:
        """Say whether what a line of ours charges is this period's, whenever it was posted (R5)."""
        return bool(line.ends) and (self.within(line.starts) or self.within(line.ends - 1))

    def covers(self, line: Line) -> bool:
        """Say whether a line of ours is expected in such a statement at all."""
        return (
            line.currency == self.currency
            and (not self.accounts or line.account in self.accounts)
            and (not self.kinds or line.kind in self.kinds)
        )


class Outcome(Struct, frozen=True):
    """A match or a break.

    Attributes:
        kind: its class.
        rule: the pass that matched it and the tolerance that let it pass, empty for none.
        effect: by how much it moves the closing apart from the ledger's balance.
        first_seen: the earliest instant of its lines: its age counts from there.

    """

    kind: str
    rule: str
    ours: tuple[Line, ...]
    theirs: tuple[Line, ...]
    effect: int
    first_seen: int
    why: tuple[str, ...] = ()

    @property
    def matched(self) -> bool:
        """Whether it is no break."""
        return self.kind in MATCHED

    @property
    def key(self) -> str:
        """What a person looks for."""
        return (self.theirs or self.ours)[0].key if not self.ours else self.ours[0].key

    @property
    def account(self) -> str:
        """The account of its lines, where one of them names it."""
        return next((line.account for line in (*self.ours, *self.theirs) if line.account), "")


def outcomes(ours: Sequence[Line], statement: Statement, scope: Scope) -> list[Outcome]:
    """Give every outcome; breaks in an order that does not depend on the order of any row."""
    covered = [line for line in ours if line.currency != scope.currency or scope.covers(line)]
    found = match(covered, statement.lines)
    maker = _Maker(statement, scope)
    made: list[Outcome] = [maker.of_match(one) for one in found.matches]
    made += [maker.outcome("ambiguous", tie.rule, tie.ours, tie.theirs) for tie in found.ties]
    made += maker.of_leftovers(found)
    kept = [one for one in made if maker.belongs(one)]
    matched = [one for one in kept if one.matched]
    return [*matched, *sorted((one for one in kept if not one.matched), key=sort_key)]


def sort_key(one: Outcome) -> tuple[object, ...]:
    """Sort outcomes by what they say."""
    mine, others = one.ours, one.theirs
    return (
        one.first_seen, one.key, one.kind, one.effect, [line.place for line in mine],
        [(line.key, line.amount) for line in others],
    )  # fmt: skip


class _Maker:
    """Names outcomes within one scope."""

    def __init__(self, statement: Statement, scope: Scope) -> None:
        self.statement, self.scope = statement, scope

    def mine(self, lines: Iterable[Line]) -> int:
        """Give what lines of ours add to the ledger's balance within the span."""
        return sum(
            line.amount for line in lines if self.scope.covers(line) and self.scope.inside(line)
        )

    def their(self, lines: Iterable[Line]) -> int:
        """Give what lines of theirs add to the closing within the span."""
        return sum(self.statement.effect(line) for line in lines if self._theirs_inside(line))

    def _theirs_inside(self, line: Line) -> bool:
        return not self.scope.narrowed or self.scope.within(line.instant)

    def belongs(self, one: Outcome) -> bool:
        """Say whether an outcome is this statement's at all."""
        return any(map(self._theirs_inside, one.theirs)) or any(
            self.scope.covers(line) and self.scope.inside(line) for line in one.ours
        )

    def outcome(
        self, kind: str, rule: str, ours: Sequence[Line], theirs: Sequence[Line],
        *, why: tuple[str, ...] = (),
    ) -> Outcome:  # fmt: skip
        """Make an outcome with its effect and its first sight."""
        return Outcome(
            kind, rule, tuple(ours), tuple(theirs), self.their(theirs) - self.mine(ours),
            min(line.instant for line in (*ours, *theirs)), why,
        )  # fmt: skip

    def of_match(self, one: Match) -> Outcome:
        """Name a match: the first of the differences that matter, or none."""
        mine, other = one.ours[0], one.theirs[0]
        if (
            len(one.ours) == len(one.theirs) == 1 and mine.amount == other.amount
            and not mine.status and other.status == BOOKED and mine.currency == other.currency
            == self.scope.currency and self.scope.inside(mine) and not self.scope.narrowed
        ):  # as nearly all are: equal in everything, so nothing is left to compare or to add up
            first = min(mine.instant, other.instant)
            return Outcome("matched", one.rule, one.ours, one.theirs, 0, first)
        kind, rule, why = self._difference(one)
        return self.outcome(kind, rule, one.ours, one.theirs, why=why)

    def _difference(self, one: Match) -> tuple[str, str, tuple[str, ...]]:  # noqa: PLR0911 - one each
        mine, other = one.ours[0], one.theirs[0]
        total, stated = (sum(line.amount for line in side) for side in (one.ours, one.theirs))
        if mine.currency != other.currency:
            return "currency", one.rule, (f"{mine.currency} here, {other.currency} there",)
        if total * stated < 0:
            return "direction", one.rule, ("the same size, the other way",)
        tolerated = self._tolerated(one, stated - total)
        if stated != total and not tolerated:
            return "amount", one.rule, ()
        if other.status == FAILED:
            return "status", one.rule, ("booked here, failed there",)
        if other.status == PENDING:
            return "in_transit_ours", one.rule, ("booked here, pending there",)
        if mine.status and other.status in ("paid", "unpaid") and mine.status != other.status:
            return "status", one.rule, (f"{mine.status} here, {other.status} there",)
        if self._cut_off(one):
            return "cut_off", one.rule, ("the two sides book it in different periods",)
        if tolerated:
            return "matched_tolerance", f"{one.rule}, {tolerated}", ()
        return "matched", one.rule, ()

    def _tolerated(self, one: Match, difference: int) -> str:
        """Name the rule that lets a difference pass: fee, rounding, given."""
        if not difference:
            return ""
        if difference == -sum(line.fee for line in one.theirs):
            return "fee"
        if abs(difference) < 10 ** (RATED_SCALE - exponent(self.scope.currency)):
            return "rounding"
        return "given" if abs(difference) <= self.scope.tolerance else ""

    def _cut_off(self, one: Match) -> bool:
        inside = [self.scope.inside(line) for line in one.ours]
        theirs = [self._theirs_inside(line) for line in one.theirs]
        if not any(inside) and not any(theirs):
            return False  # another period's on both sides
        if all(inside) and all(theirs):
            return False
        cleared = self.scope.starts - self.scope.transit
        # What was on its way when the period began has arrived: that is no break.
        return not all(
            here or cleared <= line.instant < self.scope.starts or self.scope.charged(line)
            for here, line in zip(inside, one.ours, strict=True)
        ) or not all(theirs)

    def of_leftovers(self, found: Matched) -> list[Outcome]:
        """Name what nobody wanted: repeated, on its way, or missing."""
        seen_theirs = _Repeats(found.theirs, (one.theirs for one in found.matches))
        seen_ours = _Repeats(found.ours, (one.ours for one in found.matches))
        suggested = _suggestions(found, self.scope)
        made: list[Outcome] = []
        for line in found.theirs:
            kind = self._left_there(line, seen_theirs)
            if kind and line.amount:
                why = suggested.get(id(line), ())
                made.append(self.outcome(kind, "", (), (line,), why=why))
        for line in found.ours:
            if line.amount and self.scope.covers(line) and self.scope.inside(line):
                why = suggested.get(id(line), ())
                kind = self._left_here(line, seen_ours)
                made.append(self.outcome(kind, "", (line,), (), why=why))
        return made

    def _left_there(self, line: Line, seen: _Repeats) -> str:
        if line.status == FAILED:
            return ""  # it came to nothing there, and nothing is here
        if seen.repeats(line):
            return "duplicate_theirs"
        late_value = self.statement.subject == "payments" and line.ends >= self.scope.ends > 0
        return "in_transit_theirs" if line.status == PENDING or late_value else "missing_in_ledger"

    def _left_here(self, line: Line, seen: _Repeats) -> str:
        if seen.repeats(line):
            return "duplicate_ours"
        on_its_way = self.scope.ends and line.instant >= self.scope.ends - self.scope.transit
        return "in_transit_ours" if on_its_way else "missing_at_provider"


class _Repeats:
    """Knows which of the leftovers say again what another line said."""

    def __init__(self, left: Sequence[Line], matched: Iterable[tuple[Line, ...]]) -> None:
        self._seen: set[tuple[object, ...]] = set()
        self._keys: set[str] = set()
        asked = {name for line in left for name in _names(line)}
        twins = {line.twin.partition("/")[2] for line in left if line.twin}
        for lines in matched if left else ():
            for line in lines:
                if not asked.isdisjoint(_names(line)) or line.key in twins:
                    self._add(line)

    def _add(self, line: Line) -> None:
        self._seen.update(self._names(line))
        self._keys.add(f"{line.channel}/{line.key}")

    def _names(self, line: Line) -> Iterator[tuple[object, ...]]:
        for name in _names(line):
            yield (name, line.account, line.amount, line.currency)
            if not line.order:
                yield (name, line.amount, line.currency)

    def repeats(self, line: Line) -> bool:
        """Say whether a line repeats an earlier one (R3), and remember it."""
        again = line.twin in self._keys or any(name in self._seen for name in self._names(line))
        self._add(line)
        return again


def _names(line: Line) -> list[str]:
    names = [one.text for one in line.references]
    return [*names, line.order] if line.order else names


def _suggestions(found: Matched, scope: Scope) -> dict[int, tuple[str, ...]]:
    """Suggest, and never book, sums of a few lines of one side that are a line of the other."""
    suggested: dict[int, tuple[str, ...]] = {}
    ours = [line for line in found.ours if scope.covers(line) and scope.inside(line)]
    for lines, others, side in ((found.theirs, ours, "ours"), (ours, found.theirs, "theirs")):
        near = _nearby(others)
        for line in lines[:SEARCHED_MAX]:
            sums = _subsets(line, near(line))
            if len(sums) == 1:
                keys = " + ".join(sorted(part.key for part in sums[0]))
                suggested[id(line)] = (f"suggestion: the sum of {side}: {keys}",)
    return suggested


def _nearby(lines: Sequence[Line]) -> Callable[[Line], list[Line]]:
    from bisect import bisect_left  # noqa: PLC0415 - for leftovers alone

    instants = [line.instant for line in lines]

    def near(line: Line) -> list[Line]:
        first = bisect_left(instants, line.instant - WINDOW)
        last = bisect_left(instants, line.instant + WINDOW + 1)
        return list(lines[first:last])

    return near


def _subsets(line: Line, candidates: list[Line]) -> list[tuple[Line, ...]]:
    """Give the subsets of 2 to 4 lines that sum to a line; none where there are too many."""
    same = [
        one for one in candidates
        if one.currency == line.currency and one.amount
        and (one.amount > 0) == (line.amount > 0) and abs(one.amount) < abs(line.amount)
    ]  # fmt: skip
    if len(same) > CANDIDATES_MAX:
        return []
    return [
        chosen for size in range(2, PARTS_MAX + 1) for chosen in combinations(same, size)
        if sum(one.amount for one in chosen) == line.amount
    ]  # fmt: skip


TRANSIT: Final = {"payments": 3 * DAY}  # other statements are of the very system that booked them
