"""The closes of a ledger as a point knows them (R61, R64), and which one a point lies in.

Invariant: what a point in the past says of closes, or lies in, never changes, whatever is closed
later. This module is asked at every answer, so it imports little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.closes import Closes
from ledger.events import PeriodClosed
from ledger.loading import events_of_closes
from projections.history.tags import Tag, read_tags

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.point import Point


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


class CloseInForce(NamedTuple):
    """The close, or the sealed tag, that a point lies in.

    Attributes:
        name: the month, or ``tag:NAME``.
        position: what was recorded after it restates the period.

    """

    name: str
    position: int
    tag: Tag | None = None


def frame_of(reader: Reader, point: Point) -> CloseInForce | None:
    """Find the close that a point lies in, in force at the point's position."""
    close = read_closes(reader, until=point.position).over(point.at, point.position)
    if close is not None:
        return CloseInForce(close.month_of(point.at), close.position)
    over = [
        tag for tag in read_tags(reader, until=point.position).values()
        if tag.sealed and tag.at >= point.at
    ]  # fmt: skip
    if not over:
        return None
    first = min(over, key=lambda tag: tag.added)
    return CloseInForce(f"tag:{first.name}", first.position, first)
