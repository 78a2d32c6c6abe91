"""Reconciliations remembered in the log: runs, the breaks that they found, who signed them off.

They have a stream of their own, so no account changes and what was believed at any point can be
read like everything else (R56).
What is recorded is decided in ledger/decisions/reviewing.py. This module must not know matching.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from ledger import codec
from ledger.errors import NoSuchThing
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

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ledger.store import Reader

OPEN, RESOLVED, SIGNED_OFF, REOPENED = "open", "resolved", "signed_off", "reopened"
_MOVES: Final = {
    BreakResolved: RESOLVED, MatchConfirmed: RESOLVED, BreakSignedOff: SIGNED_OFF,
    BreakReopened: REOPENED,
}  # fmt: skip
ONE_ACCOUNT = "account "  # begins what says that a run is about one account of the ledger


class RecordedBreak(Struct):
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


class RecordedRun(Struct):
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


class NewRun(NamedTuple):
    """A run that is to be recorded, with all that it speaks of.

    Attributes:
        matched: names of earlier breaks that it explains.
        of: what the statement is of: what it does not list says nothing of another account.
        only: what it is narrowed to; then it resolves nothing but what it matched, unless it is one
            account's.
        parties: names and accounts of who is on the other side, by the lines' names.

    """

    event: ReconciliationRun
    breaks: Sequence[BreakOpened] = ()
    matched: frozenset[str] = frozenset()
    of: str = ""
    only: tuple[str, ...] = ()
    parties: Mapping[str, tuple[str, str]] = {}


class RunRegister:
    """All runs and breaks, folded from the stream in the order of its positions."""

    def __init__(self) -> None:
        """Begin with none."""
        self.runs: dict[str, RecordedRun] = {}
        self.breaks: dict[str, RecordedBreak] = {}
        self.confirmed: list[MatchConfirmed] = []
        self.parties: dict[tuple[str, str], tuple[str, str]] = {}  # (run, line) -> name, account

    def apply(self, recorded: RecordedEvent) -> None:
        """Apply one event of the stream."""
        event, position = recorded.event, recorded.position
        if isinstance(event, ReconciliationRun):
            self.runs[event.run] = RecordedRun(
                event, position, recorded.recorded_at, recorded.actor
            )
        elif isinstance(event, RunNarrowed):
            self.runs[event.run].only = event.only
        elif isinstance(event, ReconciliationSignedOff):
            run = self.runs[event.run]
            run.signed_by, run.signed_at, run.reason = recorded.actor, position, recorded.reason
        elif isinstance(event, PartiesSeen):
            self.parties.update(
                ((event.run, line), (name, account)) for line, name, account in event.parties
            )
        elif isinstance(event, BreakOpened):
            there = self.breaks.get(event.break_id)
            self.breaks[event.break_id] = RecordedBreak(
                event, self.runs[event.run].event.source, OPEN,
                position if there is None else there.opened, position, recorded.actor,
            )  # fmt: skip
        elif isinstance(event, BreakResolved | MatchConfirmed | BreakSignedOff | BreakReopened):
            self._move(self.breaks[event.break_id], _MOVES[type(event)], recorded)
            if isinstance(event, MatchConfirmed):
                self.confirmed.append(event)
            elif isinstance(event, BreakReopened) and event.run is None:
                # A person takes back what was confirmed of it.
                self.confirmed = [
                    one for one in self.confirmed if one.break_id != event.break_id
                ]

    def _move(self, one: RecordedBreak, state: str, recorded: RecordedEvent) -> None:
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


def register(reader: Reader, *, until: int | None = None) -> RunRegister:
    """Fold the stream, up to a position."""
    found = RunRegister()
    bodies = reader.stream_bodies(RECONCILIATION_STREAM, until_position=until)
    for recorded in codec.decode_all(bodies):
        found.apply(recorded)
    return found


def known_break(known: RunRegister, break_id: str) -> RecordedBreak:
    """Return a break. Raises: NoSuchThing, with a suggestion."""
    one = known.breaks.get(break_id)
    if one is None:
        near = did_you_mean(break_id, list(known.breaks)) or "list them with: tally breaks list"
        raise NoSuchThing(f"no break {break_id!r}", hint=near)
    return one
