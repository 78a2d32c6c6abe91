"""Cells of a FOCUS row: nulls, costs in any spelling that the standard has, instants in UTC.

Invariant: a cost is exact or refused; an instant without a zone is UTC, as the standard says.
This module must not know which column it reads.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ledger.errors import InvalidInput
from ledger.periods import parse_instant
from projections.reconciliation.amounts import DECIMALS, read_amount

if TYPE_CHECKING:
    from collections.abc import Iterable

NULL: Final = "NULL"  # how a part says that an odd cell is null
NULLS: Final = ("", "NULL", "null", "Null")
# What the engines sum as it stands: digits, at most this many, and an exponent. Others are odd.
PLAIN: Final = r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?"
PLAIN_LONGEST: Final = 28  # of a mantissa: the sum of billions of them fits into 128 bits
# An instant that is UTC as it stands. Others (an offset, a spreadsheet's date) are odd.
UTC: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+)?(Z|[+]00(:?00)?)?"
WHOLE_MAX: Final = 20  # digits before the point
DIGITS_MAX: Final = 1000  # of a mantissa: zeros at its ends may be more than what counts

_NULL, _ASK = "null, which FOCUS does not allow here", "ask for the file again"
_PLAIN = re.compile(PLAIN)
_SIGN = re.compile(r"^([-(+]?)\s*(?:[$€£¥￥]|US[$])\s*")
_SLASHED = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})(?: .*)?", re.ASCII)
_ZONE = re.compile(r"(?<=[0-9])\s*(UTC|GMT)$")
_SHORT_ZONE = re.compile(r"([+-][0-9]{2})([0-9]{2})?$", re.ASCII)
_MINUTES = re.compile(r"[T ][0-9]{2}:[0-9]{2}$", re.ASCII)


def scaled(digits: int, scale: int) -> int:
    """Turn ``digits`` x 10**-scale into fine units, exactly. Raises: InvalidInput."""
    if not digits:
        return 0
    if scale <= DECIMALS:
        if DECIMALS - scale > DECIMALS + WHOLE_MAX:
            raise InvalidInput("too large for a cost", hint=f"at most {WHOLE_MAX} digits")
        fine: int = digits * 10 ** (DECIMALS - scale)
    else:
        fine, rest = divmod(digits, 10 ** min(scale - DECIMALS, 4000))
        if rest:
            msg = f"more than {DECIMALS} decimals"
            raise InvalidInput(msg, hint="no provider bills such a fraction: see what wrote it")
    return fine


def read_cost(text: str) -> int:
    """Read a cost in any spelling: E notation, a currency sign, thousands in groups, brackets.

    Raises: InvalidInput.
    """
    plain = _SIGN.sub(r"\1", text.strip())
    if plain in NULLS:
        raise InvalidInput(_NULL, hint=_ASK)
    if _PLAIN.fullmatch(plain) is None:
        return read_amount(plain)
    return scaled(*apart(plain))


def apart(plain: str) -> tuple[int, int]:
    """Split a plain cost: its digits, and how many of them are decimals. Raises: InvalidInput."""
    mantissa, _, exponent = plain.lower().partition("e")
    whole, _, part = mantissa.partition(".")
    if len(whole) + len(part) > DIGITS_MAX:
        msg = f"{len(whole) + len(part)} digits are too many for a cost"
        raise InvalidInput(msg, hint=f"at most {WHOLE_MAX} before the point, {DECIMALS} after it")
    return int(whole + part), len(part) - (int(exponent) if exponent else 0)


def read_instant(text: str, *, day_first: bool = False) -> int:
    """Read an instant; none without a zone is local. Raises: InvalidInput."""
    plain = _ZONE.sub("Z", text.strip())
    if plain in NULLS:
        raise InvalidInput(_NULL, hint=_ASK)
    slashed = _SLASHED.fullmatch(plain)
    if slashed is not None:
        first, second, year = slashed.groups()
        month, day = (second, first) if day_first else (first, second)
        plain = f"{('20' + year)[-4:]}-{month:0>2}-{day:0>2}"
    head, tail = plain[:10], plain[10:]
    zone = _SHORT_ZONE.search(tail)
    if zone is not None:
        tail = f"{tail[: zone.start()]}{zone[1]}:{zone[2] or '00'}"
    elif _MINUTES.fullmatch(tail):
        tail += ":00"
    return parse_instant(head + tail, 0)


def day_first(periods: Iterable[str]) -> bool | None:
    """Return which part of a spreadsheet's dates is the day, by the billing periods of the file.

    A billing period begins on the first of a month: where only one of both readings has that for
    all, it is the right one. None where nothing tells, or where no date is written so.
    """
    found = [match for match in map(_SLASHED.fullmatch, set(periods)) if match is not None]
    month_led = all(match[2].lstrip("0") == "1" for match in found)
    day_led = all(match[1].lstrip("0") == "1" for match in found)
    return day_led if found and month_led != day_led else None


def slashed(text: str) -> bool:
    """Return whether a spreadsheet wrote this date."""
    return _SLASHED.fullmatch(text.strip()) is not None
