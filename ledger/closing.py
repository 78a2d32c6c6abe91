"""Period closes: an event that commits what was derived up to the end of a period (R59).

Invariant: a period is closed once, and not before it ended; closing changes no account. The
digests are handed in: this module must not know how state becomes a trial balance.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ledger import codec
from ledger.errors import AlreadyExists, InvalidInput, PointInTheFuture
from ledger.events import LEDGER_STREAM, PeriodClosed, RecordedEvent
from ledger.periods import SECOND, add_months, format_instant, local_day, midnight, parse_instant
from ledger.store.rows import Row

if TYPE_CHECKING:
    from ledger.store import Reader, Store

_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])", re.ASCII)


class Period(NamedTuple):
    """A local calendar month [starts, ends)."""

    name: str
    starts: int
    ends: int

    @property
    def before(self) -> int:
        """The last second before it."""
        return self.starts - SECOND

    @property
    def last(self) -> int:
        """Its own last second."""
        return self.ends - SECOND


def read_period(text: str, offset: int) -> Period:
    """Read ``2025-03``. Raises: InvalidInput."""
    if not _MONTH.fullmatch(text):
        msg = f"{text!r} is not a period"
        raise InvalidInput(msg, hint="a period is a month, like 2025-03")
    starts = parse_instant(f"{text}-01", offset)
    return Period(text, starts, midnight(add_months(local_day(starts, offset), 1), offset))


def check_ended(period: Period, *, now: int, offset: int) -> None:
    """Refuse a period that has not ended. Raises: PointInTheFuture."""
    if now < period.last:
        raise PointInTheFuture(
            point=f"the end of {period.name}", now=f"clock {format_instant(now, offset)}"
        )


def recorded_closes(reader: Reader, *, until: int | None = None) -> list[RecordedEvent]:
    """Give the closes in the order in which they were recorded."""
    stream = codec.decode_all(reader.stream_bodies(LEDGER_STREAM, until_position=until))
    return [recorded for recorded in stream if isinstance(recorded.event, PeriodClosed)]


def record_close(
    store: Store, close: PeriodClosed, *,
    now: int, actor: str | None = None, reason: str | None = None,
) -> RecordedEvent:  # fmt: skip
    """Record a close at the ledger's clock ``now``. Raises: AlreadyExists."""
    with store.writing() as writer:
        for recorded in recorded_closes(writer.reader):
            if isinstance(recorded.event, PeriodClosed) and recorded.event.period == close.period:
                msg = f"{close.period} is closed since @{recorded.position}; a close stands"
                raise AlreadyExists(msg, rule="R55")
        at = max(now, writer.head.recorded_at)
        recorded = RecordedEvent(
            position=writer.head.position + 1, stream=LEDGER_STREAM,
            version=len(writer.reader.stream_bodies(LEDGER_STREAM)) + 1,
            recorded_at=at, effective_at=at, event=close, actor=actor, reason=reason,
        )  # fmt: skip
        row = Row(
            recorded.position, recorded.stream, recorded.version, codec.tag(PeriodClosed),
            recorded.recorded_at, recorded.effective_at, codec.encode(recorded),
        )  # fmt: skip
        writer.append([row])
    return recorded
