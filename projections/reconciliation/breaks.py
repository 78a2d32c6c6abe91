"""What matches and leftovers are called: matched, or one class of break each.

Invariant: a line's effect on the closing is counted in exactly one outcome, so that the effects
add up to the whole difference (report.py proves it). Duplicates, what is in transit and cut-offs
are told apart before anything is called missing.
This module must not know how lines were read or are shown.
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from ledger.periods import DAY
from projections.reconciliation.amounts import from_minor
from projections.reconciliation.collecting import suggestions
from projections.reconciliation.lines import (
    BOOKED,
    CHARGE,
    FAILED,
    PENDING,
    ROUNDING,
    amount_of,
    order_of,
    transactions,
)
from projections.reconciliation.matching import WINDOW, match

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from projections.reconciliation.lines import Line, Statement
    from projections.reconciliation.matching import Confirmed, Matched
    from projections.reconciliation.sides import Match

MATCHED: Final = ("matched", "matched_tolerance")
CHARGES: Final = "charges"
# What is cut off line by line may add up to this many minor units, or to this part of what moved.
ROUNDED_MINOR: Final = 5
ROUNDED_PART: Final = 10_000


class Scope(Struct, frozen=True):
    """Which lines a reconciliation speaks of.

    Attributes:
        starts, ends: half-open; what lies outside belongs to another period.
        whole: without a span it speaks of all time; an empty file speaks of nothing.
        narrowed: the span was asked for, so the statement's own lines may lie outside too.
        transit: how long a payment may be in transit, in microseconds.
        tolerance: fine units by which amounts may differ, as asked for.

    """

    currency: str
    starts: int
    ends: int
    narrowed: bool = False
    whole: bool = True
    transit: int = 0
    tolerance: int = 0
    accounts: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    def within(self, instant: int) -> bool:
        """Return whether an instant lies in the span."""
        return self.starts <= instant < self.ends if self.ends else self.whole

    def charged(self, line: Line) -> bool:
        """Return whether a ledger line charges for this period, whenever it was posted (R5)."""
        return bool(line.ends) and (self.within(line.starts) or self.within(line.ends - 1))

    def expects(self, line: Line) -> bool:
        """Return whether our line should stand in such a statement, and within its span."""
        return self.covers(line) and self.within(line.instant)

    def covers(self, line: Line) -> bool:
        """Return whether our line is expected in such a statement at all."""
        return (
            line.currency == self.currency
            and (not self.accounts or line.account in self.accounts)
            and (not self.kinds or line.kind in self.kinds)
        )


class MatchOutcome(Struct, frozen=True, gc=False):
    """A match or a break.

    Attributes:
        kind: its class.
        rule: the pass that matched it and the tolerance that let it pass, empty for none.
        effect: by how much it moves the closing apart from the ledger's balance.
        first_seen: the earliest instant of its lines: its age counts from there.
        tolerated: the part of the effect that a tolerance let pass.
        expected: it is on its way and not late, so nobody has to look at it yet.
        candidates: groups of lines that would explain it, of which none is booked.

    """

    kind: str
    rule: str
    ours: tuple[Line, ...]
    theirs: tuple[Line, ...]
    effect: int
    first_seen: int
    why: tuple[str, ...] = ()
    tolerated: int = 0
    expected: bool = False
    candidates: tuple[tuple[Line, ...], ...] = ()

    @property
    def matched(self) -> bool:
        """Whether it is not a break."""
        return self.kind in MATCHED

    @property
    def key(self) -> str:
        """What a person looks for."""
        return (self.theirs or self.ours)[0].key if not self.ours else self.ours[0].key

    @property
    def account(self) -> str:
        """The account of its lines, where one of them names it."""
        return next((line.account for line in (*self.ours, *self.theirs) if line.account), "")


class AllOutcomes(NamedTuple):
    """Every outcome, the pending lines that booked ones replace, and all our lines."""

    outcomes: list[MatchOutcome]
    replaced: list[Line]
    covered: list[Line]


def outcomes(
    ours: Sequence[Line], statement: Statement, scope: Scope,
    *, confirmed: Sequence[Confirmed] = (), accounts: AbstractSet[str] = frozenset(),
) -> AllOutcomes:  # fmt: skip
    """Return every outcome; breaks in an order that does not depend on the order of any row."""
    covered = [line for line in ours if line.currency != scope.currency or scope.covers(line)]
    found = match(
        covered, statement.lines, window=max(WINDOW, scope.transit), confirmed=confirmed,
        accounts=accounts,
    )
    maker = _Maker(statement, scope)
    made: list[MatchOutcome] = [maker.of_match(one) for one in found.matches]
    made += [
        replace(maker.outcome("ambiguous", tie.rule, tie.ours, tie.theirs),
                candidates=tie.candidates) for tie in found.ties
    ]  # fmt: skip
    made += maker.of_leftovers(found)
    every = not scope.narrowed  # then each of their lines belongs to this statement
    kept = maker.capped([one for one in made if (every and one.theirs) or maker.belongs(one)])
    matched = [one for one in kept if one.kind in MATCHED]
    broken = sorted((one for one in kept if one.kind not in MATCHED), key=sort_key)
    return AllOutcomes([*matched, *broken], found.replaced, covered)


def sort_key(one: MatchOutcome) -> tuple[object, ...]:
    """Sort outcomes by what they say."""
    return (
        one.first_seen, one.key, one.kind, one.effect, [line.place for line in one.ours],
        [order_of(line) for line in one.theirs],
    )  # fmt: skip


class _Maker:
    """Names outcomes within one scope."""

    def __init__(self, statement: Statement, scope: Scope) -> None:
        self.statement, self.scope = statement, scope
        # The span within which two lines of its currency that are equal need no second look.
        self._currency = scope.currency
        plain = bool(scope.ends) and not scope.narrowed
        self._starts, self._ends = (scope.starts, scope.ends) if plain else (0, 0)

    def mine(self, lines: Iterable[Line]) -> int:
        """Return what our lines add to the ledger's balance within the span."""
        return sum(line.amount for line in lines if self.scope.expects(line))

    def their(self, lines: Iterable[Line]) -> int:
        """Return what their lines add to the closing within the span."""
        return sum(self.statement.effect(line) for line in lines if self._theirs_inside(line))

    def _theirs_inside(self, line: Line) -> bool:
        return not self.scope.narrowed or self.scope.within(line.instant)

    def belongs(self, one: MatchOutcome) -> bool:
        """Return whether an outcome is this statement's at all."""
        if one.theirs and not self.scope.narrowed:
            return True
        return any(map(self._theirs_inside, one.theirs)) or any(map(self.scope.expects, one.ours))

    def outcome(
        self, kind: str, rule: str, ours: Sequence[Line], theirs: Sequence[Line],
        *, why: tuple[str, ...] = (),
    ) -> MatchOutcome:  # fmt: skip
        """Make an outcome with its effect and its first sight."""
        return MatchOutcome(
            kind, rule, tuple(ours), tuple(theirs), self.their(theirs) - self.mine(ours),
            min(line.instant for line in (*ours, *theirs)), why,
        )  # fmt: skip

    def of_match(self, one: Match) -> MatchOutcome:
        """Name a match: the first of the differences that matter, or none."""
        if not one.ours:  # one of their lines, and the line that reverses it
            return self.outcome("matched", one.rule, (), one.theirs)
        ours, theirs = one.ours, one.theirs
        mine, other = ours[0], theirs[0]
        if (
            mine.amount == other.amount and len(ours) == len(theirs) == 1 and not mine.status
            and other.status == BOOKED and mine.currency == other.currency == self._currency
            and self._starts <= (first := mine.instant) < self._ends
        ):  # as nearly all are: equal in everything, so nothing is left to compare or to add up
            return MatchOutcome("matched", one.rule, ours, theirs, 0, min(first, other.instant))
        kind, rule, why = self._difference(one)
        made = self.outcome(kind, rule, one.ours, one.theirs, why=why)
        if kind == "matched_tolerance":
            made = replace(made, tolerated=amount_of(one.theirs) - amount_of(one.ours))
        elif kind == "in_transit_ours":
            made = replace(made, expected=self._on_time(other))
        return made

    def _difference(self, one: Match) -> tuple[str, str, tuple[str, ...]]:  # noqa: PLR0911 - one each
        mine, other = one.ours[0], one.theirs[0]
        total, stated = amount_of(one.ours), amount_of(one.theirs)
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
        if abs(difference) <= self.scope.tolerance:
            return "given"
        return ROUNDING if abs(difference) < self._minor else ""

    @property
    def _minor(self) -> int:
        return from_minor(1, self.scope.currency)

    def capped(self, made: list[MatchOutcome]) -> list[MatchOutcome]:
        """Call rounding what it is only while it stays small in sum."""
        moved = sum(abs(line.amount) for line in self.statement.lines)
        small = max(ROUNDED_MINOR * self._minor, moved // ROUNDED_PART)
        within = [one for one in made if one.tolerated and one.rule.endswith(f", {ROUNDING}")]
        if abs(sum(one.tolerated for one in within)) > small:
            why = (f"less than a minor unit, but {len(within)} such add up to more than rounding",)
            made = [
                replace(one, kind="amount", rule=one.rule.removesuffix(f", {ROUNDING}"),
                        tolerated=0, why=why) if one.rule.endswith(f", {ROUNDING}") else one
                for one in made
            ]  # fmt: skip
        cut = [one for one in made if one.tolerated and one.rule == ROUNDING]
        bills = sum(1 for line in self.statement.lines if line.kind != ROUNDING)
        if abs(sum(one.tolerated for one in cut)) <= max(small, _by_chance(bills) * self._minor):
            return made
        why = (f"more than rounding {bills} charges to minor units would cut off",)
        return [
            replace(one, kind="missing_in_ledger", rule="", tolerated=0, why=why)
            if one.rule == ROUNDING else one for one in made
        ]  # fmt: skip

    def _on_time(self, line: Line) -> bool:
        """Return whether money may still be on its way when the statement ends."""
        return bool(self.scope.ends) and line.instant >= self.scope.ends - self.scope.transit

    def _cut_off(self, one: Match) -> bool:
        inside = [self.scope.within(line.instant) for line in one.ours]
        theirs = [self._theirs_inside(line) for line in one.theirs]
        if not any(inside) and not any(theirs):
            return False  # another period's on both sides
        if all(inside) and all(theirs):
            return False
        cleared = self.scope.starts - self.scope.transit
        # What was on its way when the period began has arrived: that is not a break.
        return not all(
            here or cleared <= line.instant < self.scope.starts or self.scope.charged(line)
            for here, line in zip(inside, one.ours, strict=True)
        ) or not all(theirs)

    def of_leftovers(self, found: Matched) -> list[MatchOutcome]:
        """Name what nobody wanted: repeated, on its way, or missing."""
        seen = _Repeats(found.theirs, (one.theirs for one in found.matches))
        twins = {line.twin for line in found.ours if line.twin}
        matched = {
            name for one in found.matches if twins for line in one.ours
            if (name := f"{line.channel}/{line.key}") in twins
        }  # fmt: skip
        mine = [line for line in found.ours
                if line.amount and self.scope.expects(line)]  # fmt: skip
        window = max(WINDOW, self.scope.transit)
        sums = suggestions(found.theirs, mine, window) | suggestions(mine, found.theirs, window)
        made = [
            replace(self.of_theirs(line, seen), candidates=tuple(sums.get(id(line), ())))
            for line in found.theirs if line.amount and line.status != FAILED
        ]  # what failed there came to nothing, and nothing is here
        return made + [
            replace(self.of_ours(line, matched), candidates=tuple(sums.get(id(line), ())))
            for line in mine
        ]

    def of_theirs(self, line: Line, seen: _Repeats) -> MatchOutcome:
        """Name a line that only they have: repeated, a charge, on its way, or missing here."""
        if seen.repeats(line):
            return self.outcome("duplicate_theirs", "", (), (line,))
        if line.kind in (CHARGE, ROUNDING):  # our bills keep what rounding cut off too (R8)
            rule = CHARGES if line.kind == CHARGE else ROUNDING
            made = self.outcome("matched_tolerance", rule, (), (line,))
            return replace(made, tolerated=made.effect)
        late_value = self.statement.subject == "payments" and line.ends >= self.scope.ends > 0
        on_its_way = line.status == PENDING or late_value
        kind = "in_transit_theirs" if on_its_way else "missing_in_ledger"
        made = self.outcome(kind, "", (), (line,))
        return replace(made, expected=on_its_way and self._on_time(line))

    def of_ours(self, line: Line, matched: set[str]) -> MatchOutcome:
        """Name a line that only we have: on its way, said twice (R3), or missing there."""
        if self._on_time(line):
            return replace(self.outcome("in_transit_ours", "", (line,), ()), expected=True)
        twice = line.twin in matched and line.twin.startswith(f"{line.channel}/")
        return self.outcome("duplicate_ours" if twice else "missing_at_provider", "", (line,), ())


def _by_chance(bills: int) -> int:
    """Return the most minor units that rounding bills down comes to, almost certainly.

    Each loses half a minor unit on average, with a deviation of 0.29 of one: three of them.
    """
    return (bills + 1) // 2 + 87 * isqrt(bills) // 100


class _Repeats:
    """Knows which of their lines repeat another line.

    Only what names one payment for ever proves that: a transaction's reference, or our own id.
    """

    def __init__(self, left: Sequence[Line], matched: Iterable[tuple[Line, ...]]) -> None:
        self._seen: dict[tuple[object, ...], str] = {}
        asked = {name for line in left for name in _proven(line)}
        for lines in matched if asked else ():
            for line in lines:
                if line.order in asked or line.number in asked:
                    self._add(line)
                    continue
                for text, _ in line.references:
                    if text in asked:
                        self._add(line)
                        break

    def _add(self, line: Line) -> None:
        self._seen.update(dict.fromkeys(self._keys(line), line.number))

    def _keys(self, line: Line) -> Iterator[tuple[object, ...]]:
        for name in _proven(line):
            yield (name, line.account, line.amount, line.currency, line.channel)

    def repeats(self, line: Line) -> bool:
        """Return whether a line repeats an earlier one, and remember it."""
        earlier = [self._seen[key] for key in self._keys(line) if key in self._seen]
        self._add(line)
        return any(not line.number or line.number == number for number in earlier)


def _proven(line: Line) -> list[str]:
    return [*transactions(line), *(name for name in (line.order, line.number) if name)]


TRANSIT: Final = {"payments": 3 * DAY}  # other statements are of the very system that booked them
