"""The one grammar of points in time: what a person may write wherever a point is asked for.

    2025-02-10T08:00:00+08:00   an instant; without an offset, the ledger's calendar offset
    2025-02-10   2025-02        the last second of that local day, of that month
    today   yesterday           the clock; the last second of the local day before
    -7d   -36h   today-7d       this long before the clock
    @1050   head   head~3       the log's first events: all, all but three
    tag:close-2025-02           a named point
    AT::KNOWN                   true at AT, as it was known at KNOWN

A point alone bounds what it names and nothing else: an instant bounds effective time, a position
what was known; where a position is given beside a point that bounds what was known, the lower one
holds. Invariant: reading a point needs no more than the clock, the head and the tags.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ledger.certain import certain
from ledger.errors import InvalidInput, NoSuchThing
from ledger.periods import DAY, HOUR, MINUTE, SECOND, local_day, midnight, parse_instant
from ledger.policy import did_you_mean
from projections.history.tags import Tag, read_tags
from projections.point import Asked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger.store import Reader

PAIR = "::"
TAG = "tag:"
FORMS = "an instant, 2025-02-10, 2025-02, @17, head, head~3, -7d, today, tag:NAME or AT::KNOWN"
WORDS = ("head", "today", "yesterday")
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_BACK = re.compile(r"(?:today)?-(\d{1,6})(s|min|h|d|w)", re.ASCII)
_POSITION = re.compile(r"@(\d{1,18})", re.ASCII)
_HEAD = re.compile(r"head(?:~(\d{1,18}))?", re.ASCII)
_UNITS = {"s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_YEAR_MONTHS = 12
_DIGITS_MAX = 19
LAST = 2**63 - 1


class Here(NamedTuple):
    """What a point is read against: the clock, the calendar, the head and the tags."""

    clock: int
    offset: int
    head: int
    tags: Mapping[str, Tag]


def here(reader: Reader, *, clock: int, offset: int) -> Here:
    """Look a ledger's head and tags up."""
    return Here(clock, offset, reader.head().position, read_tags(reader))


def parse_point(text: str, here: Here) -> Asked:
    """Read a point. Raises: InvalidInput; NoSuchThing for a tag that does not exist."""
    at, pair, known = text.partition(PAIR)
    if not pair:
        return _single(text, here)
    known_asked = parse_known(known, here)
    return Asked(
        at=parse_at(at, here), known_at=known_asked.known_at, position=known_asked.position
    )


def parse_at(text: str, here: Here) -> int:
    """Read the effective instant of a pair, or of ``--at``. Raises: InvalidInput."""
    if text.startswith(TAG):
        return _tag(text, here).at
    if _POSITION.fullmatch(text) or text.startswith("head"):
        msg = f"{text!r} is a position; expected an instant"
        raise InvalidInput(msg, hint=f"write AT{PAIR}{text}, or give --position")
    return parse_time(text, here)


def parse_known(text: str, here: Here) -> Asked:
    """Read what was known: an instant, a position or a tag's. Raises: InvalidInput."""
    if text.startswith(TAG):
        return Asked(position=_tag(text, here).position)
    position = _position(text, here)
    return Asked(known_at=parse_time(text, here)) if position is None else Asked(position=position)


def _single(text: str, here: Here) -> Asked:
    if text.startswith(TAG):
        return _tag(text, here).asked
    position = _position(text, here)
    return Asked(at=parse_time(text, here)) if position is None else Asked(position=position)


def _position(text: str, here: Here) -> int | None:
    if match := _POSITION.fullmatch(text):
        return int(match[1])
    if match := _HEAD.fullmatch(text):
        return here.head - int(match[1] or 0)
    return None


def _tag(text: str, here: Here) -> Tag:
    name = text[len(TAG) :]
    if name not in here.tags:
        msg = f"there is no tag {name!r}"
        hint = did_you_mean(name, list(here.tags)) or "see them with: tally tag list"
        raise NoSuchThing(msg, hint=hint)
    return here.tags[name]


def parse_time(text: str, here: Here) -> int:
    """Read an instant, a date, a month or a time before the clock. Raises: InvalidInput."""
    today = local_day(here.clock, here.offset)
    if text == "today":
        return here.clock
    if text == "yesterday":
        return midnight(today, here.offset) - SECOND
    if match := _BACK.fullmatch(text):
        return max(here.clock - int(match[1]) * _UNITS[match[2]], 0)
    if match := _MONTH.fullmatch(text):
        year, month = divmod(int(match[1]) * _YEAR_MONTHS + int(match[2]), _YEAR_MONTHS)
        if not 1 <= int(match[2]) <= _YEAR_MONTHS:
            msg = f"{text!r} is not a month"
            raise InvalidInput(msg, hint="months count from 01 to 12")
        return parse_instant(f"{year:04d}-{month + 1:02d}-01", here.offset) - SECOND
    try:
        instant = parse_instant(text, here.offset)
    except InvalidInput:
        hint = did_you_mean(text, [*WORDS, *(TAG + name for name in here.tags)])
        msg = f"{text!r} is not a point in time"
        raise InvalidInput(msg, hint=hint or f"write {FORMS}") from None
    return instant + DAY - SECOND if _DATE.fullmatch(text) else instant


def read_start(text: str, offset: int) -> int:
    """Read an instant as the beginning of a span: a date or month means its 00:00:00."""
    return parse_instant(f"{text}-01" if _MONTH.fullmatch(text) else text, offset)


def count(digits: str) -> int:
    """Read a number of ASCII digits; what no log reaches is the highest position there can be."""
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) < _DIGITS_MAX else LAST


def read_position(text: str, head: int) -> int:
    """Read ``17``, ``@17`` or ``head``. Raises: InvalidInput."""
    number = text.removeprefix("@")
    if number.isascii() and number.isdigit():
        return count(number)
    if text == "head" or text.startswith("head~"):
        found = _position(text, Here(0, 0, head, {}))
        if found is not None:
            return found
    msg = f"{text!r} is not a position"
    raise InvalidInput(msg, hint="write it like 17, @17, head or head~3")


# --- a point as it is asked for -------------------------------------------------------------------


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
        position = None if self.position is None else _bound(str(self.position), here)
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


def _bound(text: str, here: Here) -> int:
    if text.startswith(TAG):
        return certain(parse_known(text, here).position)
    return read_position(text, here.head)


def _bounded(point: Asked, position: int | None) -> Asked:
    """Bound a point by a position as well: the lower one holds."""
    if position is None:
        return point
    there = point.position
    return point._replace(position=position if there is None else min(position, there))
