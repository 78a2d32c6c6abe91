"""The closes of a ledger as a point knows them (R61, R64).

Invariant: what a point in the past says of closes never changes, whatever is closed later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import codec
from ledger.closes import Closes
from ledger.events import LEDGER_STREAM, PeriodClosed

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from ledger.store import Reader


def read_closes(reader: Reader, *, until: int | None = None) -> Closes:
    """Fold the ledger's own stream, up to a position."""
    found = Closes()
    for recorded in codec.decode_all(reader.stream_bodies(LEDGER_STREAM, until_position=until)):
        found.apply(recorded)
    return found


def recorded_closes(reader: Reader, *, until: int | None = None) -> list[RecordedEvent]:
    """List the closes in the order in which they were recorded."""
    stream = codec.decode_all(reader.stream_bodies(LEDGER_STREAM, until_position=until))
    return [recorded for recorded in stream if isinstance(recorded.event, PeriodClosed)]
