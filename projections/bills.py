"""The view ``bills``: one row a posted bill. Minor units; round_down in 10**-10 major units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.projection import Projection, ViewRow

if TYPE_CHECKING:
    from ledger.policy import Policy
    from ledger.state import AccountState


def rows(state: AccountState, _: Policy) -> list[ViewRow]:
    """Return one row a bill, by id."""
    return [
        (
            state.account, name, bill.instance, bill.product, bill.cycle_start, bill.cycle_end,
            bill.amount, bill.round_down, bill.posted_at, int(bill.late), bill.outstanding,
            bill.cash_paid, bill.coupons_paid, bill.credited,
        )
        for name, bill in sorted(state.bills.items())
    ]  # fmt: skip


BILLS = Projection(
    name="bills",
    version=1,
    columns=(
        ("account", "TEXT"), ("bill", "TEXT"), ("instance", "TEXT"), ("product", "TEXT"),
        ("cycle_start", "INTEGER"), ("cycle_end", "INTEGER"), ("amount", "INTEGER"),
        ("round_down", "INTEGER"), ("posted_at", "INTEGER"), ("late", "INTEGER"),
        ("outstanding", "INTEGER"), ("cash_paid", "INTEGER"), ("coupons_paid", "INTEGER"),
        ("credited", "INTEGER"),
    ),
    key=2,
    rows=rows,
)  # fmt: skip
