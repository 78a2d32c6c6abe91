"""What differs between a recorded history and the same one decided again, event by event.

Batches are paired by what caused them: the same command, or the same transition due at the same
instant. Invariant: what is paired is dropped at once, so an unchanged history takes no memory,
and a changed one takes as much as it differs. Positions, and versions, may shift after a
difference: they are compared only by the distance to the cause.
This module must not know why the history was decided again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.certain import certain
from ledger.events import RecordedEvent, type_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ledger.rehearsal.rehearsal import Step

# What names the thing that an event is about; the first field that an event has.
_NAMES = ("note", "bill", "usage", "item", "number", "instance", "coupon", "serial", "sku")
_ENVELOPE = ("recorded_at", "effective_at", "command", "actor", "reason", "token", "request")

MISSING, EXTRA, DIFFERENT, ORDER = "missing", "extra", "different", "order"

Key = tuple[str, int, str, str]
Change = tuple[str, object, object]


class Pair(NamedTuple):
    """A recorded event and the one decided again in its place; None where there is none.

    Attributes:
        fields: (name, recorded, decided) of each field that differs.

    """

    recorded: RecordedEvent | None
    derived: RecordedEvent | None
    fields: tuple[Change, ...] = ()

    @property
    def same(self) -> bool:
        """Whether both are there and say the same."""
        return self.kind == ORDER

    @property
    def kind(self) -> str:
        """How they differ; ``order``: at most in their positions."""
        if self.recorded is None:
            return EXTRA
        if self.derived is None:
            return MISSING
        return DIFFERENT if self.fields else ORDER

    @property
    def event(self) -> RecordedEvent:
        """The recorded event, or the one that should have been."""
        return certain(self.recorded or self.derived)


def subject(recorded: RecordedEvent) -> str:
    """Name what an event is about."""
    event = recorded.event
    for name in _NAMES:
        if name in event.__struct_fields__:
            return str(getattr(event, name))
    return ""


def _what(recorded: RecordedEvent) -> tuple[str, str]:
    return type_name(type(recorded.event)), subject(recorded)


def _key(batch: Sequence[RecordedEvent]) -> Key:
    return (batch[0].stream, batch[0].effective_at, *_what(batch[0]))


def differing(
    recorded: RecordedEvent, derived: RecordedEvent, *, known: bool = True
) -> tuple[Change, ...]:
    """Return the fields in which two events differ; ``known``: when they were recorded counts."""
    if recorded == derived:
        return ()
    fields: list[Change] = []
    for name in _ENVELOPE:
        if name == "recorded_at" and not known:
            continue
        before, after = getattr(recorded, name), getattr(derived, name)
        if name == "request":
            before, after = bytes(before), bytes(after)
        if before != after:
            fields.append((name, before, after))
    before, after = _distance(recorded), _distance(derived)
    if before != after:
        fields.append(("cause", before, after))
    for name in recorded.event.__struct_fields__:
        before, after = getattr(recorded.event, name), getattr(derived.event, name)
        if before != after:
            fields.append((name, before, after))
    return tuple(fields)


def _distance(recorded: RecordedEvent) -> int | None:
    return None if recorded.cause is None else recorded.position - recorded.cause


def pair_batches(
    recorded: Sequence[RecordedEvent], derived: Sequence[RecordedEvent], *, known: bool = True
) -> Iterator[Pair]:
    """Pair the events of two batches of one cause, in order; the rest stands alone."""
    left = list(recorded)
    for made in derived:
        what = _what(made)
        place = next((i for i, event in enumerate(left) if _what(event) == what), None)
        if place is None:
            yield Pair(None, made)
            continue
        for gone in left[:place]:
            yield Pair(gone, None)
        yield Pair(left[place], made, differing(left[place], made, known=known))
        del left[: place + 1]
    for gone in left:
        yield Pair(gone, None)


def compare(steps: Iterable[Step], *, known: bool = True) -> Iterator[Pair]:
    """Pair a whole rehearsal with its record: each event once, those that differ last."""
    waiting: dict[Key, list[Sequence[RecordedEvent]]] = {}
    made: dict[Key, list[Sequence[RecordedEvent]]] = {}
    for step in steps:
        if step.paired:
            yield from pair_batches(step.recorded, step.derived, known=known)
            continue
        batch, own, other = (
            (step.recorded, waiting, made) if step.recorded else (step.derived, made, waiting)
        )
        key = _key(batch)
        partners = other.get(key)
        if not partners:
            own.setdefault(key, []).append(batch)
            continue
        partner = partners.pop(0)
        if not partners:
            del other[key]
        both = (batch, partner) if step.recorded else (partner, batch)
        yield from pair_batches(*both, known=known)
    for gone in waiting.values():
        for batch in gone:
            yield from (Pair(event, None) for event in batch)
    for new in made.values():
        for batch in new:
            yield from (Pair(None, event) for event in batch)
