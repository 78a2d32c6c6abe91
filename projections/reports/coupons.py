"""Every coupon, and the coupon accounts of the books: ``tally.coupons/1``.

Invariant: the account Outstanding of the books is what is left, or ``ties`` is false (R1).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Literal

from msgspec import UNSET, UnsetType

from projections.answers.books import Commodity, OfSpan, exact
from projections.answers.state import status_within
from projections.answers.terms import (
    Amount,
    Currency,
    Id,
    Instant,
    Money,
    Part,
    Restated,
    Typed,
)
from projections.columns.books import CouponHeld, coupons
from projections.journal.chart import MEMO, OUTSTANDING, currency_of, minor_unit
from projections.journal.identities import coupons_left
from projections.journal.reports import by_root, trial_balance
from projections.opened import SQL
from projections.pages import Figure, Page, Sheet
from projections.reports import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from projections.journal.reports import TrialLine
    from projections.point import Point
    from projections.reports import Question
    from projections.view import LedgerView


class CouponRow(Part, frozen=True, kw_only=True):
    """A coupon: what was used, forfeited, left."""

    account: Id
    coupon: Id
    currency: Currency
    amount: Money
    used: Money
    forfeited: Money
    remaining: Money
    status: Literal["pending", "active", "ended"]
    starts: Instant
    ends: Instant


class CouponTotal(Part, frozen=True, kw_only=True):
    """What the coupon accounts of the books say."""

    account: Id
    currency: Currency
    commodity: Commodity
    balance: Amount


class CouponsReport(OfSpan, frozen=True, kw_only=True, tag="tally.coupons/1"):
    """Every coupon, and the coupon accounts of the books."""

    rows: Sequence[CouponRow]
    totals: Sequence[CouponTotal]
    ties: bool
    restated: Restated | UnsetType = UNSET


def figures(view: LedgerView, question: Question) -> CouponsReport:
    """Return every coupon, and what the books say of them."""
    point, account = question.point, question.account
    held, left, found = _held(view, point, account, question.progress)
    lines = by_root(found)
    memo = [line for line in lines if line.key.account.root.startswith(MEMO)]
    booked = {currency_of(line.key.commodity): line.amount for line in memo
              if line.key.account.root == OUTSTANDING}  # fmt: skip
    # Many coupons start and end at one instant.
    instant = cache(partial(Instant.at, offset=view.offset))
    return CouponsReport(
        point=view.shown(point), starts=question.since(view.offset), account=account,
        rows=[row_of(one, point.seen_at, view.offset, instant) for one in held],
        totals=[
            CouponTotal(
                account=line.key.account.root, currency=currency_of(line.key.commodity),
                commodity=line.key.commodity, balance=exact(line.amount, line.key.commodity),
            )
            for line in memo
        ],
        ties=all(booked.get(currency, 0) == amount for currency, amount in left.items()),
        restated=view.restated("coupons", point, account),
    )  # fmt: skip


def _held(
    view: LedgerView, point: Point, account: str | None, progress: Callable[[int, int], None] | None
) -> tuple[list[CouponHeld], dict[str, int], list[TrialLine]]:
    """Return every coupon, what is left of them by currency, and the books."""
    if account is None and view.derivation(point, None, stored=False) == SQL:
        return coupons(view.columns(point, SQL), point)
    held: list[CouponHeld] = []
    left: dict[str, int] = {}
    for state in view.states(point) if account is None else [view.state(account, point)]:
        held += [
            CouponHeld(
                state.account, name, state.currency, one.amount, one.used, one.remaining,
                one.forfeited, one.starts, one.ends,
            )
            for name, one in sorted(state.coupons.items())
        ]  # fmt: skip
        rest = coupons_left(state) * minor_unit(state.currency)
        left[state.currency] = left.get(state.currency, 0) + rest
    return held, left, trial_balance(view.reader, point, account, progress)


def row_of(one: CouponHeld, at: int, offset: int, instant: Callable[[int], Instant]) -> CouponRow:
    """Return one coupon; ``instant`` writes instants."""
    write = Typed(offset=offset, currency=one.currency)
    return CouponRow(
        account=one.account, coupon=one.coupon, currency=one.currency,
        amount=write.money(one.amount), used=write.money(one.used),
        forfeited=write.money(one.forfeited), remaining=write.money(one.remaining),
        status=status_within(one.starts, one.ends, at), starts=instant(one.starts),
        ends=instant(one.ends),
    )  # fmt: skip


def page(found: CouponsReport) -> Page:
    """Show every coupon, then the books."""
    if not found.rows:
        return ["no coupon was granted"]
    return [
        Sheet(
            ("account", "coupon", "status", "ends", "amount", "used", "forfeited", "remaining"),
            [(row.account, row.coupon, row.status, row.ends.date(), row.amount, row.used,
              row.forfeited, row.remaining) for row in found.rows],
        ),
        Sheet(
            ("account of the books", "balance", ""),
            [(total.account, total.balance, Figure(total.commodity)) for total in found.totals],
        ),
    ]  # fmt: skip


REPORT = Report(
    """Show every coupon: its face is what is used, forfeited and left (R1).

    Below it the coupon accounts of the books; Outstanding must equal what is left. Exits with
    status 1 if they disagree.
    """,
    CouponsReport, figures, page,
    examples=("tally report coupons", "tally report coupons a-1 --at 2025-03-31"),
    span=False, holds="ties",
)  # fmt: skip
