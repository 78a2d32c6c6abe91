"""What is decided of reconciliations: a run is remembered, a break resolved, reopened, signed off.

Invariant: a run that would say nothing new is not recorded; a break is signed off by another
person than the one who prepared it. Figures are handed in: this module must not know matching.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger.decisions import Act
from ledger.errors import InvalidInput, NoSuchThing, SelfReview, WrongBreakState
from ledger.events import (
    RECONCILIATION_STREAM,
    BreakOpened,
    BreakReopened,
    BreakResolved,
    BreakSignedOff,
    MatchConfirmed,
    PartiesSeen,
    ReconciliationSignedOff,
    RunNarrowed,
)
from ledger.policy import did_you_mean
from ledger.reconciling import (
    ONE_ACCOUNT,
    OPEN,
    REOPENED,
    RESOLVED,
    SIGNED_OFF,
    known_break,
    register,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ledger.application import Ledger
    from ledger.events import AnyEvent, ReconciliationRun, RecordedEvent
    from ledger.reconciling import NewRun, RecordedBreak, RunRegister

RECONCILE, REVIEW = "reconcile --record", "breaks"
# A reviewer signs off what is open as it stands, or what somebody else says is resolved.
_FROM: Final = {
    RESOLVED: (OPEN, REOPENED),
    SIGNED_OFF: (OPEN, REOPENED, RESOLVED),
    REOPENED: (RESOLVED, SIGNED_OFF),
}


def record_run(
    ledger: Ledger, new: NewRun, *, actor: str | None = None
) -> list[RecordedEvent]:
    """Record a run with what it opens, reopens and resolves; nothing where it says nothing new."""
    act = Act(ledger, RECONCILE, actor=actor, stream=RECONCILIATION_STREAM)
    with act.deciding() as (writer, now):
        there = register(writer.reader)
        moved = [*_found(new, there), *_explained(new, there)]
        said_before = any(
            _same(one.event, new.event) and one.only == new.only for one in there.runs.values()
        )
        if said_before and not moved:
            return []
        run = new.event.run
        narrowed = [RunNarrowed(run=run, only=new.only)] if new.only else []
        return act.record([new.event, *narrowed, *moved, *_parties(new, moved)], now=now)


def _found(new: NewRun, there: RunRegister) -> list[AnyEvent]:
    """Return the breaks that a run opens, and those that it opens again."""
    events: list[AnyEvent] = []
    for one in new.breaks:
        known = there.breaks.get(one.break_id)
        if known is None or (known.event.kind, known.event.expected) != (one.kind, one.expected):
            events.append(one)
        elif known.state == RESOLVED:
            events.append(BreakReopened(break_id=one.break_id, run=new.event.run))
    return events


def _explained(new: NewRun, there: RunRegister) -> list[AnyEvent]:
    """Return the open breaks that a run resolves: it speaks of them and does not find them."""
    run, found = new.event, {one.break_id for one in new.breaks}
    narrowed = any(not one.startswith(ONE_ACCOUNT) for one in new.only)

    def covered(name: str, known: RecordedBreak) -> bool:
        same = (known.source, known.event.currency) == (run.source, run.currency)
        spoken_of = not narrowed and run.starts <= known.event.first_seen < run.ends
        return same and known.event.of in ("", new.of) and (name in new.matched or spoken_of)

    return [
        BreakResolved(break_id=name, run=run.run) for name, known in there.breaks.items()
        if name not in found and known.state in (OPEN, REOPENED) and covered(name, known)
    ]  # fmt: skip


def _parties(new: NewRun, events: Iterable[AnyEvent]) -> list[PartiesSeen]:
    """Return who is on the other side of the lines of breaks that are opened, if anybody is."""
    lines = {
        line.name for event in events if isinstance(event, BreakOpened)
        for line in (*event.lines, *event.near)
    }  # fmt: skip
    found = tuple((name, *new.parties[name]) for name in sorted(lines & new.parties.keys()))
    return [PartiesSeen(run=new.event.run, parties=found)] if found else []


def _same(one: ReconciliationRun, other: ReconciliationRun) -> bool:
    """Return whether two runs compare the same of one file and one span, with the same breaks."""
    return (one.sha256, one.source, one.starts, one.ends, set(one.breaks)) == (
        other.sha256, other.source, other.starts, other.ends, set(other.breaks),
    )  # fmt: skip


def review(
    ledger: Ledger, break_id: str, state: str, *, actor: str | None, reason: str | None
) -> RecordedEvent:
    """Record that a break is resolved, open again, or accepted by a second person.

    Raises: SelfReview, NoSuchThing, WrongBreakState.
    """

    def decided(known: RunRegister) -> AnyEvent:
        one = _movable(known, break_id, state, wanted=state)
        if state == SIGNED_OFF:
            preparer = _another(one.preparer, actor, break_id, what="break")
            return BreakSignedOff(break_id=break_id, preparer=preparer)
        made = BreakReopened if state == REOPENED else BreakResolved
        return made(break_id=break_id)

    return _record(ledger, decided, actor=actor, reason=reason)


def confirm(
    ledger: Ledger, break_id: str, *, ours: tuple[str, ...], theirs: tuple[str, ...],
    actor: str | None, reason: str | None,
) -> RecordedEvent:  # fmt: skip
    """Record that these lines of a break are one thing; later runs match them by that.

    Raises: NoSuchThing, WrongBreakState.
    """

    def decided(known: RunRegister) -> AnyEvent:
        one = _movable(known, break_id, RESOLVED, wanted="matched")
        return MatchConfirmed(break_id=break_id, source=one.source, ours=ours, theirs=theirs)

    return _record(ledger, decided, actor=actor, reason=reason)


def sign_off_run(
    ledger: Ledger, run: str, *, actor: str | None, reason: str | None
) -> RecordedEvent:
    """Record a second person's consent to a whole run (R65).

    Raises: SelfReview, NoSuchThing, WrongBreakState.
    """

    def decided(known: RunRegister) -> AnyEvent:
        one = known.runs.get(run)
        if one is None:
            near = did_you_mean(run, list(known.runs))
            hint = near or "list them with: tally report reconciliation"
            raise NoSuchThing(f"no run {run!r}", hint=hint)
        preparer = _another(one.actor, actor, run, what="run")
        if one.signed_by is not None:
            raise WrongBreakState(break_id=run, state=SIGNED_OFF, wanted=SIGNED_OFF, what="run")
        return ReconciliationSignedOff(run=run, preparer=preparer)

    return _record(ledger, decided, actor=actor, reason=reason)


def _movable(known: RunRegister, break_id: str, state: str, *, wanted: str) -> RecordedBreak:
    one = known_break(known, break_id)
    if one.state not in _FROM[state]:
        raise WrongBreakState(break_id=break_id, state=one.state, wanted=wanted)
    return one


def _another(preparer: str | None, actor: str | None, name: str, *, what: str) -> str:
    """Return who prepared it: somebody, and not who accepts it now. Raises: SelfReview."""
    if preparer is None or preparer == actor:
        raise SelfReview(break_id=name, preparer=preparer or "nobody named", what=what)
    return preparer


def _record(
    ledger: Ledger, decided: Callable[[RunRegister], AnyEvent], *,
    actor: str | None, reason: str | None,
) -> RecordedEvent:  # fmt: skip
    if not actor:
        raise InvalidInput("an actor is required", hint="--actor NAME")
    act = Act(ledger, REVIEW, actor=actor, reason=reason, stream=RECONCILIATION_STREAM)
    with act.deciding() as (writer, now):
        return act.record([decided(register(writer.reader))], now=now)[0]
