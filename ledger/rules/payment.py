"""What an order is and what pays it: months, terms, list prices, coupons, all-or-nothing cash.

Decides R12 (fee operations while overdue), R21 (T), R24 (months), R26, R38, R39 and R43.
Emits nothing: the families of orders, renewals and bills do.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ledger.account.ordering import ordering
from ledger.commands import AUTO, NONE
from ledger.errors import (
    AccountOverdue,
    CouponNotEligible,
    InsufficientBalance,
    InvalidPeriod,
    UnknownSku,
)
from ledger.money import format_minor
from ledger.periods import format_instant, term_end
from ledger.state import ENTERPRISE, TRIAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.rules.batch import Batch
    from ledger.state import AccountState, Coupon, Instance

IOT_ENTERPRISE = "iot_enterprise"
IOT_PUBLIC = "iot_public"
ORDER_MONTHS = frozenset((*range(1, 10), 12, 24, 36))  # R24
TICKED_MONTHS = 1  # R29: ticking auto-renewal sets one month whatever was bought


class Quote(NamedTuple):
    """How an order would be paid, in minor units."""

    coupon: str | None
    coupon_part: int
    cash_part: int


def product_of(instance: Instance) -> str:
    """Return the product that an instance's bills and orders belong to."""
    return IOT_ENTERPRISE if instance.kind in (ENTERPRISE, TRIAL) else IOT_PUBLIC


def require_order_months(months: int) -> None:
    """Refuse months that no order can have (R24)."""
    if months not in ORDER_MONTHS:
        raise InvalidPeriod(f"{months} is not a number of months that can be bought", rule="R24")


def end_of_term(batch: Batch, anchor: int, months: int) -> int:
    """Return T for an anchor and the months bought so far, under the policy in force (R21)."""
    policy = batch.config.policy
    return term_end(anchor, months, offset=policy.calendar_offset, exact=bool(policy.expiry))


def list_price(batch: Batch, sku: str) -> int:
    """Return the current monthly list price of a sku, in the account's currency.

    Raises: UnknownSku; prices are in the ledger's currency, other accounts have none.
    """
    price = batch.config.prices.get(sku)
    if price is None or batch.state.currency != batch.config.currency:
        raise UnknownSku(f"sku {sku!r} has no list price in {batch.state.currency}", rule="R24")
    return price


def require_not_overdue(state: AccountState) -> None:
    """Refuse a fee operation while the account is overdue, before looking at funds (R12)."""
    if state.items:
        missing = format_minor(state.outstanding, state.currency)
        msg = f"account {state.account!r} is overdue: {missing} {state.currency} is outstanding"
        raise AccountOverdue(msg, rule="R12", needed=state.outstanding, available=state.cash)


def in_scope(coupon: Coupon, *, product: str, order_type: str, gross: int) -> bool:
    """Return whether a coupon is for such an order or bill: product, type, spend reached (R38)."""
    return (
        (coupon.products is None or product in coupon.products)
        and (coupon.order_types is None or order_type in coupon.order_types)
        and coupon.minimum_spend <= gross
    )


def can_be_used(coupon: Coupon, now: int) -> bool:
    """Return whether a coupon has started, has not ended, and has something remaining (R38)."""
    return coupon.starts <= now < coupon.ends and not coupon.expired and coupon.remaining > 0


def eligible(coupon: Coupon, *, now: int, product: str, order_type: str, gross: int) -> bool:
    """Return whether a coupon can pay (R38)."""
    return can_be_used(coupon, now) and in_scope(
        coupon, product=product, order_type=order_type, gross=gross
    )


def coupons_for_bill(batch: Batch, *, product: str, gross: int) -> Iterator[Coupon]:
    """Yield the coupons for a bill: earliest end, then earliest grant, then id (R43)."""
    fits = partial(in_scope, product=product, order_type="pay_as_you_go", gross=gross)
    state = batch.state
    for coupon in ordering(state, batch.config.policy).by_end(state, fits):
        if can_be_used(coupon, batch.now):
            yield coupon


def coupon_for_order(batch: Batch, wanted: str, *, order_type: str, gross: int) -> Coupon | None:
    """Choose the one coupon of an order, or check the one that was named (R39).

    Default: largest remaining, then earliest end, then earliest grant, then id.
    Raises: CouponNotEligible.
    """
    if wanted == NONE:
        return None
    state, now = batch.state, batch.now
    fits = partial(in_scope, product=IOT_ENTERPRISE, order_type=order_type, gross=gross)
    if wanted != AUTO:
        named = state.coupons.get(wanted)
        if named is None or not (can_be_used(named, now) and fits(named)):
            msg = f"coupon {wanted!r} cannot pay this {order_type} order"
            reasons = _why_not(batch, named, order_type=order_type, gross=gross)
            remedy = f"{wanted}: {', '.join(reasons)}; {CouponNotEligible.remedy}"
            error = CouponNotEligible(msg, rule="R39", remedy=remedy)
            error.facts = {"coupons": [{"coupon": wanted, "reasons": reasons}]}
            raise error
        return named
    if not gross:
        return None
    usable = list(ordering(state, batch.config.policy).largest(state, fits))
    # What has ended by now was forfeited before anything else at this instant (section 3).
    assert all(can_be_used(coupon, now) for coupon in usable)  # noqa: S101 - our own bug
    return min(usable, key=_order_choice, default=None)


def _why_not(
    batch: Batch, coupon: Coupon | None, *, order_type: str, gross: int
) -> list[str]:
    """List every reason why a coupon cannot pay an Enterprise order now (R38)."""
    if coupon is None:
        return ["the account has no such coupon"]
    state, now, offset = batch.state, batch.now, batch.config.policy.calendar_offset
    least = f"{format_minor(coupon.minimum_spend, state.currency)} {state.currency}"
    cost = f"{format_minor(gross, state.currency)} {state.currency}"
    products, types = coupon.products or (), coupon.order_types or ()
    reasons = (
        (now < coupon.starts, f"valid from {format_instant(coupon.starts, offset)} on"),
        (coupon.expired or coupon.ends <= now, f"ended {format_instant(coupon.ends, offset)}"),
        (not coupon.expired and coupon.remaining <= 0, "used up"),
        (coupon.products is not None and IOT_ENTERPRISE not in products,
         f"for {' and '.join(products) or 'no product'}, not for {IOT_ENTERPRISE}"),
        (coupon.order_types is not None and order_type not in types,
         f"for {' and '.join(types) or 'no'} orders, not for {order_type}"),
        (coupon.minimum_spend > gross, f"for orders from {least} on, this one costs {cost}"),
    )  # fmt: skip
    return [said for holds, said in reasons if holds]


def _order_choice(coupon: Coupon) -> tuple[int, int, int, str]:
    return -coupon.remaining, coupon.ends, coupon.granted_at, coupon.coupon


def pay_order(batch: Batch, *, order_type: str, gross: int, wanted: str) -> Quote:
    """Decide how an order is paid: at most one coupon plus cash, or not at all (R26).

    Checks overdue, then the coupon, then the funds. Raises: AccountOverdue, CouponNotEligible,
    InsufficientBalance (with what was needed and what one coupon and the cash would give).
    """
    state = batch.state
    require_not_overdue(state)
    coupon = coupon_for_order(batch, wanted, order_type=order_type, gross=gross)
    part = min(coupon.remaining, gross) if coupon is not None else 0
    if gross - part > state.cash:
        needed = format_minor(gross, state.currency)
        there = format_minor(state.cash + part, state.currency)
        msg = f"the order costs {needed} {state.currency}, cash and one coupon give {there}"
        raise InsufficientBalance(msg, rule="R26", needed=gross, available=state.cash + part)
    return Quote(coupon.coupon if coupon is not None else None, part, gross - part)
