"""Amounts of statements: integers at one fine scale inside, exact decimal strings outside.

A statement may carry more decimals than its currency (R8: up to 10), so both sides are compared
in units of 10**-10 of the major unit.
Invariant: no float; a text that is not exactly a number is refused with what is wrong.
This module must not know where an amount stands or what it means.
"""

from __future__ import annotations

import re

from ledger.errors import InvalidInput
from ledger.money import RATED_SCALE, exponent

SCALE: int = 10**RATED_SCALE
_PLAIN = re.compile(r"([+-]?)(\d{0,20})(?:\.(\d{0,10}))?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([,\u00a0\u202f '_])\d{3})(?:\1\d{3})*(?:\.\d*)?", re.ASCII)


def read_amount(text: str, *, decimal: str = ".", thousands: str = ",") -> int:
    """Read ``1,234.50`` as fine units; brackets mean negative, an empty text is 0.

    Raises: InvalidInput.
    """
    plain = text.strip()
    if not plain:
        return 0
    negative = plain[0] == "(" and plain[-1] == ")"
    if negative:
        plain = plain[1:-1].strip()
    if decimal != ".":
        plain = plain.replace(thousands, "\0").replace(decimal, ".").replace("\0", ",")
        thousands = ","
    if thousands in plain:
        plain = _without_groups(plain, thousands, text)
    match = _PLAIN.fullmatch(plain)
    if match is None or not (match[2] or match[3]):
        msg = f"{text.strip()[:40]!r} is not an amount"
        raise InvalidInput(
            msg, hint=f"digits, at most {RATED_SCALE} decimals, groups of three if any"
        )
    part = match[3] or ""
    fine: int = int(match[2] or 0) * SCALE + int(part.ljust(RATED_SCALE, "0") or 0)
    return -fine if (match[1] == "-") != negative else fine


def _without_groups(plain: str, thousands: str, text: str) -> str:
    """Take the separators out, only where they part whole groups of three."""
    match = _GROUPED.fullmatch(plain)
    if match is None or match[1] != thousands:
        msg = f"{text.strip()[:40]!r} is not an amount: {thousands!r} does not part groups of three"
        raise InvalidInput(msg, hint="a column map can say decimal and thousands")
    return plain.replace(thousands, "")


def from_minor(minor: int, currency: str) -> int:
    """Turn the ledger's minor units into fine units."""
    scale: int = 10 ** (RATED_SCALE - exponent(currency))
    return minor * scale


def write_amount(fine: int, currency: str) -> str:
    """Write fine units exactly, with at least the currency's decimals."""
    whole, part = divmod(abs(fine), SCALE)
    text = f"{part:0{RATED_SCALE}d}".rstrip("0").ljust(exponent(currency), "0")
    sign = "-" if fine < 0 else ""
    return f"{sign}{whole}.{text}" if text else f"{sign}{whole}"
