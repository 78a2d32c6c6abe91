"""The fixed-offset calendar: instants, local days, terms, slots, periods (RULEBOOK section 0).

Invariant: an instant is an integer count of UTC microseconds on a whole second; every local
computation takes the fixed offset, so no time-zone database and no DST. Intervals are half-open.
This module must not read a clock and must not know the rules that use a term.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

from ledger.errors import InvalidInput
from ledger.quoting import quoted

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = _EPOCH.replace(tzinfo=None)
_YEAR_LAST = 9000  # room for every term and retention before the calendar ends
_END = (date(_YEAR_LAST, 1, 1).toordinal() - _EPOCH_DAY) * DAY
# RFC 3339, with a date alone and a time without seconds or offset allowed; fractions are cut.
_INSTANT = re.compile(
    r"(?P<local>\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}(?::\d{2})?)?)"
    r"(?:(?<=:\d\d)\.\d+)?(?P<away>[Zz]|[+-]\d{2}:\d{2})?",
    re.ASCII,
)
_DATE_LENGTH = len("2025-01-31")
_SECONDS_LENGTH = len("2025-01-31T23:59:60")
_INSTANT_LENGTH_MAX = 60  # fractions of a second may be long, and are cut


def check_year(instant: int, text: str) -> int:
    """Refuse instants so far out that terms could not be computed from them."""
    if not 0 <= instant < _END:
        raise InvalidInput(f"{quoted(text)} lies outside the years 1970 to {_YEAR_LAST - 1}")
    return instant


def is_bare_date(text: str) -> bool:
    """Return whether ``text`` has the length of a date without a time of day."""
    return len(text) == _DATE_LENGTH


# Commands of many accounts share their cycle bounds.
@lru_cache(maxsize=1 << 16)
def parse_instant(text: str, offset: int) -> int:
    """Read an RFC 3339 instant, truncated to the second; a bare date is its 00:00:00.

    Time axis: a missing offset means ``offset``, the ledger's calendar offset in microseconds.
    Raises: InvalidInput.
    """
    match = _INSTANT.fullmatch(text) if len(text) <= _INSTANT_LENGTH_MAX else None
    local = "" if match is None else match["local"]
    if len(local) == _SECONDS_LENGTH and local.endswith(":60"):
        local = f"{local[:-2]}59"  # a leap second is the last of its minute
    try:
        moment = datetime.fromisoformat(
            "" if match is None else local + (match["away"] or "").upper()
        )
    except ValueError:
        msg = f"{quoted(text)} is not an instant"
        raise InvalidInput(msg, hint="write it like 2025-02-10T08:00:00+08:00") from None
    passed = moment - (_EPOCH if moment.tzinfo is not None else _LOCAL_EPOCH)
    shift = 0 if moment.tzinfo is not None else offset
    seconds = passed.days * 86_400 + passed.seconds
    return check_year((seconds * SECOND - shift) // SECOND * SECOND, text)


def format_instant(instant: int, offset: int) -> str:
    """Write an instant in the ledger's offset: ``2025-02-10T00:00:00+08:00``."""
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone(offset)).isoformat()


@lru_cache(maxsize=16)
def zone(offset: int) -> timezone:
    """Return the time zone of an offset in microseconds."""
    return timezone(timedelta(microseconds=offset))


def local_day(instant: int, offset: int) -> int:
    """Count the local days since 1970-01-01."""
    return (instant + offset) // DAY


def midnight(day: int, offset: int) -> int:
    """Return the instant at which local day number ``day`` begins."""
    return day * DAY - offset


def local_year(instant: int, offset: int) -> int:
    """Return the local calendar year of an instant."""
    return date.fromordinal(local_day(instant, offset) + _EPOCH_DAY).year


def local_date(instant: int, offset: int) -> str:
    """Return the local date of an instant as ``2025-02-10``."""
    return date.fromordinal(local_day(instant, offset) + _EPOCH_DAY).isoformat()


def add_months(day: int, months: int) -> int:
    """Add calendar months to a local day number, clamped to the month's last day (R21)."""
    start = date.fromordinal(day + _EPOCH_DAY)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    month += 1
    last = monthrange(year, month)[1]
    return date(year, month, min(start.day, last)).toordinal() - _EPOCH_DAY


def term_end(anchor: int, months: int, *, offset: int, exact: bool) -> int:
    """Return T of a term that was bought at ``anchor`` for ``months`` months in total (R21).

    Always computed from the anchor, never from the previous end: the 31st comes back.
    Reading ``exact``: T keeps the anchor's time of day instead of the midnight after E.
    """
    last_day = add_months(local_day(anchor, offset), months)
    if exact:
        return midnight(last_day, offset) + (anchor + offset) % DAY
    return midnight(last_day + 1, offset)


def slot_instant(expires_at: int, number: int, *, offset: int, time_of_day: int) -> int:
    """Return the instant of auto-renewal slot ``number`` before the term ends (R31)."""
    return midnight(local_day(expires_at, offset) - number, offset) + time_of_day


# --- periods that are closed or reported: months, quarters, years (R61) --------------------------

_PERIOD = re.compile(
    r"(?P<year>\d{4})(?:-(?:(?P<month>0[1-9]|1[0-2])|Q(?P<quarter>[1-4])))?", re.ASCII
)


class Period(NamedTuple):
    """A local calendar month, quarter or year: [starts, ends)."""

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
    """Read ``2025-03``, ``2025-Q1`` or ``2025``. Raises: InvalidInput."""
    match = _PERIOD.fullmatch(text)
    if match is None:
        msg = f"{text!r} is not a period"
        raise InvalidInput(
            msg, hint="a period is a month, a quarter or a year: 2025-03, 2025-Q1, 2025"
        )
    months = 1 if match["month"] else 3 if match["quarter"] else 12
    first = int(match["month"] or int(match["quarter"] or 1) * 3 - 2)
    starts = parse_instant(f"{match['year']}-{first:02d}-01", offset)
    ends = midnight(add_months(local_day(starts, offset), months), offset)
    return Period(text, starts, check_year(ends, text))


def months_of(period: Period, offset: int) -> list[Period]:
    """List the months that a period holds, in order."""
    months = []
    starts = period.starts
    while starts < period.ends:
        ends = midnight(add_months(local_day(starts, offset), 1), offset)
        months.append(Period(local_date(starts, offset)[:7], starts, ends))
        starts = ends
    return months
