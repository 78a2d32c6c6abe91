"""Every account's money: ``tally.balances/1``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from projections.answers.state import Derivation
from projections.answers.terms import (
    Answer,
    Currency,
    Id,
    Instant,
    Money,
    Part,
    PointShown,
    Restated,
    Typed,
)

if TYPE_CHECKING:
    from projections.projection import ViewRow


class Balance(Part, frozen=True, kw_only=True):
    """One account's money; ``coupons`` is what is left of the active ones."""

    account: Id
    currency: Currency
    cash: Money
    outstanding: Money
    available: Money
    coupons: Money
    overdue: bool
    overdue_since: Instant | None


class Balances(Answer, frozen=True, kw_only=True, tag="tally.balances/1"):
    """Every account's money at a point."""

    point: PointShown
    derivation: Derivation
    rows: Sequence[Balance]
    restated: Restated | UnsetType = UNSET


def balance_of(row: ViewRow, offset: int) -> Balance:
    """Return one row of the stored view, or of what derives the same."""
    account, currency, *amounts, since = row
    write = Typed(offset=offset, currency=str(currency))
    cash, outstanding, available, coupons = (write.money(int(str(one))) for one in amounts)
    return Balance(
        account=str(account), currency=str(currency), cash=cash, outstanding=outstanding,
        available=available, coupons=coupons, overdue=since is not None,
        overdue_since=None if since is None else write.instant(int(since)),
    )  # fmt: skip
