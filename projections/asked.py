"""A point in time as it is asked for, on both axes: texts, datetimes and positions.

The grammar of texts is projections/history/points.py. Invariant: where a position is given beside
a point that bounds what was known too, the lower bound holds. This module must not know ledgers.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from ledger.certain import certain
from ledger.errors import InvalidInput
from projections.history.points import (
    PAIR,
    TAG,
    Here,
    parse_at,
    parse_known,
    parse_point,
    read_position,
)
from projections.point import Asked


class Point(NamedTuple):
    """A point in time; None means no bound, so ``Point()`` is everything recorded.

    A text is written as on the command line: ``2025-03-31`` (the end of that day), ``2025-03``,
    ``2025-03-31T12:00:00+08:00``, ``today``, ``-7d``, ``tag:NAME``. A datetime must be aware.

    Attributes:
        at: effective time, inclusive: when it was true. ``AT::KNOWN`` says both.
        known_at: recorded time, inclusive: what the ledger had learned by then.
        position: the log's first events, an exact form of ``known_at``: 17, ``@17``, ``head~3``.
        as_of: ``at`` and ``known_at`` at once: the page as it would have been printed then.

    """

    at: str | datetime | None = None
    known_at: str | datetime | None = None
    position: str | int | None = None
    as_of: str | datetime | None = None

    def read(self, here: Here) -> Asked:
        """Read it against a clock, a calendar, a head and tags. Raises: InvalidInput."""
        at, known_at, as_of = map(_text, self[:2] + self[3:])
        position = None if self.position is None else _position(str(self.position), here)
        if as_of is not None:
            if at is not None or known_at is not None:
                msg = "--as-of already sets --at and --known-at"
                raise InvalidInput(msg, hint="give only --as-of, or the other two")
            if as_of.startswith(TAG):
                return _bounded(parse_point(as_of, here), position)
            both = parse_at(as_of, here)
            return Asked(both, both, position)
        if at is not None and PAIR in at:
            if known_at is not None:
                msg = "--at AT::KNOWN already sets what was known"
                raise InvalidInput(msg, hint="leave --known-at out")
            return _bounded(parse_point(at, here), position)
        effective = None if at is None else parse_at(at, here)
        known = Asked() if known_at is None else parse_known(known_at, here)
        return _bounded(known._replace(at=effective), position)


def _text(given: object) -> str | None:
    if not isinstance(given, datetime):
        return None if given is None else str(given)
    return written(given)


def written(given: datetime) -> str:
    """Write an aware datetime as a text of the grammar. Raises: InvalidInput."""
    if given.utcoffset() is None:
        msg = f"{given.isoformat()} has no offset, so it is not an instant"
        raise InvalidInput(msg, hint="give an aware datetime: datetime(..., tzinfo=...)")
    return given.isoformat()


def _position(text: str, here: Here) -> int:
    if text.startswith(TAG):
        return certain(parse_known(text, here).position)
    return read_position(text, here.head)


def _bounded(point: Asked, position: int | None) -> Asked:
    """Bound a point by a position as well: the lower one holds."""
    if position is None:
        return point
    there = point.position
    return point._replace(position=position if there is None else min(position, there))
