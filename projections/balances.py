"""The view ``balances``: one row an account. Minor units; coupons = what is left to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.projection import Projection, ViewRow

if TYPE_CHECKING:
    from ledger.policy import Policy
    from ledger.state import AccountState


def rows(state: AccountState, _: Policy) -> list[ViewRow]:
    """Return the account's one row."""
    coupons = sum(coupon.remaining for coupon in state.coupons.values())
    return [
        (
            state.account, state.currency, state.cash, state.outstanding, state.available,
            coupons, state.overdue_since,
        )
    ]  # fmt: skip


BALANCES = Projection(
    name="balances",
    version=1,
    columns=(
        ("account", "TEXT"), ("currency", "TEXT"), ("cash", "INTEGER"),
        ("outstanding", "INTEGER"), ("available", "INTEGER"), ("coupons", "INTEGER"),
        ("overdue_since", "INTEGER"),
    ),
    key=1,
    rows=rows,
)  # fmt: skip
