"""The trial balance of the books: ``tally.trial_balance/1``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from projections.answers.terms import (
    Amount,
    Answer,
    Currency,
    Exact,
    Id,
    Instant,
    Part,
    PointShown,
    Restated,
)
from projections.journal.chart import currency_of, format_scaled

if TYPE_CHECKING:
    from projections.journal.reports import TrialLine

Commodity: TypeAlias = Annotated[
    str,
    Meta(
        description="The currency, or the currency and CPN: coupons, which are not money.",
        pattern="^[A-Z]{3}(CPN)?$",
    ),
]


class BookLine(Part, frozen=True, kw_only=True):
    """One account of the books; ``balance`` is debit plus, credit minus."""

    account: Id
    currency: Currency
    commodity: Commodity
    debit: Amount
    credit: Amount
    balance: Amount


class BookTotal(Part, frozen=True, kw_only=True):
    """What a commodity comes to; ``difference`` is 0 where the books balance."""

    currency: Currency
    commodity: Commodity
    debit: Amount
    credit: Amount
    difference: Amount


class OfSpan(Answer, frozen=True, kw_only=True, tag=""):
    """What the answers of the books begin with.

    Attributes:
        starts: the beginning of the span; null from the first event on.
        account: the one customer that was asked for; null for all.

    """

    point: PointShown
    starts: Instant | None = field(name="from")
    account: Id | None


class TrialBalance(OfSpan, frozen=True, kw_only=True, tag="tally.trial_balance/1"):
    """The balance of every account of the books."""

    rows: Sequence[BookLine]
    derivation: Annotated[
        Literal["fold", "spark", "sql"],
        Meta(description="How it was derived: fold of events, or SQL over columns."),
    ]
    totals: Sequence[BookTotal]
    balanced: bool
    restated: Restated | UnsetType = UNSET


def exact(scaled: int, commodity: str) -> Exact:
    """Return an amount of the books."""
    return Exact(format_scaled(scaled, commodity))


def book_line(line: TrialLine) -> BookLine:
    """Return one line of a trial balance."""
    (account, name), amount = line
    balance, nothing = exact(amount, name), exact(0, name)
    return BookLine(
        account=str(account), currency=currency_of(name), commodity=name,
        debit=balance if amount > 0 else nothing,
        credit=exact(-amount, name) if amount < 0 else nothing, balance=balance,
    )  # fmt: skip


def book_totals(lines: Sequence[TrialLine]) -> list[BookTotal]:
    """Add the debits and the credits of each commodity up."""
    sums: dict[str, list[int]] = {}
    for key, amount in lines:
        both = sums.setdefault(key.commodity, [0, 0])
        both[amount < 0] += abs(amount)
    return [
        BookTotal(
            currency=currency_of(name), commodity=name,
            **{
                side: exact(amount, name)
                for side, amount in (
                    ("debit", debit), ("credit", credit), ("difference", debit - credit)
                )
            },
        )
        for name, (debit, credit) in sorted(sums.items())
    ]  # fmt: skip
