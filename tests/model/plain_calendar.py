"""The calendar of the plain model: UTC instants, whole seconds, a fixed offset for local dates."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, time, timedelta, timezone

from .plain_errors import UsageError

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
EDGE_OFFSET = timedelta(hours=8)  # of times written without one, and of every printed instant
EDGE_ZONE = timezone(EDGE_OFFSET)
RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.\d+)?([Zz]|[+-]\d{2}:\d{2})?", re.ASCII
)
BARE_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def read_instant(value: object) -> datetime:
    """RFC 3339 text as UTC; what is below the second is cut off (section 0)."""
    match = RFC3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise UsageError(f"not an instant: {value!r}")
    day, clock, offset = match.groups()
    zone = "+08:00" if offset is None else "+00:00" if offset in "Zz" else offset
    try:
        return datetime.fromisoformat(f"{day}T{clock}{zone}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"not an instant: {value!r}") from error


def read_day_or_instant(value: object) -> date | datetime:
    """Coupons may say a bare date (R37); anything else is an instant."""
    if isinstance(value, str) and BARE_DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise UsageError(f"not a date: {value!r}") from error
    return read_instant(value)


def written(instant: datetime) -> str:
    """2025-02-10T00:00:00+08:00."""
    return instant.astimezone(EDGE_ZONE).isoformat()


def written_or_none(instant: datetime | None) -> str | None:
    """The same, or null."""
    return None if instant is None else written(instant)


def local(instant: datetime, offset: timedelta) -> datetime:
    """Wall-clock time (naive) at a fixed offset."""
    return (instant + offset).replace(tzinfo=None)


def from_local(wall: datetime, offset: timedelta) -> datetime:
    """The instant of a wall-clock time at a fixed offset."""
    return wall.replace(tzinfo=UTC) - offset


def midnight(day: date, offset: timedelta) -> datetime:
    """00:00:00 local of a day, as an instant."""
    return from_local(datetime.combine(day, time()), offset)


def add_months(day: date, months: int) -> date:
    """The same day of a later month, clamped to that month's last day (R21)."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    last_day = calendar.monthrange(year, month0 + 1)[1]
    return date(year, month0 + 1, min(day.day, last_day))


def term_end(anchor: datetime, months: int, expiry: str, offset: timedelta) -> datetime:
    """R21: T of an instance anchored at a local time and bought for a number of months in total.

    `next_midnight`: 00:00 of the day after E. `exact` (section 4): on E, at the anchor's time.
    """
    last_day = add_months(anchor.date(), months)
    if expiry == "exact":
        return from_local(datetime.combine(last_day, anchor.time()), offset)
    return midnight(last_day + DAY, offset)


def whole_days(span: timedelta) -> int:
    """A duration in days of 86 400 s, a begun day counted whole (R48)."""
    return -(-span // DAY)
