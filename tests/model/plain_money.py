"""Money in the plain model: whole fen (int) inside, exact decimal text outside, no float."""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from .plain_errors import Refused, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAIN_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
CURRENCY_DECIMALS = 2
MOST_FEN = 10**15  # section 0
RATED_DECIMALS = 10  # only `rated` may carry more than the currency has


def read_decimal(value: object) -> Decimal:
    """A JSON string or number as the decimal it spells, with the decimals it spells."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise UsageError(f"not an amount: {value!r}")
    text = str(value)  # a float prints the shortest decimal that names it: 350.5 -> "350.5"
    if not PLAIN_DECIMAL.fullmatch(text):
        raise UsageError(f"not a plain decimal: {value!r}")
    return Decimal(text)


def decimals_of(amount: Decimal) -> int:
    """How many digits stand after the point."""
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int)
    return -exponent


def fen(amount: Decimal, *, zero_allowed: bool) -> int:
    """A checked amount in fen: > 0, or >= 0 where R2 allows zero."""
    if decimals_of(amount) > CURRENCY_DECIMALS or amount < 0 or (amount == 0 and not zero_allowed):
        raise Refused("INVALID_AMOUNT")
    if amount * 100 > MOST_FEN:
        raise Refused("INVALID_AMOUNT")
    return int(amount * 100)


def check_rated(rated: Decimal) -> Decimal:
    """A checked rated amount: >= 0, at most 10 decimals (R2)."""
    if decimals_of(rated) > RATED_DECIMALS or rated < 0 or rounded_down(rated) > MOST_FEN:
        raise Refused("INVALID_AMOUNT")
    return rated


def rounded_down(rated: Decimal) -> int:
    """R8: the billed amount is the rated one cut at the fen."""
    return int((rated * 100).to_integral_value(rounding=ROUND_DOWN))


def yuan(amount_fen: int) -> str:
    """Fen as the exact decimal text of every edge: 1250 -> "12.50", -5 -> "-0.05"."""
    sign = "-" if amount_fen < 0 else ""
    whole, rest = divmod(abs(amount_fen), 100)
    return f"{sign}{whole}.{rest:02d}"


def half_up(numerator: int, denominator: int) -> int:
    """A non-negative fraction rounded to the nearest whole, a half upwards (R47)."""
    return (2 * numerator + denominator) // (2 * denominator)


def split(part: int, prices: Mapping[str, int]) -> dict[str, int]:
    """R27: share `part` by price, largest remainder first, ties by instance id."""
    total = sum(prices.values())
    if total == 0:
        return dict.fromkeys(prices, 0)
    shares = {key: part * price // total for key, price in prices.items()}
    left_over = part - sum(shares.values())
    by_remainder = sorted(prices, key=lambda key: (-(part * prices[key] % total), key))
    for key in by_remainder[:left_over]:
        shares[key] += 1
    return shares
