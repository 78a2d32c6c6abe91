"""Money: integer minor units inside, exact decimal strings at every edge (RULEBOOK section 0).

Invariant: no float ever; nothing is lost or made by parsing, formatting or splitting.
This module must not know accounts, bills or coupons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.errors import InvalidAmount, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

# ISO 4217 exponents of the currencies that the vendor bills in; all others have two.
_EXPONENTS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "BHD": 3, "KWD": 3, "OMR": 3, "TND": 3}

RATED_SCALE = 10  # decimals that a rated amount may carry (INTERFACE section 1)
MINOR_MAX = 10**15  # keeps every sum of a ledger inside a signed 64-bit column


def exponent(currency: str) -> int:
    """Say how many decimals ``currency`` has."""
    return _EXPONENTS.get(currency, 2)


def check_currency(currency: str) -> str:
    """Return ``currency`` if it is spelled like an ISO 4217 code.

    Raises: InvalidInput.
    """
    if len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper():
        return currency
    msg = f"{currency!r} is not a currency code"
    raise InvalidInput(msg, hint="three capital letters as in ISO 4217, e.g. CNY")


def _scaled(amount: Decimal, scale: int, *, least: int, what: str) -> int:
    _, digits, decimals = amount.as_tuple()
    if not isinstance(decimals, int) or decimals > 0:
        msg = f"{what} {amount} is not a plain decimal number"
        raise InvalidInput(msg, hint='write it like "350.00"')
    if -decimals > scale:
        msg = f"{what} {amount} has more than {scale} decimals"
        raise InvalidAmount(msg, rule="R2")
    value: int = 0
    for digit in digits:
        value = value * 10 + digit
    value *= int(10 ** (scale + decimals))
    if amount.is_signed():
        value = -value
    if value < least:
        msg = f"{what} {amount} must be {'> 0' if least else '>= 0'}"
        raise InvalidAmount(msg, rule="R2")
    return value


def to_minor(amount: Decimal, currency: str, *, least: int = 1, what: str = "amount") -> int:
    """Turn a decimal amount of major units into minor units, exactly.

    Units: minor units of ``currency``. ``least`` is 1 for amounts, 0 for prices and thresholds.
    Raises: InvalidAmount (sign, decimals, size; R2), InvalidInput (not a plain number).
    """
    minor = _scaled(amount, exponent(currency), least=least, what=what)
    if minor > MINOR_MAX:
        msg = f"{what} {amount} is larger than this ledger can hold"
        raise InvalidAmount(msg, rule="R2")
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
        msg = f"rated {amount} is larger than this ledger can hold"
        raise InvalidAmount(msg, rule="R2")
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
