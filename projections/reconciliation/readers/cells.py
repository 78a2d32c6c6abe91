"""Single cells of statements: amounts, instants, months, each refused by its line and column.

Invariant: what is wrong is named with line, column and text. This module must not know sources.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ledger.errors import InvalidInput
from ledger.money import check_currency
from ledger.periods import SECOND, add_months, local_date, local_day, midnight, parse_instant
from projections.reconciliation.amounts import read_amount, write_amount
from projections.reconciliation.lines import BadStatement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MONTH = re.compile(r"(\d{4})-?(0[1-9]|1[0-2])", re.ASCII)
_COMPACT = re.compile(r"(\d{4})[/.]?(\d{2})[/.]?(\d{2})(?=$|[ T])", re.ASCII)


# What a spreadsheet makes of a long number: the rest of its digits is lost.
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+\d+|#{3,}", re.ASCII | re.IGNORECASE)
_MIDNIGHT = re.compile(r"(?<=\d)([T ])24:00(?::00(?:\.0*)?)?(?=$|Z|[+-])", re.ASCII)  # ends its day
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d)", re.ASCII)
_DAY_AWAY = re.compile(r"\d{4}-\d{2}-\d{2}(?:Z|[+-]\d{2}:\d{2})?", re.ASCII)


class DateSpan(NamedTuple):
    """The half-open span [starts, ends)."""

    starts: int
    ends: int


@contextmanager
def placed(line: int, column: str) -> Iterator[None]:
    """Add to what is refused where it stands; only tables have lines. Raises: BadStatement."""
    try:
        yield
    except InvalidInput as error:
        place = f"line {line}, {column}" if line else column
        raise BadStatement(f"{place}: {error}", hint=error.hint) from None


def amount(
    cell: str, line: int, column: str, *, decimal: str = ".", thousands: str = ","
) -> int:
    """Read an amount. Raises: BadStatement."""
    with placed(line, column):
        return read_amount(cell, decimal=decimal, thousands=thousands)


def instant(cell: str, line: int, column: str, *, offset: int) -> int:
    """Read an instant or a date; ``2025/03/01`` and ``20250301`` are dates too."""
    text = cell.strip()
    if text[10:11] in ("T", " "):  # as nearly all are: day and time are looked up, and added
        later, starts = _time_of_day(text[11:19]), _midnight(text[:10] + text[19:], offset)
        if later is not None and starts is not None:
            return starts + later
        text = _MIDNIGHT.sub(r"\g<1>23:59:59", text, count=1)
    with placed(line, column):
        try:
            return parse_instant(text, offset)
        except InvalidInput:
            plain = _COMPACT.sub(r"\1-\2-\3", text, count=1)
            if plain == text:
                raise
        return parse_instant(plain, offset)


@lru_cache(maxsize=1 << 17)
def _time_of_day(text: str) -> int | None:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    return (int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])) * SECOND


@lru_cache(maxsize=1 << 12)
def _midnight(day: str, offset: int) -> int | None:
    """Return the beginning of a day with or without its offset; None for any other text."""
    if _DAY_AWAY.fullmatch(day) is None:
        return None
    try:
        return parse_instant(f"{day[:10]}T00:00:00{day[10:]}", offset)
    except InvalidInput:
        return None


def currency(cell: str, line: int, column: str) -> str:
    """Read a currency code."""
    with placed(line, column):
        return check_currency(cell.strip())


def month(cell: str, line: int, column: str, *, offset: int) -> DateSpan:
    """Read a billing cycle: ``2025-03`` or ``202503``."""
    match = _MONTH.fullmatch(cell.strip()[:7])
    with placed(line, column):
        if match is None:
            raise InvalidInput(f"{cell!r} is not a month", hint="write it like 2025-03")
    starts = parse_instant(f"{match[1]}-{match[2]}-01", offset)
    return DateSpan(starts, midnight(add_months(local_day(starts, offset), 1), offset))


def months_of(first: int, last: int, *, offset: int) -> DateSpan:
    """Return the whole local months from one instant to another; 0 and 0 are not a span."""
    if not first and not last:
        return DateSpan(0, 0)
    begin = parse_instant(local_date(first, offset)[:7] + "-01", offset)
    end = parse_instant(local_date(last, offset)[:7] + "-01", offset)
    return DateSpan(begin, midnight(add_months(local_day(end, offset), 1), offset))


def span_of(instants: Sequence[int], *, offset: int) -> DateSpan:
    """Return the whole local months of some instants; no span where there are none."""
    return months_of(min(instants, default=0), max(instants, default=0), offset=offset)


def booked_at(used: int, span: DateSpan | None) -> int:
    """Return the instant of a charge: when it was used, inside the billing period that it is in."""
    if span is None:
        return used
    return min(max(used, span.starts), span.ends - SECOND) if used else span.starts


def choice(cell: str, line: int, column: str, *, words: tuple[str, ...]) -> str:
    """Read one of a few words. Raises: BadStatement."""
    if cell.strip() not in words:
        said = f"{cell!r} is not one of {', '.join(words)}"
        with placed(line, column):
            raise InvalidInput(said, hint="use one of these values")
    return cell.strip()


def rounded(text: str) -> bool:
    """Return whether a spreadsheet left only a part of an id."""
    return ("+" in text or "#" in text) and _ROUNDED.fullmatch(text) is not None


def nameless(when: int, fine: int, currency: str, *, offset: int) -> str:
    """Name a row that has no id by what it says, so that its place does not matter."""
    return f"{local_date(when, offset)} {write_amount(fine, currency)}"
