"""Money: integer minor units inside, exact decimal strings at every edge (RULEBOOK section 0).

Invariant: no float ever; nothing is lost or made by parsing, formatting or splitting.
This module must not know accounts, bills or coupons.
"""

from __future__ import annotations

from decimal import Context
from typing import TYPE_CHECKING

from ledger.currencies import DECIMALS, WITHOUT_MINOR_UNITS
from ledger.errors import InvalidAmount, InvalidInput
from ledger.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

RATED_SCALE = 10  # decimals that a rated amount may carry (INTERFACE section 1)
MINOR_MAX = 10**15  # of one amount (section 0)
# What an account may hold and owe in total, and what its coupons may have left: any sum of its
# events' amounts that a view, the columns or a server keeps stays inside a signed 64-bit integer.
HELD_MAX = 9 * 10**18
DIGITS_MAX = 15  # an amount of more digits before its point exceeds MINOR_MAX in any currency
_EXACT = Context(prec=DIGITS_MAX + 2 + RATED_SCALE)  # every digit of an amount so far


def exponent(currency: str) -> int:
    """Return how many decimals ``currency`` has; older ledgers may hold codes that do not exist."""
    return DECIMALS.get(currency, 2)


def check_currency(currency: str) -> str:
    """Return ``currency`` if it is a code of ISO 4217 with minor units (section 0).

    Raises: InvalidInput.
    """
    if currency in DECIMALS:
        return currency
    if currency in WITHOUT_MINOR_UNITS:
        msg = f"{currency} has no minor units: no amount of it can be counted"
    else:
        msg = f"{quoted(currency)} is not a currency of ISO 4217"
    raise InvalidInput(msg, hint="three upper-case letters of a currency in use, e.g. CNY")


def _scaled(amount: Decimal, scale: int, *, least: int, what: str) -> int:
    if amount.is_finite() and amount.adjusted() > DIGITS_MAX:
        raise _too_large(amount, what)
    decimals = amount.as_tuple().exponent
    if not isinstance(decimals, int) or decimals > 0:
        msg = f"{what} {quoted(amount)} is not a plain decimal number"
        raise InvalidInput(msg, hint='write it like "350.00"')
    if -decimals > scale:
        raise InvalidAmount(f"{what} {quoted(amount)} has more than {scale} decimals", rule="R2")
    value = int(_EXACT.scaleb(amount, scale))
    if value < least:
        raise InvalidAmount(f"{what} {amount} must be {'> 0' if least else '>= 0'}", rule="R2")
    return value


def _too_large(amount: Decimal, what: str) -> InvalidAmount:
    return InvalidAmount(
        f"{what} {quoted(amount)} is larger than this ledger can hold (10^15 minor units)",
        rule="R2",
    )


def to_minor(amount: Decimal, currency: str, *, least: int = 1, what: str = "amount") -> int:
    """Turn a decimal amount of major units into minor units, exactly.

    Units: minor units of ``currency``. ``least`` is 1 for amounts, 0 for prices and thresholds.
    Raises: InvalidAmount (sign, decimals, size; R2), InvalidInput (not a plain number).
    """
    minor = _scaled(amount, exponent(currency), least=least, what=what)
    if minor > MINOR_MAX:
        raise _too_large(amount, what)
    return minor


def to_rated(amount: Decimal, currency: str) -> tuple[int, int]:
    """Round a rated amount DOWN to the minor unit and keep what was cut (R8).

    Shape: (minor units, round-down discount in units of 10**-RATED_SCALE major units).
    Invariant: minor * 10**(RATED_SCALE - exponent) + discount == the rated amount.
    Raises: InvalidAmount, InvalidInput.
    """
    rated = _scaled(amount, RATED_SCALE, least=0, what="rated")
    minor, discount = divmod(rated, 10 ** (RATED_SCALE - exponent(currency)))
    if minor > MINOR_MAX:
        raise _too_large(amount, "rated")
    return minor, discount


def format_minor(minor: int, currency: str) -> str:
    """Write minor units as an exact decimal string of major units: ``-12.00``."""
    places = exponent(currency)
    if not places:
        return str(minor)
    sign = "-" if minor < 0 else ""
    whole, part = divmod(abs(minor), 10**places)
    return f"{sign}{whole}.{part:0{places}d}"


def format_rated(minor: int, round_down: int, currency: str) -> str:
    """Write a rated amount with all its decimals, at least those of the currency."""
    text = f"{round_down:0{RATED_SCALE - exponent(currency)}d}".rstrip("0")
    whole = format_minor(minor, currency)
    return whole + text if exponent(currency) or not text else f"{whole}.{text}"


def format_round_down(round_down: int, currency: str) -> str:
    """Write a round-down discount in major units, at least with the currency's decimals."""
    return format_rated(0, round_down, currency)


def allocate(total: int, weights: Sequence[int], keys: Sequence[str]) -> list[int]:
    """Split ``total`` by ``weights`` without losing or making a minor unit.

    Shape: result[i] belongs to weights[i]. Rounding: largest remainder, ties by key (R27).
    Invariant: sum(result) == total, or all zero where every weight is zero.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    left = total - sum(parts)
    order = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), keys[i]))
    for i in order[:left]:
        parts[i] += 1
    return parts


def divide_half_up(numerator: int, denominator: int) -> int:
    """Divide two integers >= 0 and round half up (R47)."""
    return (2 * numerator + denominator) // (2 * denominator)
