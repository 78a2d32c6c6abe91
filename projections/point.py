"""A point in time on both axes, and the one rule that selects and orders events for it.

Select: position <= N and recorded_at <= K and effective_at <= A. Order: (effective_at, position).
All bounds are inclusive (INTERFACE section 2).
Invariant: an answer for a past known-at never changes, whatever is recorded later.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ledger import codec
from ledger.account import fold
from ledger.errors import NoSuchThing, PointInTheFuture
from ledger.events import ACCOUNT_PREFIX, Foldable, account_of
from ledger.loading import load_config
from ledger.periods import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger.config import LedgerConfig
    from ledger.events import RecordedEvent
    from ledger.kept.stream_tiles import Tiles
    from ledger.state import AccountState
    from ledger.store import Reader

E = TypeVar("E", bound=Foldable)


class Point(NamedTuple):
    """A resolved point: every coordinate is set.

    Attributes:
        at: effective time, inclusive.
        known_at: recorded time, inclusive.
        position: the log's first N events.
        everything: whether the point selects every event recorded so far.

    """

    at: int
    known_at: int
    position: int
    everything: bool

    @property
    def seen_at(self) -> int:
        """The instant whose page this is: what is not known cannot have happened yet."""
        return min(self.at, self.known_at)


class Asked(NamedTuple):
    """A point as it was asked for: None means no bound."""

    at: int | None = None
    known_at: int | None = None
    position: int | None = None


def resolve(reader: Reader, asked: Asked, *, clock: int, offset: int) -> Point:
    """Bound every coordinate by the ledger's clock and head.

    Raises: PointInTheFuture, NoSuchThing.
    """
    head = reader.head()
    for instant in (asked.at, asked.known_at):
        if instant is not None and instant > clock:
            raise PointInTheFuture(
                point=format_instant(instant, offset),
                now=f"clock {format_instant(clock, offset)}",
            )
    position = head.position
    known_at = clock if asked.known_at is None else asked.known_at
    if asked.known_at is not None:
        position = reader.position_known_at(asked.known_at)
    if asked.position is not None:
        if asked.position > head.position:
            raise PointInTheFuture(point=f"@{asked.position}", now=f"head @{head.position}")
        if asked.position < 1:
            msg = f"there is no position {asked.position}"
            raise NoSuchThing(msg, hint="positions count from 1")
        # At the head too: the page of a position does not change when the clock moves on.
        if asked.position <= position:
            position = asked.position
            row = reader.row(position)
            known_at = min(known_at, row.recorded_at if row is not None else known_at)
    at = clock if asked.at is None else asked.at
    # No event is effective after it was recorded, so after the last one nothing is left out.
    everything = position == head.position and (asked.at is None or at >= head.recorded_at)
    return Point(at, known_at, position, everything)


def history(
    reader: Reader, stream: str, point: Point, tiles: Tiles | None = None
) -> Iterable[RecordedEvent]:
    """Return a stream's events that a point selects, in the order of the fold.

    ``tiles`` give an account's faster than the log does; what checks something has none.
    """
    account = account_of(stream)
    if tiles is not None and account is not None:
        return _selected(tiles.events(account, until=point.position), point)
    if point.everything:
        return codec.decode_all(reader.stream_bodies(stream, order="effective"))
    return codec.decode_all(
        reader.stream_bodies(
            stream, until_position=point.position, at=point.at, order="effective"
        )
    )


def _selected(events: list[E], point: Point) -> list[E]:
    """Choose and order what was read up to a point's position, by position."""
    if not point.everything:
        events = [recorded for recorded in events if recorded.effective_at <= point.at]
    events.sort(key=attrgetter("effective_at"))
    return events


def account_at(
    reader: Reader, account: str, point: Point, tiles: Tiles | None = None
) -> AccountState | None:
    """Fold one account at a point; None where it does not exist there."""
    state = fold(
        account,
        history(reader, ACCOUNT_PREFIX + account, point) if tiles is None
        else _selected(tiles.folded(account, until=point.position), point),
    )  # fmt: skip
    return state if state.opened_at is not None else None


def config_at(reader: Reader, point: Point) -> LedgerConfig:
    """Fold policy, prices and closes at a point."""
    if point.everything:
        return load_config(reader)
    return load_config(reader, until_position=point.position, at=point.at)
