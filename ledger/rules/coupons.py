"""Coupons: granted, started, ended. How they pay is decided in ``payment`` and ``bills``.

Decides R37, R40 and, under the reading ``coupon_pays_posted``, R42.
Due transitions: a coupon's start, a coupon's end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger import commands as c
from ledger.account import deadlines as d
from ledger.account.ordering import oldest_first
from ledger.errors import AlreadyExists, InvalidPeriod
from ledger.events import BillSettled, CouponExpired, CouponGranted, CouponStarted
from ledger.rules.payment import eligible
from ledger.state import Bill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.rules.batch import Batch
    from ledger.state import Coupon


def _scope(wanted: Sequence[str] | None) -> tuple[str, ...] | None:
    if wanted is None or isinstance(wanted, str):
        return None
    return tuple(sorted(set(wanted)))


def grant_coupon(
    batch: Batch, command: c.GrantCoupon, *, amount: int, minimum_spend: int | None,
    effective_at: int,
) -> None:  # fmt: skip
    """Grant a coupon, valid on [start, end) (R37).

    The start defaults to now; for one recorded late that is its own instant (R11: its own period).
    """
    state = batch.state
    batch.require_room(coupons=amount)
    if command.coupon in state.coupons:
        raise AlreadyExists(f"coupon {command.coupon!r} exists", rule="R37")
    starts = effective_at if command.starts is None else command.starts
    ends = command.ends
    if starts >= ends:
        raise InvalidPeriod(f"coupon {command.coupon!r} would end before it starts", rule="R37")
    granted = batch.emit(
        CouponGranted(
            coupon=command.coupon, amount=amount, starts=starts, ends=ends,
            granted_at=batch.now, products=_scope(command.products),
            order_types=_scope(command.order_types), minimum_spend=minimum_spend or 0,
        ),
        effective_at=effective_at,
    )  # fmt: skip
    pay_posted(batch, state.coupons[command.coupon], cause=granted)


def start(batch: Batch, coupon: str) -> None:
    """Due: the coupon can be used from its start on (R37)."""
    started = batch.emit(CouponStarted(coupon=coupon))
    pay_posted(batch, batch.state.coupons[coupon], cause=started)


def end(batch: Batch, coupon: str) -> None:
    """Due: the remainder is forfeited at the end (R40)."""
    rest = batch.state.coupons[coupon].remaining
    batch.emit(CouponExpired(coupon=coupon, forfeited=rest))


def pay_posted(batch: Batch, coupon: Coupon, *, cause: int) -> None:
    """Let a coupon pay bills posted before it, where the policy reads R42 that way."""
    state = batch.state
    if not batch.config.policy.coupon_pays_posted:
        return
    for item in oldest_first(state):
        if not isinstance(item, Bill) or not eligible(
            coupon, now=batch.now, product=item.product, order_type="pay_as_you_go",
            gross=item.amount,
        ):  # fmt: skip
            continue
        part = min(coupon.remaining, item.outstanding)
        batch.emit(
            BillSettled(
                item=item.item, kind=item.kind, cash_part=0,
                outstanding=item.outstanding - part, coupons=((coupon.coupon, part),),
            ),
            cause=cause,
        )  # fmt: skip


DECISIONS: Final = {c.GrantCoupon: grant_coupon}
DUE: Final = {d.COUPON_START: start, d.COUPON_END: end}
