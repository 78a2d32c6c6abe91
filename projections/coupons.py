"""The view ``coupons``: one row a coupon. Minor units; amount = used + remaining + forfeited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.projection import Projection, ViewRow

if TYPE_CHECKING:
    from ledger.policy import Policy
    from ledger.state import AccountState


def rows(state: AccountState, _: Policy) -> list[ViewRow]:
    """Return one row a coupon, by id."""
    return [
        (
            state.account, name, coupon.amount, coupon.used, coupon.remaining,
            coupon.forfeited, coupon.starts, coupon.ends,
        )
        for name, coupon in sorted(state.coupons.items())
    ]  # fmt: skip


COUPONS = Projection(
    name="coupons",
    version=1,
    columns=(
        ("account", "TEXT"), ("coupon", "TEXT"), ("amount", "INTEGER"), ("used", "INTEGER"),
        ("remaining", "INTEGER"), ("forfeited", "INTEGER"), ("starts", "INTEGER"),
        ("ends", "INTEGER"),
    ),
    key=2,
    rows=rows,
)  # fmt: skip
