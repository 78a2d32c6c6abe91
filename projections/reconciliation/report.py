"""The report of a reconciliation, and the proof block without which there is none.

Invariant: a report cannot be made whose block does not close: provider opening + movements =
provider closing, and ledger balance + reconciling items = provider closing, to the last unit.
The two sums are taken from the lines themselves, not from the outcomes that they are to prove.
This module must not know where lines come from.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from ledger.errors import IntegrityBroken
from ledger.periods import DAY, local_day
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.breaks import Outcome, Scope, outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.answers import Formatter, Json
    from projections.reconciliation.lines import Line, Statement

BUCKETS: Final = ((1, "0-1"), (7, "2-7"), (30, "8-30"), (60, "31-60"), (90, "61-90"))
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


class Report(Struct, frozen=True):
    """What a reconciliation found, with its proof."""

    source: str
    subject: str
    currency: str
    scope: Scope
    outcomes: tuple[Outcome, ...]
    proof: Proof

    @property
    def breaks(self) -> list[Outcome]:
        """The outcomes that somebody has to look at."""
        return [one for one in self.outcomes if not one.matched]

    @property
    def matches(self) -> list[Outcome]:
        """The outcomes that nobody has to look at."""
        return [one for one in self.outcomes if one.matched]


def reconcile(statement: Statement, ours: Sequence[Line], scope: Scope) -> Report:
    """Compare both sides and prove it. Raises: ProofDoesNotClose."""
    found = outcomes(ours, statement, scope)
    covered = [line for line in ours if scope.covers(line)]
    before = 0
    if statement.balances:
        before = sum(
            line.amount for line in covered
            if line.instant < scope.starts and not scope.inside(line)
        )  # fmt: skip
    inside = sum(line.amount for line in covered if scope.inside(line))
    opening, movements = _movements(statement, scope)
    effects: Counter[str] = Counter()
    for one in found:
        if one.effect:
            effects[OTHER_PERIOD if one.kind == "matched" else one.kind] += one.effect
    items = [(kind, amount) for kind, amount in sorted(effects.items()) if amount]
    if opening - before:
        items.insert(0, (BROUGHT_FORWARD, opening - before))
    proof = Proof(opening, movements, opening + movements, before + inside, tuple(items))
    if not scope.narrowed and proof.closing != statement.closing:
        raise ProofDoesNotClose("the closing is not the one that the statement states")
    return Report(
        statement.source, statement.subject, statement.currency, scope, tuple(found), proof
    )


def _movements(statement: Statement, scope: Scope) -> tuple[int, int]:
    """Give opening and movements of the span that is asked for."""
    if not scope.narrowed:
        return statement.opening, statement.movements
    earlier = sum(
        statement.effect(line) for line in statement.lines if line.instant < scope.starts
    )
    inside = sum(statement.effect(line) for line in statement.lines if scope.within(line.instant))
    return (statement.opening + earlier if statement.balances else 0), inside


def bucket(days: int) -> str:
    """Name the ageing bucket of an age in days."""
    return next((name for most, name in BUCKETS if days <= most), "> 90")


def age_days(first_seen: int, seen_at: int, offset: int) -> int:
    """Count the local days since a break was first seen."""
    return max(0, local_day(seen_at, offset) - local_day(first_seen, offset))


def break_json(one: Outcome, report: Report, write: Formatter, *, seen_at: int) -> Json:
    """Give one break with its class, age and evidence."""
    ours = sum(line.amount for line in one.ours) if one.ours else None
    theirs = sum(line.amount for line in one.theirs) if one.theirs else None
    currency = (one.ours or one.theirs)[0].currency
    days = age_days(one.first_seen, seen_at, write.offset)
    return {
        "break": break_id(report.source, one),
        "class": one.kind, "key": one.key, "account": one.account or None,
        "currency": currency,
        "ours": None if ours is None else write_amount(ours, currency),
        "theirs": None if theirs is None else write_amount(theirs, one.theirs[0].currency),
        "delta": write_amount((theirs or 0) - (ours or 0), report.currency),
        "effect": write_amount(one.effect, report.currency),
        "first_seen": write.instant(one.first_seen), "age_days": days, "age": bucket(days),
        "rule": one.rule or None,
        "evidence": [_evidence("ledger", line, write) for line in one.ours]
        + [_evidence("statement", line, write) for line in one.theirs]
        + [{"side": "both", "says": said} for said in one.why],
    }  # fmt: skip


def _evidence(side: str, line: Line, write: Formatter) -> Json:
    names = {
        "reference": ", ".join(one.text for one in line.references), "order": line.order,
        "group": line.group,
        "status": line.status, "instance": line.instance, "text": line.text,
    }  # fmt: skip
    return {
        # A statement's row is told by what it says, not by where it stands.
        "side": side, **({"place": line.place} if side == "ledger" else {}),
        "kind": line.kind, "key": line.key,
        "amount": write_amount(line.amount, line.currency), "currency": line.currency,
        "at": write.instant(line.instant), **{name: said for name, said in names.items() if said},
    }  # fmt: skip


def break_id(source: str, one: Outcome) -> str:
    """Name a break the same way in every run that finds it: by what it is about."""
    import hashlib  # noqa: PLC0415 - for breaks alone

    lines = one.ours or one.theirs
    about = [source, *sorted(f"{line.account}|{line.key}|{line.instant // DAY}|{line.amount}"
                             for line in lines)]  # fmt: skip
    if one.kind == "duplicate_theirs":
        about.append(one.kind)
    return hashlib.sha256("\n".join(about).encode()).hexdigest()[:12]


def report_json(report: Report, write: Formatter, *, seen_at: int) -> Json:
    """Give ``tally.reconcile/1`` without the point."""
    proof, code = report.proof, report.currency
    found = report.breaks
    rules = Counter(one.rule for one in report.matches)
    return {
        "schema": "tally.reconcile/1", "source": report.source, "subject": report.subject,
        "currency": code,
        "period": {"starts": write.instant(report.scope.starts) if report.scope.ends else None,
                   "ends": write.instant(report.scope.ends) if report.scope.ends else None},
        "matched": len(report.matches), "rules": dict(sorted(rules.items())),
        "breaks": [break_json(one, report, write, seen_at=seen_at) for one in found],
        "classes": dict(sorted(Counter(one.kind for one in found).items())),
        "opening": write_amount(proof.opening, code),
        "movements": write_amount(proof.movements, code),
        "closing": write_amount(proof.closing, code),
        "ledger_balance": write_amount(proof.ledger_balance, code),
        "reconciling_items": [
            {"item": name, "amount": write_amount(amount, code)} for name, amount in proof.items
        ],
        "unexplained": write_amount(proof.unexplained, code),
    }  # fmt: skip
