"""What each event does to the control accounts: cash, outstanding, coupons; in minor units.

Invariant: balances are the sums of these effects; the fold (ledger/account.py) comes to the same
figures another way, and the evidence pack's own program to the same a third way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import events as e

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

Paid = e.InstancePurchased | e.InstanceRenewed | e.UpgradedToEnterprise | e.SpecUpgraded
CONTROL_ACCOUNTS = ("cash", "outstanding", "coupons")


class Effect(NamedTuple):
    """Changes of one event, in minor units."""

    cash: int = 0
    outstanding: int = 0
    coupons: int = 0


NOTHING = Effect()


def _paid(ev: Paid) -> Effect:
    return Effect(cash=-ev.cash_part, coupons=-ev.coupon_part)


def _settled(ev: e.BillSettled) -> Effect:
    coupons = sum(part for _, part in ev.coupons)
    return Effect(-ev.cash_part, -ev.cash_part - coupons, -coupons)


def _credited(ev: e.CreditNoteIssued) -> Effect:
    restored = sum(part for _, part in ev.coupons_restored)
    return Effect(ev.cash_part, -ev.outstanding_part, restored)


EFFECTS: dict[type[e.Event], Callable[[Any], Effect]] = {
    e.TopUpReceived: lambda ev: Effect(cash=ev.amount),
    e.TopUpReversed: lambda ev: Effect(cash=-ev.cash_part),
    e.DebtRecorded: lambda ev: Effect(outstanding=ev.amount),
    e.CouponGranted: lambda ev: Effect(coupons=ev.amount),
    e.CouponExpired: lambda ev: Effect(coupons=-ev.forfeited),
    e.BillPosted: lambda ev: Effect(outstanding=ev.amount),
    e.BillSettled: _settled,
    e.CreditNoteIssued: _credited,
    e.RefundIssued: lambda ev: Effect(cash=ev.amount),
    e.InstancePurchased: _paid,
    e.InstanceRenewed: _paid,
    e.UpgradedToEnterprise: _paid,
    e.SpecUpgraded: _paid,
}


def effect(event: e.Event) -> Effect:
    """Give what an event does to the control accounts."""
    found = EFFECTS.get(type(event))
    return found(event) if found is not None else NOTHING
