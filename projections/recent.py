"""Rows of a stored view at a point shortly before the head: only accounts touched since are folded.

Invariant: an account whose events a point selects all, and that no event touched since, has the
row that is stored for it. A change of policy touches everybody. What was touched is looked up after
the rows were read, so that an event recorded meanwhile is among it.
This module must not know any view.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from ledger.events import POLICY_STREAM, account_of
from projections.point import config_at
from projections.snapshots import look_at
from projections.stored import named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.store import Reader
    from projections.point import Point
    from projections.projection import ViewRow
    from projections.runner import Views

# A point is recent where few events came after it: at most these, and this part of the log.
MOST_EVENTS: Final = 2000
PART: Final = 50
FEW: Final = 64  # accounts that are folded sooner than the columns are asked


def is_recent(reader: Reader, point: Point, *, most: int | None = None) -> bool:
    """Return whether few events came after a point, and touched ``most`` accounts at the most."""
    head = reader.head().position
    behind = head - _whole(reader, point)
    if behind > min(MOST_EVENTS, head // PART):
        return False
    found = touched(reader, point)
    return found is not None and (most is None or len(found) <= most)


def touched(reader: Reader, point: Point) -> frozenset[str] | None:
    """Return the accounts of events that a point may leave out; None where that is everybody."""
    until = reader.head().position
    streams = set(reader.streams_touched(after=_whole(reader, point), until=until))
    if POLICY_STREAM in streams:
        return None
    return frozenset(name for name in map(account_of, streams) if name is not None)


def _whole(reader: Reader, point: Point) -> int:
    """Return up to which position a point selects every event: none is effective later."""
    return min(point.position, reader.position_known_at(min(point.at, point.known_at)))


def rows_at(views: Views, name: str, point: Point) -> Iterator[ViewRow]:
    """Yield a view's rows at a recent point, by account; the stored views are caught up."""
    reader, projection = views.reader, named(name)
    stored = {key: list(rows) for key, rows in groupby(views.rows(name), key=lambda row: row[0])}
    found = touched(reader, point)
    again = stored.keys() if found is None else found
    policy = config_at(reader, point).policy
    for account in sorted({*map(str, stored), *map(str, again)}):
        if account not in again:
            yield from stored[account]
            continue
        state = look_at(reader, account, point)
        if state is not None:
            yield from projection.rows(state, policy)
