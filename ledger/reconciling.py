"""Reconciliations remembered in the log: runs, the breaks that they found, who signed them off.

They have a stream of their own, so no account changes and what was believed at any point can be
read like everything else (R56).
Invariant: a run that would say nothing new is not recorded; a break is signed off by another
person than the one who prepared it. Figures are handed in: this module must not know matching.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from ledger import codec
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
    RecordedEvent,
    RunNarrowed,
)
from ledger.policy import did_you_mean
from ledger.store.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ledger.events import AnyEvent
    from ledger.store import Reader, Store, Writer

OPEN, RESOLVED, SIGNED_OFF, REOPENED = "open", "resolved", "signed_off", "reopened"
# A reviewer signs off what is open as it stands, or what somebody else says is resolved.
_FROM = {
    RESOLVED: (OPEN, REOPENED),
    SIGNED_OFF: (OPEN, REOPENED, RESOLVED),
    REOPENED: (RESOLVED, SIGNED_OFF),
}


class Break(Struct):
    """A break as the log knows it.

    Attributes:
        preparer: who recorded the run that found it, or last touched it before a sign-off.
        opened, changed: positions of its first and of its last event.

    """

    event: BreakOpened
    source: str
    state: str
    opened: int
    changed: int
    preparer: str | None
    by: str | None = None
    reason: str | None = None


class Run(NamedTuple):
    """A recorded run.

    Attributes:
        signed_by: the second person who accepted it as a whole (R65), None while nobody did.
        signed_at: position of that sign-off.
        reason: what that person said.
        only: what somebody narrowed it to, () where it speaks of all.

    """

    event: ReconciliationRun
    position: int
    recorded_at: int
    actor: str | None
    signed_by: str | None = None
    signed_at: int | None = None
    reason: str | None = None
    only: tuple[str, ...] = ()


class Register:
    """All runs and breaks, folded from the stream in the order of its positions."""

    def __init__(self) -> None:
        """Begin with none."""
        self.runs: dict[str, Run] = {}
        self.breaks: dict[str, Break] = {}
        self.confirmed: list[MatchConfirmed] = []
        self.parties: dict[tuple[str, str], tuple[str, str]] = {}  # (run, line) -> name, account

    def apply(self, recorded: RecordedEvent) -> None:
        """Apply one event of the stream."""
        event = recorded.event
        if isinstance(event, ReconciliationRun):
            self.runs[event.run] = Run(
                event, recorded.position, recorded.recorded_at, recorded.actor
            )
        elif isinstance(event, BreakOpened):
            self._open(event, recorded)
        elif isinstance(event, PartiesSeen):
            self.parties.update(
                ((event.run, line), (name, account)) for line, name, account in event.parties
            )
        elif isinstance(event, BreakResolved):
            self._move(event.break_id, RESOLVED, recorded)
        elif isinstance(event, BreakSignedOff):
            self._move(event.break_id, SIGNED_OFF, recorded)
        elif isinstance(event, BreakReopened):
            self._move(event.break_id, REOPENED, recorded)
            if event.run is None:  # a person takes back what was confirmed of it
                self.confirmed = [
                    one for one in self.confirmed if one.break_id != event.break_id
                ]
        elif isinstance(event, MatchConfirmed):
            self.confirmed.append(event)
            self._move(event.break_id, RESOLVED, recorded)
        elif isinstance(event, RunNarrowed | ReconciliationSignedOff):
            self._run_is(event, recorded)

    def _run_is(
        self, event: RunNarrowed | ReconciliationSignedOff, recorded: RecordedEvent
    ) -> None:
        run = self.runs[event.run]
        if isinstance(event, RunNarrowed):
            self.runs[event.run] = run._replace(only=event.only)
            return
        self.runs[event.run] = run._replace(
            signed_by=recorded.actor, signed_at=recorded.position, reason=recorded.reason
        )

    def _open(self, event: BreakOpened, recorded: RecordedEvent) -> None:
        there = self.breaks.get(event.break_id)
        source = self.runs[event.run].event.source
        self.breaks[event.break_id] = Break(
            event, source, OPEN, recorded.position if there is None else there.opened,
            recorded.position, recorded.actor,
        )  # fmt: skip

    def _move(self, break_id: str, state: str, recorded: RecordedEvent) -> None:
        one = self.breaks[break_id]
        one.state, one.changed = state, recorded.position
        one.by, one.reason = recorded.actor, recorded.reason
        if state != SIGNED_OFF:
            one.preparer = recorded.actor or one.preparer

    def overlapping(self, run: ReconciliationRun) -> list[str]:
        """Name the earlier runs of other files of the same source that cover the same time."""
        return [
            name for name, other in self.runs.items()
            if name != run.run and other.event.source == run.source
            and other.event.sha256 != run.sha256 and other.event.currency == run.currency
            and other.event.starts < run.ends and run.starts < other.event.ends
        ]  # fmt: skip


def register(reader: Reader, *, until: int | None = None) -> Register:
    """Fold the stream, up to a position."""
    found = Register()
    bodies = reader.stream_bodies(RECONCILIATION_STREAM, until_position=until)
    for recorded in codec.decode_all(bodies):
        found.apply(recorded)
    return found


class Spoken(NamedTuple):
    """What a run speaks of, beside its figures.

    Attributes:
        of: what the statement is of: what it does not list says nothing of another account.
        only: what somebody narrowed it to; then it resolves nothing but what it matched.
        parties: names and accounts of who is on the other side, by the lines' names.

    """

    of: str
    only: tuple[str, ...]
    parties: Mapping[str, tuple[str, str]]


def record_run(
    store: Store, run: ReconciliationRun, breaks: Sequence[BreakOpened], *,
    matched: frozenset[str], spoken: Spoken, now: int, actor: str | None = None,
) -> list[RecordedEvent]:  # fmt: skip
    """Record a run with what it opens, reopens and resolves; nothing where it says nothing new."""
    of, only, parties = spoken
    with store.writing() as writer:
        there = register(writer.reader)
        found = {one.break_id for one in breaks}
        events: list[AnyEvent] = [run]
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
            spoken_of = not only and run.starts <= known.event.first_seen < run.ends
            covered = name in matched or spoken_of
            if gone and ours and covered:
                events.append(BreakResolved(break_id=name, run=run.run))
        events += seen
        same_before = any(
            _same(one.event, run) and one.only == only for one in there.runs.values()
        )
        if len(events) == 1 + bool(only) and same_before:
            return []
        return _append(writer, events, now=now, actor=actor, reason=None)


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
    store: Store, break_id: str, *, now: int, actor: str | None, reason: str | None
) -> RecordedEvent:
    """Record that a break is resolved, and why. Raises: NoSuchThing, WrongBreakState."""
    return _move(store, break_id, RESOLVED, now=now, actor=actor, reason=reason)


def reopen(
    store: Store, break_id: str, *, now: int, actor: str | None, reason: str | None
) -> RecordedEvent:
    """Record that a break is open again. Raises: NoSuchThing, WrongBreakState."""
    return _move(store, break_id, REOPENED, now=now, actor=actor, reason=reason)


def sign_off(
    store: Store, break_id: str, *, now: int, actor: str | None, reason: str | None
) -> RecordedEvent:
    """Record a second person's consent. Raises: SelfReview, NoSuchThing, WrongBreakState."""
    return _move(store, break_id, SIGNED_OFF, now=now, actor=actor, reason=reason)


def confirm(
    store: Store, break_id: str, *, ours: tuple[str, ...], theirs: tuple[str, ...],
    now: int, actor: str | None, reason: str | None,
) -> RecordedEvent:  # fmt: skip
    """Record that these lines of a break are one thing; later runs match them by that.

    Raises: NoSuchThing, WrongBreakState.
    """
    who = _somebody(actor)
    with store.writing() as writer:
        one = known_break(register(writer.reader), break_id)
        if one.state not in _FROM[RESOLVED]:
            raise WrongBreakState(break_id=break_id, state=one.state, wanted="matched")
        event = MatchConfirmed(break_id=break_id, source=one.source, ours=ours, theirs=theirs)
        return _append(writer, [event], now=now, actor=who, reason=reason)[0]


def known_break(known: Register, break_id: str) -> Break:
    """Return a break. Raises: NoSuchThing, with a suggestion."""
    one = known.breaks.get(break_id)
    if one is None:
        near = did_you_mean(break_id, list(known.breaks)) or "list them with: tally breaks list"
        raise NoSuchThing(f"no break {break_id!r}", hint=near)
    return one


def sign_off_run(
    store: Store, run: str, *, now: int, actor: str | None, reason: str | None
) -> RecordedEvent:
    """Record a second person's consent to a whole run (R65).

    Raises: SelfReview, NoSuchThing, WrongBreakState.
    """
    who = _somebody(actor)
    with store.writing() as writer:
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
        return _append(writer, [event], now=now, actor=who, reason=reason)[0]


def _somebody(actor: str | None) -> str:
    if not actor:
        raise InvalidInput("an actor is required", hint="--actor NAME")
    return actor


def _move(
    store: Store, break_id: str, state: str, *, now: int, actor: str | None, reason: str | None
) -> RecordedEvent:
    actor = _somebody(actor)
    with store.writing() as writer:
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
        return _append(writer, [event], now=now, actor=actor, reason=reason)[0]


def _append(
    writer: Writer, events: Iterable[AnyEvent], *, now: int, actor: str | None, reason: str | None
) -> list[RecordedEvent]:
    version = len(writer.reader.stream_bodies(RECONCILIATION_STREAM))
    head = writer.head
    at = max(now, head.recorded_at)
    first = head.position + 1
    recorded = [
        RecordedEvent(
            position=head.position + n, stream=RECONCILIATION_STREAM, version=version + n,
            recorded_at=at, effective_at=at, event=event, actor=actor, reason=reason,
            cause=None if n == 1 else first,
        )
        for n, event in enumerate(events, 1)
    ]  # fmt: skip
    writer.append(
        [
            Row(one.position, one.stream, one.version, codec.tag(type(one.event)),
                one.recorded_at, one.effective_at, codec.encode(one))
            for one in recorded
        ]
    )  # fmt: skip
    return recorded
