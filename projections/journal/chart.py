"""The chart of accounts, and what an amount is in the books.

Invariant: an account is a root of this page and, where there are many of a kind, whose it is; the
same root never holds both money and coupons. Debit is plus, credit is minus. This module must not
know events.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from ledger.money import RATED_SCALE, exponent

PSP = "Assets:PSP"  # by channel: what the payment providers took in for us
RECEIVABLE = "Assets:Receivable"  # by customer: unpaid items
CLEARING = "Assets:Clearing:Reversal"  # by customer: reversed, the debt not recorded yet (R4, R11)
WALLET = "Liabilities:Wallet"  # by customer: prepaid cash
DEFERRED = "Liabilities:Deferred"  # by product: cash for terms that are not over
USAGE = "Income:Usage"  # by product
SUBSCRIPTION = "Income:Subscription"  # by product
BY_COUPON = "Income:Discount:Coupon"
BY_ROUND_DOWN = "Income:Discount:RoundDown"
UPGRADE_FEES = "Income:Fees:Upgrade"
GRANTED = "Equity:Coupon:Granted"
OUTSTANDING = "Equity:Coupon:Outstanding"  # by customer: coupons that can still be used
REDEEMED = "Equity:Coupon:Redeemed"
FORFEITED = "Equity:Coupon:Forfeited"
RESTORED = "Equity:Coupon:Restored"

MEMO = "Equity:Coupon"
MEMO_SUFFIX = "CPN"  # CNYCPN: coupons are not money, and never add to it

# The accounts that something else in the ledger can be compared with, line by line.
CONTROLS = (PSP, CLEARING, RECEIVABLE, WALLET, DEFERRED, OUTSTANDING)
ROOTS = (
    PSP, RECEIVABLE, CLEARING, WALLET, DEFERRED, USAGE, SUBSCRIPTION, BY_COUPON, BY_ROUND_DOWN,
    UPGRADE_FEES, GRANTED, OUTSTANDING, REDEEMED, FORFEITED, RESTORED,
)  # fmt: skip

SUBSCRIBED = "iot_enterprise"  # the one product that is sold by the term (R21, R45, R46)


class BookAccount(NamedTuple):
    """One account of the books: ``Liabilities:Wallet`` of ``a-1``."""

    root: str
    owner: str = ""

    def __str__(self) -> str:
        """Write it with the real id."""
        return f"{self.root}:{self.owner}" if self.owner else self.root

    @property
    def memo(self) -> bool:
        """Whether it counts coupons, not money."""
        return self.root.startswith(MEMO)


class Posting(NamedTuple):
    """A change of one account: minor units, and beside them what is smaller than one.

    ``fraction`` counts 10**-RATED_SCALE major units; only round-down discounts have one (R8).
    """

    account: BookAccount
    minor: int
    fraction: int = 0

    def scaled(self, currency: str) -> int:
        """Return the amount at the scale of the books."""
        return self.minor * minor_unit(currency) + self.fraction


class Key(NamedTuple):
    """A balance is of one account in one commodity."""

    account: BookAccount
    commodity: str


@cache
def minor_unit(currency: str) -> int:
    """Return how many units of the books one minor unit is: every currency has the one scale."""
    return int(10 ** (RATED_SCALE - exponent(currency)))


def commodity(account: BookAccount, currency: str) -> str:
    """Return what an account counts: the currency, or its coupons."""
    return currency + MEMO_SUFFIX if account.memo else currency


def currency_of(name: str) -> str:
    """Return the currency of a commodity, whose decimals it has."""
    return name.removesuffix(MEMO_SUFFIX) if len(name) > len(MEMO_SUFFIX) else name


def format_scaled(amount: int, name: str) -> str:
    """Write an amount of the books with its currency's decimals, and more only where it has any."""
    places = exponent(currency_of(name))
    sign = "-" if amount < 0 else ""
    whole, part = divmod(abs(amount), 10**RATED_SCALE)
    decimals = f"{part:0{RATED_SCALE}d}".rstrip("0").ljust(places, "0")
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"


def format_full(amount: int) -> str:
    """Write an amount of the books with all its decimals, for programs that infer a tolerance."""
    sign = "-" if amount < 0 else ""
    whole, part = divmod(abs(amount), 10**RATED_SCALE)
    return f"{sign}{whole}.{part:0{RATED_SCALE}d}"
