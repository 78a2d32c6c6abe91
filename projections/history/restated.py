"""Restatements: what a sealed figure was, when later facts have changed it.

A sealed tag closes the period up to its ``at``. An event recorded behind the seal and effective
within the period restates it; whoever looks at a figure is then told, unasked, what it was.
For a point within a sealed period the earliest seal over it counts; for a later point, the latest
closed period is looked at, as it ended. Invariant: ``was`` is the answer that was given when the
tag was added; only money, states and dates count, not what the calendar moves by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.events import ACCOUNT_PREFIX
from projections.answers import Formatter
from projections.history.diff import figures
from projections.history.fields import Cell, Name, written
from projections.history.tags import Tag, read_tags
from projections.point import Point

if TYPE_CHECKING:
    from ledger.store import Reader
    from projections.answers import Json


class Restated(NamedTuple):
    """What a sealed period's figures were and are, with the events that changed them."""

    tag: Tag
    at: int
    currency: str
    was: dict[Name, Cell]
    now: dict[Name, Cell]
    positions: list[int]


def seal_over(tags: dict[str, Tag], point: Point) -> Tag | None:
    """Find the seal that a look at a point is told of."""
    sealed = [tag for tag in tags.values() if tag.sealed and tag.added <= point.position]
    over = [tag for tag in sealed if tag.at >= point.at]
    if over:
        return min(over, key=lambda tag: tag.added)
    return max(sealed, key=lambda tag: (tag.at, -tag.added), default=None)


def restated(reader: Reader, account: str, point: Point) -> Restated | None:
    """Say what a sealed figure of the account was, if it is another now."""
    tag = seal_over(read_tags(reader, until=point.position), point)
    if tag is None:
        return None
    at = min(point.at, tag.at)
    positions = reader.stream_positions(
        ACCOUNT_PREFIX + account, after=tag.position, until=point.position, at=at
    )
    if not positions:
        return None
    sealed = Point(at, tag.known_at, tag.position, everything=False)
    currency_was, before = figures(reader, account, sealed)
    currency_now, after = figures(
        reader, account, Point(at, point.known_at, point.position, everything=False)
    )
    names = [
        name
        for name in {**before, **after}
        if before.get(name) != after.get(name) and not name.what.by_clock
    ]
    if not names:
        return None
    return Restated(
        tag, at, currency_now or currency_was,
        {name: before.get(name) for name in names}, {name: after.get(name) for name in names},
        positions,
    )  # fmt: skip


def restated_json(found: Restated, offset: int) -> Json:
    """Give the object ``restated`` that other answers carry."""
    write = Formatter(offset=offset, currency=found.currency)
    return {
        "since": f"tag:{found.tag.name}",
        "at": write.instant(found.at),
        "was": {str(name): written(name, cell, write) for name, cell in found.was.items()},
        "now": {str(name): written(name, cell, write) for name, cell in found.now.items()},
        "events": found.positions,
    }
