"""What if: a history decided again with changes, and what became of it.

Invariant: an event that is decided again as it was recorded keeps its position; what is new is
numbered after the head, in the order in which it would have been recorded. Nothing is written.
This module must not know how the result is shown.
"""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ledger import codec
from ledger import commands as c
from ledger.account import fold
from ledger.config import STREAMS, fold_config
from ledger.engine import PAYMENTS, payment_key
from ledger.errors import InvalidInput, NoSuchThing, Refused
from ledger.events import ACCOUNT_PREFIX, CommandRefused, RecordedEvent, account_of
from ledger.rehearsal.changes import NO_CHANGES, Changes, command_of, is_command
from ledger.rehearsal.differences import compare
from ledger.rehearsal.rehearsal import Rehearsal, Step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ledger.config import LedgerConfig
    from ledger.state import AccountState
    from ledger.store import Reader

ACCEPTED, REFUSED, DUPLICATE = "accepted", "refused", "duplicate"


class Verdict(NamedTuple):
    """A command that has a different outcome.

    Attributes:
        position: of the recorded command; None for an inserted one.
        inserted: number of the inserted command, from 0.

    """

    command: c.AnyCommand
    position: int | None
    inserted: int | None
    before: str | None
    after: str
    error: Refused | InvalidInput | None


class RehearsedEvent(NamedTuple):
    """An event of the rehearsed history, and its recorded position if it was recorded so."""

    event: RecordedEvent
    recorded: int | None


class Bounds(NamedTuple):
    """A resolved point: which events of the rehearsed history a reader would see."""

    at: int
    known_at: int
    position: int


class Rehearsed(NamedTuple):
    """What a changed history came to.

    Attributes:
        dropped: recorded events that no longer follow.
        derived: events that follow now; numbered after the head.
        verdicts: commands with another outcome, and every inserted one.
        histories: per stream, the rehearsed history in its own order.

    """

    dropped: list[RecordedEvent]
    derived: list[RecordedEvent]
    verdicts: list[Verdict]
    histories: dict[str, list[RehearsedEvent]]
    changes: Changes

    @property
    def accounts(self) -> list[str]:
        """The accounts in which something is different."""
        streams = {event.stream for event in (*self.dropped, *self.derived)}
        return sorted({name for name in map(account_of, streams) if name is not None})

    def state(self, account: str, bounds: Bounds) -> AccountState | None:
        """Fold the rehearsed history of an account at a point; None where there is none."""
        kept = self.histories.get(ACCOUNT_PREFIX + account, [])
        state = fold(account, select(kept, bounds))
        return state if state.opened_at is not None else None

    def config(self, bounds: Bounds) -> LedgerConfig:
        """Fold policy, prices and closes of the rehearsed history at a point."""
        own = (select(self.histories.get(stream, []), bounds) for stream in STREAMS)
        config = fold_config(chain.from_iterable(own))
        config.policy.adopt(self.changes.policy, at=0)
        return config


def select(kept: Sequence[RehearsedEvent], bounds: Bounds) -> list[RecordedEvent]:
    """Select and order events of a rehearsed history for a point, as ``projections.point``."""
    chosen = [
        there.event
        for there in kept
        if visible(there.event, bounds)
        and (there.recorded is None or there.recorded <= bounds.position)
    ]
    return sorted(chosen, key=attrgetter("effective_at", "position"))


def visible(event: RecordedEvent, bounds: Bounds) -> bool:
    """Return whether both instants of an event lie within a point."""
    return event.effective_at <= bounds.at and event.recorded_at <= bounds.known_at


def recorded_command(reader: Reader, position: int) -> RecordedEvent:
    """Return the command at a position, which must be the first event of its batch.

    Raises: NoSuchThing, InvalidInput (an event that the rules made, with its command).
    """
    recorded = recorded_event(reader, position)
    if is_command(recorded):
        return recorded
    kind = type(recorded.event).__name__
    if recorded.cause is not None and recorded.command is not None:
        msg = f"@{position} {kind} follows from the {recorded.command} at @{recorded.cause}"
        first = recorded
        while first.cause is not None:
            first = recorded_event(reader, first.cause)
        raise InvalidInput(msg, hint=f"change the command itself: @{first.position}")
    msg = f"@{position} {kind} was made by the rules when it fell due"
    raise InvalidInput(msg, hint="change a command, a policy value, or use: --mode facts")


def recorded_event(reader: Reader, position: int) -> RecordedEvent:
    """Return the event at a position. Raises: NoSuchThing."""
    row = reader.row(position)
    if row is None:
        msg = f"there is no event @{position}"
        raise NoSuchThing(msg, hint="see: tally log")
    return codec.decode(row.body)


def accounts_touched(reader: Reader, changes: Changes) -> set[str] | None:
    """Return the accounts that a change can reach; None for all of them.

    A payment's key is unique in the whole ledger (R3): another account that was refused it, or
    uses it, is reached too.
    """
    if changes.policy or changes == NO_CHANGES:
        return None
    commands = [insert.command for insert in changes.inserts]
    commands += [
        command_of(recorded_command(reader, position))
        for position in {*changes.skips, *changes.patches}
    ]
    touched: set[str] = set()
    serials: set[str] = {v["serial"] for v in changes.patches.values() if "serial" in v}
    for command in commands:
        if not isinstance(command, c.AccountCommand):
            return None
        touched.add(command.account)
        if isinstance(command, c.TopUp) and _key_taken(reader, command):
            serials.add(command.serial)
    return touched | _sharing_keys(reader, serials) if serials else touched


def _key_taken(reader: Reader, command: c.TopUp) -> bool:
    """Return whether a payment's key was used: only then was anybody ever refused it."""
    key = payment_key(command.channel, command.serial)
    return reader.request(PAYMENTS, key) is not None


def _sharing_keys(reader: Reader, serials: set[str]) -> set[str]:
    """Find the accounts that asked for a payment under one of these serials."""
    sharing: set[str] = set()
    marks = [serial.encode() for serial in serials]
    for body in reader.bodies():
        if any(mark in body for mark in marks):
            recorded = codec.decode(body)
            if recorded.command == "top-up" and is_command(recorded):
                command = command_of(recorded)
                if isinstance(command, c.TopUp) and command.serial in serials:
                    sharing.add(command.account)
    return sharing


def whatif(
    reader: Reader,
    changes: Changes,
    *,
    accounts: Collection[str] | None,
    keep: Collection[str] | None = None,
) -> Rehearsed:
    """Decide a history again with changes and collect what is different.

    ``keep``: the streams whose rehearsed history is kept besides; all of them by default.
    """
    rehearsal = Rehearsal(reader, accounts=accounts, changes=changes)
    verdicts: list[Verdict] = []
    dropped: list[RecordedEvent] = []
    new: list[RecordedEvent] = []
    moved: dict[int, int] = {}
    histories: dict[str, list[RehearsedEvent]] = {}
    for recorded, derived, fields in compare(_judged(rehearsal.run(), verdicts), known=False):
        place = None
        if recorded is not None and derived is not None and not fields:
            place = moved[derived.position] = recorded.position
        else:
            dropped += [recorded] if recorded is not None else []
            new += [derived] if derived is not None else []
        if derived is not None and (keep is None or derived.stream in keep):
            histories.setdefault(derived.stream, []).append(RehearsedEvent(derived, place))
    dropped.sort(key=attrgetter("position"))
    new.sort(key=attrgetter("position"))
    head = reader.head().position
    moved.update({event.position: head + i for i, event in enumerate(new, 1)})
    renumbered = [_renumbered(event, moved) for event in new]
    return Rehearsed(dropped, renumbered, verdicts, histories, changes)


def _renumbered(event: RecordedEvent, moved: dict[int, int]) -> RecordedEvent:
    cause = None if event.cause is None else moved.get(event.cause)
    return msgspec.structs.replace(event, position=moved[event.position], cause=cause)


def _judged(steps: Iterator[Step], verdicts: list[Verdict]) -> Iterator[Step]:
    for step in steps:
        if step.command is not None and not step.skipped:
            verdict = _verdict(step, step.command)
            if verdict.before != verdict.after:
                verdicts.append(verdict)
        yield step


def _verdict(step: Step, command: c.AnyCommand) -> Verdict:
    before = position = None
    if step.recorded:
        position = step.recorded[0].position
        was_refused = isinstance(step.recorded[0].event, CommandRefused)
        before = REFUSED if was_refused else ACCEPTED
    after = DUPLICATE if step.duplicate else ACCEPTED
    if step.error is not None:
        after = REFUSED
    return Verdict(command, position, step.inserted, before, after, step.error)
