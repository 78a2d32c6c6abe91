"""The report of a reconciliation, and the proof block without which there is none.

Invariant: a report cannot be made whose block does not close: provider opening + movements =
provider closing, and ledger balance + reconciling items = provider closing, to the last unit.
The two sums are taken from the lines themselves, not from the outcomes that they are to prove.
This module must not know where lines come from.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from msgspec import UNSET, Struct
from msgspec.structs import replace

from ledger.errors import IntegrityBroken
from ledger.periods import DAY, local_day
from projections.ages import NAMES as AGES
from projections.ages import age_of
from projections.answers.reconciling import (
    BreakFound,
    Evidence,
    Item,
    ProofShown,
    Reconcile,
    Span,
)
from projections.answers.terms import Instant
from projections.reconciliation.amounts import exact, hashed_amount
from projections.reconciliation.breaks import CHARGES, MatchOutcome, Scope, outcomes
from projections.reconciliation.lines import (
    ROUNDING,
    amount_of,
    digest,
    name_of,
    names_of,
    order_of,
    ordinals,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from msgspec import UnsetType

    from projections.answers.reconciling import Billed, FileRead
    from projections.answers.terms import PointShown
    from projections.reconciliation.lines import Line, Statement
    from projections.reconciliation.matching import Confirmed

OLDEST: Final = "> 90"  # as reconciliations have always named it
BROUGHT_FORWARD: Final = "brought_forward"
# Matched, and booked before this period (it was on its way) or after it (its cycle was this one).
OTHER_PERIOD: Final = "booked_in_other_period"


class ProofDoesNotClose(IntegrityBroken):
    """A reconciliation left something unexplained: our own bug, so there is no report (exit 5)."""

    code = "PROOF_DOES_NOT_CLOSE"


class Proof(Struct, frozen=True):
    """The proof block. Units: fine. It cannot be made unless both its lines close."""

    opening: int
    movements: int
    closing: int
    ledger_balance: int
    items: tuple[tuple[str, int], ...]

    @property
    def unexplained(self) -> int:
        """What no item explains: 0, or there would be no proof."""
        return self.closing - self.ledger_balance - sum(amount for _, amount in self.items)

    def __post_init__(self) -> None:
        """Refuse to exist where a line does not close. Raises: ProofDoesNotClose."""
        if self.opening + self.movements != self.closing:
            raise ProofDoesNotClose("opening + movements is not the closing")
        if self.unexplained:
            raise ProofDoesNotClose(f"{self.unexplained} fine units are unexplained")


class ReconciliationReport(Struct, frozen=True):
    """What a reconciliation found, with its proof."""

    source: str
    subject: str
    currency: str
    scope: Scope
    outcomes: tuple[MatchOutcome, ...]
    proof: Proof
    lines: tuple[Line, ...] = ()
    replaced: tuple[Line, ...] = ()

    @property
    def breaks(self) -> list[MatchOutcome]:
        """The outcomes that somebody has to look at."""
        return [one for one in self.outcomes if not one.matched and not one.expected]

    @property
    def expected(self) -> list[MatchOutcome]:
        """What is on its way and not late: in the proof, and nobody's work."""
        return [outcome for outcome in self.outcomes if outcome.expected]

    def line_names(self) -> dict[int, str]:
        """Name the lines of breaks, by their identity, as matching by hand knows them."""
        broken = [*self.breaks, *self.expected]
        shown = [line for one in broken for line in (*one.theirs, *chain(*one.candidates))]
        wanted = {name_of(line) for line in shown}
        gone = set(map(id, self.replaced))
        same = [line for line in self.lines if name_of(line) in wanted and id(line) not in gone]
        same.sort(key=order_of)
        names = dict(zip(map(id, same), names_of(same), strict=True))
        return {id(line): name_of(line) for one in broken
                for line in (*one.ours, *chain(*one.candidates))} | names  # fmt: skip

    def named(self, found: Sequence[MatchOutcome]) -> list[tuple[str, MatchOutcome]]:
        """Name breaks the same way in every run that finds them; equal ones by their ordinal."""
        hashes = [break_hash(self.source, one) for one in found]
        return [
            (hashed if nth == 1 else digest((hashed, nth)), one)
            for hashed, nth, one in zip(hashes, ordinals(hashes), found, strict=True)
        ]

    @property
    def matches(self) -> list[MatchOutcome]:
        """The outcomes that nobody has to look at; what rounding cut off is an item, no match."""
        return [one for one in self.outcomes if one.matched and one.rule != ROUNDING]


def reconcile(
    statement: Statement, ours: Sequence[Line], scope: Scope,
    *, confirmed: Sequence[Confirmed] = (), accounts: AbstractSet[str] = frozenset(),
) -> ReconciliationReport:  # fmt: skip
    """Compare both sides and prove it. Raises: ProofDoesNotClose."""
    found, replaced, covered = outcomes(
        ours, statement, scope, confirmed=confirmed, accounts=accounts
    )
    before = inside = 0
    starts, ends = scope.starts, scope.ends
    for line in covered:
        if line.currency != scope.currency:
            continue
        if starts <= line.instant < ends or (not ends and scope.whole):
            inside += line.amount
        elif statement.balances and line.instant < scope.starts:
            before += line.amount
    opening, movements = _movements(statement, scope)
    items = _items(found)
    if opening - before:
        items.insert(0, (BROUGHT_FORWARD, opening - before))
    proof = Proof(opening, movements, opening + movements, before + inside, tuple(items))
    if not scope.narrowed and proof.closing != statement.closing:
        raise ProofDoesNotClose("the closing differs from the closing that the statement states")
    return ReconciliationReport(
        statement.source, statement.subject, statement.currency, scope, tuple(found), proof,
        statement.lines, tuple(replaced),
    )


def with_missing(
    report: ReconciliationReport, others: Sequence[ReconciliationReport]
) -> ReconciliationReport:
    """Add what the reports of other currencies alone know: our lines that they lack.

    Their effect is in the proof of their own currency, and none in this one.
    """
    known = {id(line) for outcome in report.outcomes for line in outcome.ours}
    more = tuple(
        replace(outcome, effect=0, tolerated=0) for other in others for outcome in other.outcomes
        if not outcome.matched and not outcome.theirs and known.isdisjoint(map(id, outcome.ours))
    )
    return replace(report, outcomes=(*report.outcomes, *more)) if more else report


def proof_of(report: ReconciliationReport) -> ProofShown:
    """Return the proof block of one currency."""
    proof, code = report.proof, report.currency
    return ProofShown(
        currency=code, opening=exact(proof.opening, code),
        movements=exact(proof.movements, code), closing=exact(proof.closing, code),
        ledger_balance=exact(proof.ledger_balance, code),
        reconciling_items=[
            Item(item=name, amount=exact(amount, code)) for name, amount in proof.items
        ],
        unexplained=exact(proof.unexplained, code),
    )  # fmt: skip


def _items(found: Sequence[MatchOutcome]) -> list[tuple[str, int]]:
    """Add up what explains the difference; a tolerance explains what it let pass and no more."""
    effects: Counter[str] = Counter()
    for one in found:
        if one.effect or one.tolerated:
            name = one.rule if one.rule in (CHARGES, ROUNDING) else one.kind
            if one.matched:
                effects[name] += one.tolerated
                name = OTHER_PERIOD
            effects[name] += one.effect - one.tolerated
    return [(kind, amount) for kind, amount in sorted(effects.items()) if amount]


def _movements(statement: Statement, scope: Scope) -> tuple[int, int]:
    """Return opening and movements of the span that is asked for."""
    if not scope.narrowed:
        return statement.opening, statement.closing - statement.opening  # it was held when made
    earlier = sum(
        statement.effect(line) for line in statement.lines if line.instant < scope.starts
    )
    inside = sum(statement.effect(line) for line in statement.lines if scope.within(line.instant))
    return (statement.opening + earlier if statement.balances else 0), inside


def bucket(days: int) -> str:
    """Name the age of a break."""
    name = age_of(days)
    return OLDEST if name == AGES[-1] else name


def age_days(first_seen: int, seen_at: int, offset: int) -> int:
    """Count the local days since a break was first seen."""
    return max(0, local_day(seen_at, offset) - local_day(first_seen, offset))


class _Shown:
    """Shows breaks for one report: their ids and the names of their lines."""

    def __init__(self, report: ReconciliationReport, *, seen_at: int, offset: int) -> None:
        self.report, self.seen_at, self.offset = report, seen_at, offset
        self.lines = report.line_names()
        named = report.named([*report.breaks, *report.expected])
        self.ids = {id(one): name for name, one in named}

    def of(self, one: MatchOutcome) -> BreakFound:
        """Return a break with its class, age and evidence."""
        report = self.report
        ours = amount_of(one.ours) if one.ours else None
        theirs = amount_of(one.theirs) if one.theirs else None
        currency = (one.ours or one.theirs)[0].currency
        days = age_days(one.first_seen, self.seen_at, self.offset)
        candidates = candidates_of(one, self.lines)
        said = "one way" if one.kind == "ambiguous" else "suggestion: the sum of"
        why = [*one.why, *(f"{said} {' + '.join(names)}" for names in candidates)]
        return BreakFound(
            break_=self.ids[id(one)], expected=one.expected, class_=cast("Any", one.kind),
            key=one.key, account=one.account or None, currency=currency,
            ours=None if ours is None else exact(ours, currency),
            theirs=None if theirs is None else exact(theirs, one.theirs[0].currency),
            delta=exact((theirs or 0) - (ours or 0), report.currency),
            effect=exact(one.effect, report.currency),
            first_seen=Instant.at(one.first_seen, self.offset), age_days=days,
            age=cast("Any", bucket(days)), rule=one.rule or None, candidates=candidates,
            evidence=[
                *(self._evidence("ledger", line) for line in one.ours),
                *(self._evidence("statement", line) for line in one.theirs),
                *(Evidence(side="both", says=one) for one in why),
            ],
        )  # fmt: skip

    def _evidence(self, side: Literal["ledger", "statement"], line: Line) -> Evidence:
        references = ", ".join(reference.text for reference in line.references)
        return Evidence(
            # A statement's row is told by what it says, not by where it stands.
            side=side, place=line.place if side == "ledger" else UNSET,
            line=self.lines[id(line)], kind=line.kind, key=line.key,
            amount=exact(line.amount, line.currency), currency=line.currency,
            at=Instant.at(line.instant, self.offset),
            reference=references or UNSET, order=line.order or UNSET, group=line.group or UNSET,
            status=line.status or UNSET, instance=line.instance or UNSET, text=line.text or UNSET,
            payer=line.payer or UNSET, payer_account=line.payer_account or UNSET,
        )  # fmt: skip


def candidates_of(one: MatchOutcome, names: Mapping[int, str]) -> list[list[str]]:
    """Name the lines of each group that would explain a break."""
    return sorted(sorted(names[id(line)] for line in group) for group in one.candidates)


def break_hash(source: str, one: MatchOutcome) -> str:
    """Return the hash of what a break is about."""
    lines = one.ours or one.theirs
    about = [source, *sorted(
        f"{line.account}|{line.key}|{line.instant // DAY}|{hashed_amount(line.amount)}"
        for line in lines
    )]  # fmt: skip
    if one.kind == "duplicate_theirs":
        about.append(one.kind)
    return digest(about)


def answer_of(
    report: ReconciliationReport, point: PointShown, *, seen_at: int, offset: int, file: FileRead,
    others: Sequence[ReconciliationReport] = (), channels: Iterable[str] = (),
    totals: Sequence[Billed] | UnsetType = UNSET,
) -> Reconcile:  # fmt: skip
    """Return ``tally.reconcile/1``; ``others`` are the reports of other currencies."""
    proof, scope = proof_of(report), report.scope
    rules = Counter(match.rule for match in report.matches)
    shown = _Shown(report, seen_at=seen_at, offset=offset)
    return Reconcile(
        source=report.source, subject=cast("Any", report.subject), currency=report.currency,
        period=Span(
            starts=Instant.at(scope.starts, offset) if scope.ends else None,
            ends=Instant.at(scope.ends, offset) if scope.ends else None,
        ),
        matched=len(report.matches), rules=dict(sorted(rules.items())),
        breaks=list(map(shown.of, report.breaks)), expected=list(map(shown.of, report.expected)),
        classes=dict(sorted(Counter(one.kind for one in report.breaks).items())),
        superseded=len(report.replaced),
        **{name: getattr(proof, name) for name in ProofShown.__struct_fields__[1:]},
        proofs=[proof, *map(proof_of, others)], point=point, file=file, totals=totals,
        channels=sorted(channels) or UNSET,
    )  # fmt: skip
