"""Which close, or which sealed tag, a point lies in: asked at every answer, so it imports little.

Invariant: what a point in the past lies in never changes, whatever is closed later. This module
must not know what restates an answer (projections/history/restated.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from projections.history.closes import read_closes
from projections.history.tags import Tag, read_tags

if TYPE_CHECKING:
    from ledger.store import Reader
    from projections.point import Point


class Frame(NamedTuple):
    """The close, or the sealed tag, that a point lies in.

    Attributes:
        name: the month, or ``tag:NAME``.
        position: what was recorded after it restates the period.

    """

    name: str
    position: int
    tag: Tag | None = None


def frame_of(reader: Reader, point: Point) -> Frame | None:
    """Find the close that a point lies in, in force at the point's position."""
    close = read_closes(reader, until=point.position).over(point.at, point.position)
    if close is not None:
        return Frame(close.month_of(point.at), close.position)
    over = [
        tag for tag in read_tags(reader, until=point.position).values()
        if tag.sealed and tag.at >= point.at
    ]  # fmt: skip
    if not over:
        return None
    first = min(over, key=lambda tag: tag.added)
    return Frame(f"tag:{first.name}", first.position, first)
