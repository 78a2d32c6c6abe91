"""The bridge between two figures: activity + late + corrections + rules = delta.

Each part has its events, and the parts are checked to add up. Money fields are sums over events,
so a figure changes between two points by exactly the events that one point selects and the other
does not. Each such event goes to one part:

- corrections: it takes back what was recorded before (``CORRECTIONS``), whenever it is effective;
- activity: it is effective after the first point (after its ``at``, or what it could know);
- late: it is effective by then, but was recorded after the first point's knowledge;
- rules: nothing, between two points of one log: events carry results, so no later rule moves them.

Invariant: the parts add up to the delta, or ``DoesNotAddUp`` is raised. An event that only the
first point selects (the second lies before it) counts with the opposite sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import events as e
from ledger.errors import CorruptHistory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger.events import RecordedEvent
    from projections.history.fields import Name
    from projections.history.walk import Walk
    from projections.point import Point

ACTIVITY, LATE, CORRECTED, RULES = "activity", "late", "corrections", "rules"
PARTS = (ACTIVITY, LATE, CORRECTED, RULES)

# What takes back something recorded before (R55): by credit note, reversal, refund, cancellation.
CORRECTIONS: tuple[type[e.Event], ...] = (
    e.CreditNoteIssued, e.TopUpReversed, e.DebtRecorded, e.RefundIssued, e.RenewalCancelled,
)  # fmt: skip


class DoesNotAddUp(CorruptHistory):
    """The parts of a bridge do not make its delta: our bug or a damaged log."""

    code = "DOES_NOT_ADD_UP"


class Entry(NamedTuple):
    """What one event adds to one field, and in which part."""

    part: str
    position: int
    amount: int
    recorded: RecordedEvent


class Bridge(NamedTuple):
    """The entries of one field, in the order of the log."""

    entries: tuple[Entry, ...]

    def sum(self, part: str) -> int:
        """Add one part up."""
        return sum(entry.amount for entry in self.entries if entry.part == part)

    def positions(self, part: str) -> list[int]:
        """List the events of one part."""
        return [entry.position for entry in self.entries if entry.part == part]

    def check(self, delta: int, what: str) -> Bridge:
        """Return itself if the parts make the delta. Raises: DoesNotAddUp."""
        found = sum(self.sum(part) for part in PARTS)
        if found != delta:
            msg = f"the bridge of {what} makes {found} minor units, the delta is {delta}"
            raise DoesNotAddUp(msg)
        return self


def selects(point: Point, recorded: RecordedEvent) -> bool:
    """Return whether a point selects an event."""
    return recorded.position <= point.position and (
        point.everything or recorded.effective_at <= point.at
    )


def part_of(recorded: RecordedEvent, first: Point) -> str:
    """Return to which part of a bridge from ``first`` an event belongs."""
    if isinstance(recorded.event, CORRECTIONS):
        return CORRECTED
    if recorded.effective_at > first.seen_at or recorded.position <= first.position:
        return ACTIVITY
    # A point like @17 bounds no effective time: what follows it in the same second is not late.
    on_time = first.at > first.known_at and recorded.effective_at == recorded.recorded_at
    return ACTIVITY if on_time else LATE


def bridges(walk: Walk, a: Point, b: Point) -> Mapping[Name, Bridge]:
    """Collect the entries of every sum from a walk over the events of both points."""
    found: dict[Name, list[Entry]] = {}

    def differs(recorded: RecordedEvent) -> bool:
        return selects(a, recorded) != selects(b, recorded)

    for recorded, changes in walk.changes_by(differs):
        in_b = selects(b, recorded)
        part = part_of(recorded, a if in_b else b)
        for name, before, after in changes:
            if not (name.field and name.what.sums):
                continue
            amount = int(after or 0) - int(before or 0)
            found.setdefault(name, []).append(
                Entry(part, recorded.position, amount if in_b else -amount, recorded)
            )
    return {
        name: Bridge(tuple(sorted(entries, key=lambda entry: entry.position)))
        for name, entries in found.items()
    }
