"""Amounts of statements: integers at one fine scale inside, exact decimal strings outside.

A statement may carry more decimals than its currency, and more than a rated amount may (R8: 10):
costs of providers have 12, and the noise of a stored float over 30. So both sides are compared in
units of 10**-60 of the major unit, where every such text is exact.
Invariant: no float; a text that is not exactly a number is refused with what is wrong.
This module must not know where an amount stands or what it means.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ledger.errors import InvalidInput
from ledger.money import RATED_SCALE, exponent
from projections.answers.terms import Exact

DECIMALS = 60
SCALE: int = 10**DECIMALS
_PLAIN = re.compile(rf"([+-]?)(\d{{0,20}})(?:\.(\d{{0,{DECIMALS}}})0*)?", re.ASCII)
_SIMPLE = re.compile(r"(\d{1,20})\.(\d{1,10})", re.ASCII)
_POWERS: tuple[int, ...] = tuple(10**places for places in range(DECIMALS + 1))
# What typesetting programs write where a minus is meant.
_MINUS = "\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d"
_WORDS = {"CR": 1, "DR": -1}
_BLANKS = dict.fromkeys(map(ord, "\u00a0\u202f\u2009"), " ")


def read_amount(text: str, *, decimal: str = ".", thousands: str = ",") -> int:
    """Read ``1,234.50`` as fine units; an empty text is 0, ``thousands`` may be empty.

    Negative are ``-5.00``, ``5.00-``, ``(5.00)``, ``5.00 DR`` and every sign that is printed for a
    minus. Raises: InvalidInput.
    """
    if decimal == "." and (simple := _SIMPLE.fullmatch(text)):  # as nearly all are
        return int(simple[1] + simple[2]) * _POWERS[DECIMALS - len(simple[2])]
    plain = text.strip()
    if not plain:
        return 0
    plain, sign = _without_sign(plain)
    if thousands == " ":
        plain = plain.translate(_BLANKS)
    if thousands and thousands in plain:
        if _grouped(decimal, thousands).fullmatch(plain) is None:
            msg = f"{text.strip()[:40]!r} is not an amount: {thousands!r} is misplaced in it"
            raise InvalidInput(msg, hint="a column map can say decimal and thousands")
        plain = plain.replace(thousands, "")
    if decimal != ".":
        plain = plain.replace(".", "\0").replace(decimal, ".")
    match = _PLAIN.fullmatch(plain)
    if match is None or not (match[2] or match[3]) or (sign and match[1]):
        msg = f"{text.strip()[:40]!r} is not an amount"
        raise InvalidInput(
            msg, hint=f"digits, at most {DECIMALS} decimals, groups of three if any"
        )
    part = match[3] or ""
    fine: int = int((match[2] or "") + part) * _POWERS[DECIMALS - len(part)]
    return -fine if match[1] == "-" or sign < 0 else fine


def _without_sign(plain: str) -> tuple[str, int]:
    """Strip a sign that is not in front; return the rest and 1, -1, or 0 for no sign."""
    if plain[0] == "(" and plain[-1] == ")":
        return plain[1:-1].strip(), -1
    if plain[-2:].upper() in _WORDS and plain[:1].isdigit():
        return plain[:-2].rstrip(), _WORDS[plain[-2:].upper()]
    if plain[0] in "+-" + _MINUS:
        return ("+" if plain[0] == "+" else "-") + plain[1:].lstrip(), 0
    if plain[-1] in "+-" + _MINUS:
        return plain[:-1].rstrip(), 1 if plain[-1] == "+" else -1
    return plain, 0


@lru_cache(maxsize=64)
def _grouped(decimal: str, thousands: str) -> re.Pattern[str]:
    """Return what a number looks like whose separators part whole groups of three."""
    mark, point = re.escape(thousands), re.escape(decimal)
    return re.compile(rf"[+-]?\d{{1,3}}(?:{mark}\d{{3}})+(?:{point}\d*)?", re.ASCII)


def from_minor(minor: int, currency: str) -> int:
    """Turn the ledger's minor units into fine units."""
    return minor * _POWERS[DECIMALS - exponent(currency)]


def write_amount(fine: int, currency: str) -> str:
    """Write fine units exactly, with at least the currency's decimals."""
    whole, part = divmod(abs(fine), SCALE)
    text = f"{part:0{DECIMALS}d}".rstrip("0").ljust(exponent(currency), "0")
    sign = "-" if fine < 0 else ""
    return f"{sign}{whole}.{text}" if text else f"{sign}{whole}"


def exact(fine: int, currency: str) -> Exact:
    """Return fine units as answers hold them."""
    return Exact(write_amount(fine, currency))


def hashed_amount(fine: int) -> str:
    """Write fine units as the ids of recorded breaks have them: in units of 10**-10."""
    whole, rest = divmod(fine, _POWERS[DECIMALS - RATED_SCALE])
    return f"{whole}.{rest}" if rest else str(whole)
