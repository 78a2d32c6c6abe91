"""Every account's money, and its sums: ``tally.balances/1``, ``tally.totals/1``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from projections.answers.state import Derivation
from projections.answers.terms import (
    Answer,
    Count,
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
    from collections.abc import Iterable

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


class Total(Part, frozen=True, kw_only=True):
    """The accounts of one currency: how many, how many of them are overdue, their sums."""

    currency: Currency
    accounts: Count
    overdue: Count
    cash: Money
    outstanding: Money
    available: Money
    coupons: Money


class Totals(Answer, frozen=True, kw_only=True, tag="tally.totals/1"):
    """The sums of every account's money at a point; amounts of two currencies are never added."""

    point: PointShown
    derivation: Derivation
    rows: Sequence[Total]
    restated: Restated | UnsetType = UNSET


def totals_of(rows: Iterable[ViewRow], offset: int) -> list[Total]:
    """Sum rows of the stored view by currency."""
    sums: dict[str, list[int]] = {}
    for _, currency, *amounts, since in rows:
        own = sums.setdefault(str(currency), [0] * (2 + len(amounts)))
        added = (1, int(since is not None), *(int(str(amount)) for amount in amounts))
        for place, one in enumerate(added):
            own[place] += one
    found = []
    for currency, (accounts, overdue, *summed) in sorted(sums.items()):
        write = Typed(offset=offset, currency=currency)
        cash, outstanding, available, coupons = map(write.money, summed)
        found.append(Total(
            currency=currency, accounts=accounts, overdue=overdue, cash=cash,
            outstanding=outstanding, available=available, coupons=coupons,
        ))  # fmt: skip
    return found


SORTS = tuple(one for one in Balance.__struct_fields__ if one not in ("currency", "overdue"))


def arranged(
    rows: Iterable[Balance], *, sort: str | None, reverse: bool = False, top: int | None = None
) -> Iterable[Balance]:
    """Order rows by a field, amounts from the largest down, and keep the first ``top`` of them.

    Rows that are alike stay in the order of their accounts; what is not overdue comes last.
    """
    if sort is not None:
        down = sort in SORTS[1:5]
        every = list(rows)
        there = [row for row in every if getattr(row, sort) is not None]
        gone = [row for row in every if getattr(row, sort) is None]
        rows = sorted(there, key=lambda row: getattr(row, sort), reverse=down is not reverse) + gone
    return rows if top is None else islice(rows, top)


def balance_of(row: ViewRow, offset: int) -> Balance:
    """Return one row of the stored view, or of what derives the same."""
    account, currency, *amounts, since = row
    write = Typed(offset=offset, currency=str(currency))
    cash, outstanding, available, coupons = (write.money(int(str(amount))) for amount in amounts)
    return Balance(
        account=str(account), currency=str(currency), cash=cash, outstanding=outstanding,
        available=available, coupons=coupons, overdue=since is not None,
        overdue_since=None if since is None else write.instant(int(since)),
    )  # fmt: skip
