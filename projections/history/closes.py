"""The closes of a ledger as a point knows them (R61, R64).

Invariant: what a point in the past says of closes never changes, whatever is closed later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.closes import Closes
from ledger.events import PeriodClosed
from ledger.loading import events_of_closes

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from ledger.store import Reader


def read_closes(reader: Reader, *, until: int | None = None) -> Closes:
    """Fold what closed and reopened months, up to a position."""
    found = Closes()
    for recorded in events_of_closes(reader, until=until):
        found.apply(recorded)
    return found


def recorded_closes(reader: Reader, *, until: int | None = None) -> list[RecordedEvent]:
    """List the closes in the order in which they were recorded."""
    events = events_of_closes(reader, until=until)
    return [recorded for recorded in events if isinstance(recorded.event, PeriodClosed)]
