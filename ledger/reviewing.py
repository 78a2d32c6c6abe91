"""What is decided of reconciliations: a run is remembered, a break resolved, reopened, signed off.

Invariant: a run that would say nothing new is not recorded; a break is signed off by another
person than the one who prepared it. Figures are handed in: this module must not know matching.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
    ReconciliationRun,
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
    from collections.abc import Iterable, Mapping, Sequence

    from ledger.application import Ledger
    from ledger.events import AnyEvent, RecordedEvent

RECONCILE, REVIEW = "reconcile --record", "breaks"
# A reviewer signs off what is open as it stands, or what somebody else says is resolved.
_FROM = {
    RESOLVED: (OPEN, REOPENED),
    SIGNED_OFF: (OPEN, REOPENED, RESOLVED),
    REOPENED: (RESOLVED, SIGNED_OFF),
}


class Spoken(NamedTuple):
    """What a run speaks of, beside its figures.

    Attributes:
        of: what the statement is of: what it does not list says nothing of another account.
        only: what it is narrowed to; then it resolves nothing but what it matched, unless it is one
            account's.
        parties: names and accounts of who is on the other side, by the lines' names.

    """

    of: str
    only: tuple[str, ...]
    parties: Mapping[str, tuple[str, str]]


def record_run(
    ledger: Ledger, run: ReconciliationRun, breaks: Sequence[BreakOpened], *,
    matched: frozenset[str], spoken: Spoken, actor: str | None = None,
) -> list[RecordedEvent]:  # fmt: skip
    """Record a run with what it opens, reopens and resolves; nothing where it says nothing new."""
    of, only, parties = spoken
    act = Act(ledger, RECONCILE, actor=actor, stream=RECONCILIATION_STREAM)
    with act.deciding() as (writer, now):
        there = register(writer.reader)
        found = {one.break_id for one in breaks}
        events: list[AnyEvent] = [run]
        narrowed = [one for one in only if not one.startswith(ONE_ACCOUNT)]
        if only:
            events.append(RunNarrowed(run=run.run, only=only))
        for one in breaks:
            known = there.breaks.get(one.break_id)
            if known is None or (known.event.kind, known.event.expected) != (
                one.kind, one.expected
            ):
                events.append(one)
            elif known.state == RESOLVED:
                events.append(BreakReopened(break_id=one.break_id, run=run.run))
        seen = _seen(run, events, parties)
        for name, known in there.breaks.items():
            gone = name not in found and known.state in (OPEN, REOPENED)
            same = (known.source, known.event.currency) == (run.source, run.currency)
            ours = same and known.event.of in ("", of)
            spoken_of = not narrowed and run.starts <= known.event.first_seen < run.ends
            covered = name in matched or spoken_of
            if gone and ours and covered:
                events.append(BreakResolved(break_id=name, run=run.run))
        events += seen
        same_before = any(
            _same(one.event, run) and one.only == only for one in there.runs.values()
        )
        if len(events) == 1 + bool(only) and same_before:
            return []
        return act.record(events, now=now)


def _seen(
    run: ReconciliationRun, events: Iterable[AnyEvent], parties: Mapping[str, tuple[str, str]]
) -> list[PartiesSeen]:
    """Return who is on the other side of the lines of breaks that are opened, if anybody is."""
    lines = {
        line.name for one in events if isinstance(one, BreakOpened)
        for line in (*one.lines, *one.near)
    }  # fmt: skip
    found = tuple((name, *parties[name]) for name in sorted(lines & parties.keys()))
    return [PartiesSeen(run=run.run, parties=found)] if found else []


def _same(one: ReconciliationRun, other: ReconciliationRun) -> bool:
    """Return whether two runs compare the same of one file and one span, with the same breaks."""
    return (one.sha256, one.source, one.starts, one.ends, set(one.breaks)) == (
        other.sha256, other.source, other.starts, other.ends, set(other.breaks),
    )  # fmt: skip


def resolve(
    ledger: Ledger, break_id: str, *, actor: str | None, reason: str | None
) -> RecordedEvent:
    """Record that a break is resolved, and why. Raises: NoSuchThing, WrongBreakState."""
    return _move(ledger, break_id, RESOLVED, actor=actor, reason=reason)


def reopen(
    ledger: Ledger, break_id: str, *, actor: str | None, reason: str | None
) -> RecordedEvent:
    """Record that a break is open again. Raises: NoSuchThing, WrongBreakState."""
    return _move(ledger, break_id, REOPENED, actor=actor, reason=reason)


def sign_off(
    ledger: Ledger, break_id: str, *, actor: str | None, reason: str | None
) -> RecordedEvent:
    """Record a second person's consent. Raises: SelfReview, NoSuchThing, WrongBreakState."""
    return _move(ledger, break_id, SIGNED_OFF, actor=actor, reason=reason)


def confirm(
    ledger: Ledger, break_id: str, *, ours: tuple[str, ...], theirs: tuple[str, ...],
    actor: str | None, reason: str | None,
) -> RecordedEvent:  # fmt: skip
    """Record that these lines of a break are one thing; later runs match them by that.

    Raises: NoSuchThing, WrongBreakState.
    """
    who = _somebody(actor)
    act = _act(ledger, who, reason)
    with act.deciding() as (writer, now):
        one = known_break(register(writer.reader), break_id)
        if one.state not in _FROM[RESOLVED]:
            raise WrongBreakState(break_id=break_id, state=one.state, wanted="matched")
        event = MatchConfirmed(break_id=break_id, source=one.source, ours=ours, theirs=theirs)
        return act.record([event], now=now)[0]


def sign_off_run(
    ledger: Ledger, run: str, *, actor: str | None, reason: str | None
) -> RecordedEvent:
    """Record a second person's consent to a whole run (R65).

    Raises: SelfReview, NoSuchThing, WrongBreakState.
    """
    who = _somebody(actor)
    act = _act(ledger, who, reason)
    with act.deciding() as (writer, now):
        known = register(writer.reader).runs
        one = known.get(run)
        if one is None:
            near = did_you_mean(run, list(known)) or "list them with: tally report reconciliation"
            raise NoSuchThing(f"no run {run!r}", hint=near)
        if one.actor is None or one.actor == who:
            raise SelfReview(break_id=run, preparer=one.actor or "nobody named", what="run")
        if one.signed_by is not None:
            raise WrongBreakState(break_id=run, state=SIGNED_OFF, wanted=SIGNED_OFF, what="run")
        event = ReconciliationSignedOff(run=run, preparer=one.actor)
        return act.record([event], now=now)[0]


def _somebody(actor: str | None) -> str:
    if not actor:
        raise InvalidInput("an actor is required", hint="--actor NAME")
    return actor


def _move(
    ledger: Ledger, break_id: str, state: str, *, actor: str | None, reason: str | None
) -> RecordedEvent:
    actor = _somebody(actor)
    act = _act(ledger, actor, reason)
    with act.deciding() as (writer, now):
        one = known_break(register(writer.reader), break_id)
        if one.state not in _FROM[state]:
            raise WrongBreakState(break_id=break_id, state=one.state, wanted=state)
        event: AnyEvent
        if state == SIGNED_OFF:
            if one.preparer is None or one.preparer == actor:
                raise SelfReview(break_id=break_id, preparer=one.preparer or "nobody named")
            event = BreakSignedOff(break_id=break_id, preparer=one.preparer)
        else:
            made = BreakReopened if state == REOPENED else BreakResolved
            event = made(break_id=break_id)
        return act.record([event], now=now)[0]


def _act(ledger: Ledger, actor: str, reason: str | None) -> Act:
    return Act(ledger, REVIEW, actor=actor, reason=reason, stream=RECONCILIATION_STREAM)
