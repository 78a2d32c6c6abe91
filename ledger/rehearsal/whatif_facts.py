"""What if, folded only: recorded events with some left out, altered or put in; no rule runs.

The result may be a history that could not have happened; then it says so. Invariant: an inserted
command adds its own fact alone, not what would have followed from it.
This module must not know how the result is shown.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ledger import codec
from ledger.account import evolve, fold
from ledger.account.invariants import breaches
from ledger.envelopes import batches
from ledger.errors import CorruptHistory, InvalidInput, LedgerError
from ledger.events import ACCOUNT_PREFIX, RecordedEvent
from ledger.policy import did_you_mean
from ledger.rehearsal.fork import Fork
from ledger.rehearsal.whatif import visible
from ledger.repeats import NO_RECORDS
from ledger.state import AccountState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ledger.rehearsal.changes import Insertion
    from ledger.rehearsal.whatif import Bounds
    from ledger.store import Reader


class Violation(NamedTuple):
    """Why a history could not have happened: which invariant, and where it breaks first."""

    position: int
    rule: str
    message: str


class Refolded(NamedTuple):
    """An altered history of one account, in the order of positions, and what is wrong with it."""

    events: list[RecordedEvent]
    added: list[RecordedEvent]
    dropped: list[RecordedEvent]
    refused: list[tuple[Insertion, LedgerError]]
    violations: list[Violation]


def patch_event(recorded: RecordedEvent, values: Mapping[str, Any]) -> RecordedEvent:
    """Return a copy of an event with other values (minor units, instants as integers).

    Raises: InvalidInput, with a suggestion for a mistyped field.
    """
    event = recorded.event
    envelope = {key: values[key] for key in ("effective_at", "recorded_at") if key in values}
    fields: dict[str, Any] = msgspec.to_builtins(event)
    known = [*event.__struct_fields__, "effective_at"]
    for key in values:
        if key not in known:
            name = type(event).__name__
            hint = did_you_mean(key, known) or "fields: " + " ".join(known)
            msg = f"{name} @{recorded.position} has no field {key!r}"
            raise InvalidInput(msg, hint=hint)
        if key not in envelope:
            fields[key] = values[key]
    try:
        altered = msgspec.convert(fields, type(event))
    except msgspec.ValidationError as error:
        msg = f"{type(event).__name__} @{recorded.position}: {error}"
        raise InvalidInput(msg, hint="see the event's fields: tally show POSITION") from None
    return msgspec.structs.replace(recorded, event=altered, **envelope)


def refold(
    reader: Reader,
    account: str,
    *,
    inserts: Sequence[Insertion] = (),
    skips: frozenset[int] = frozenset(),
    patches: Mapping[int, Mapping[str, Any]] | None = None,
) -> Refolded:
    """Alter the recorded events of an account and fold what is left."""
    events: list[RecordedEvent] = []
    added: list[RecordedEvent] = []
    dropped: list[RecordedEvent] = []
    refused: list[tuple[Insertion, LedgerError]] = []
    for recorded in codec.decode_all(reader.stream_bodies(ACCOUNT_PREFIX + account)):
        values = (patches or {}).get(recorded.position)
        if recorded.position in skips:
            dropped.append(recorded)
        elif values:
            dropped.append(recorded)
            added.append(patch_event(recorded, values))
            events.append(added[-1])
        else:
            events.append(recorded)
    head = reader.head().position
    for insert in inserts:
        try:
            fact = _fact(reader, account, events, insert, position=head + len(added) + 1)
        except LedgerError as error:
            refused.append((insert, error))
            continue
        added.append(fact)
        place = sum(1 for event in events if event.recorded_at <= insert.at)
        events.insert(place, fact)
    return Refolded(events, added, dropped, refused, violations(account, events))


def _fact(
    reader: Reader,
    account: str,
    events: Sequence[RecordedEvent],
    insert: Insertion,
    *,
    position: int,
) -> RecordedEvent:
    """Return the first event that an inserted command records. Raises: Refused, InvalidInput."""
    fork = Fork(reader, position=reader.position_known_at(insert.at))
    before = [event for event in events if event.recorded_at <= insert.at]
    fork.states[account] = fold(account, before) if before else None
    made, error = fork.decide(insert.command, now=insert.at, records=NO_RECORDS)
    if error is not None:
        raise error
    if not made:
        msg = "the inserted command changes nothing at its instant"
        raise InvalidInput(msg)
    return msgspec.structs.replace(made[0], position=position)


# --- what cannot have happened ----------------------------------------------------------------


def violations(account: str, events: Iterable[RecordedEvent]) -> list[Violation]:
    """Fold in the order of recording and give the first breach of each invariant (R1, R9)."""
    state = AccountState(account)
    first: dict[str, Violation] = {}
    for batch in batches(events):
        for recorded in batch:
            try:
                evolve(state, recorded)
            except (CorruptHistory, LookupError, TypeError, ValueError) as error:
                msg = f"{type(recorded.event).__name__} cannot follow: {error}"
                first["evolve"] = Violation(recorded.position, "R55", msg)
                return sorted(first.values())
        for breach in breaches(state) if state.opened_at is not None else ():
            violation = Violation(batch[-1].position, breach.rule, breach.broken)
            first.setdefault(breach.broken, violation)
    return sorted(first.values())


def folded(account: str, refolded: Refolded, bounds: Bounds) -> AccountState | None:
    """Fold an altered history at a point; None where it cannot be folded, or has no account."""
    chosen = [event for event in refolded.events if visible(event, bounds)]
    chosen.sort(key=attrgetter("effective_at", "position"))
    try:
        state = fold(account, chosen)
    except (CorruptHistory, LookupError, TypeError, ValueError):
        return None
    return state if state.opened_at is not None else None
