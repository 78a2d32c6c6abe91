"""The books as the columns tell them: another way to the figures of projections/journal.

SQL sums what every type of event moved, and lists the terms that are not over; here that is named
and scaled. What is earned of a term by an instant, and what a refund leaves of it, is one formula
for both ways.
Invariant: a line of the log is never read here. This module must not know how the books post an
event (projections/journal/postings.py): it is the second derivation, written on its own.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from ledger.events import type_name
from projections.journal import chart, schedules
from projections.journal.books import RECOGNISED
from projections.journal.chart import BookAccount, Key, commodity, minor_unit
from projections.journal.reports import (
    ControlMovement,
    TrialLine,
    before,
    by_root,
    in_chart_order,
    movements,
    of_root,
)
from projections.journal.schedules import EARNED_INTO, NEW, UPGRADE, kept_of, straight_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from projections.columns.asking import Asking
    from projections.columns.spark import Spark
    from projections.point import Point

ORDERS = {type_name(kind): order for kind, order in schedules.ORDERS.items()}
_CREDIT_NOTE, _REFUND = "CreditNoteIssued", "RefundIssued"
_DEFERRED = BookAccount(chart.DEFERRED, chart.SUBSCRIBED)


class MovedRow(NamedTuple):
    """What an account moved, or all accounts by a type of event: a line of ``moved.sql``."""

    account: str | None
    currency: str
    type: str
    channel: str | None
    product: str | None
    cash: int
    outstanding: int
    shortfall: int
    debt: int
    round_down: int
    granted: int
    used: int
    forfeited: int
    coupons: int
    most_cash: int
    most_outstanding: int
    most_reversed: int
    most_coupons: int


class TermRow(NamedTuple):
    """A term of ``terms.sql``."""

    account: str
    instance: str
    type: str
    position: int
    starts: int
    ends: int
    cash: int
    is_void: bool
    is_closed: bool
    refunded_at: int | None
    refunded: int | None

    def unearned(self, at: int) -> int:
        """Return what is deferred of its cash: nothing once it is closed."""
        if self.is_void or self.is_closed:
            return 0
        return self.cash - straight_line(self.cash, self.starts, self.ends, at)


def _of_customer(row: MovedRow) -> Iterator[tuple[str, str, int]]:
    """Yield the accounts that are kept by customer: root, owner, minor units."""
    account = str(row.account)
    if row.most_outstanding:
        yield chart.RECEIVABLE, account, row.outstanding
    if row.most_reversed:
        yield chart.CLEARING, account, row.shortfall - row.debt
    if row.most_cash:
        yield chart.WALLET, account, -row.cash
    if row.most_coupons:
        yield chart.OUTSTANDING, account, row.coupons


def _of_type(row: MovedRow) -> Iterator[tuple[str, str, int]]:
    """Yield what a type of event posted to the others; nothing where nothing moved."""
    kind, cash = row.type, row.cash
    if row.channel is not None:
        yield chart.PSP, row.channel, cash - row.shortfall
    if cash and (kind in ORDERS or kind == _REFUND):
        yield chart.DEFERRED, chart.SUBSCRIBED, cash
    if row.product is not None and (row.outstanding or row.round_down or cash or row.used):
        yield chart.USAGE, row.product, cash - row.outstanding - row.used
    if row.used:
        if kind in ("BillSettled", _CREDIT_NOTE):
            yield chart.BY_COUPON, "", row.used
        yield (chart.RESTORED if kind == _CREDIT_NOTE else chart.REDEEMED), "", row.used
    if row.granted:
        yield chart.GRANTED, "", -row.granted
    if row.forfeited:
        yield chart.FORFEITED, "", row.forfeited


class ColumnBooks:
    """What the columns say of the books at a point."""

    def __init__(self, asking: Asking | Spark, point: Point) -> None:
        """Ask for it."""
        self.at = point.seen_at
        moved = [MovedRow(*row) for row in asking.rows("moved", point)]  # type: ignore[arg-type]
        self.customers = [one for one in moved if one.account is not None]
        self.types = [one for one in moved if one.account is None]
        self._asked = (asking, point)
        self.currencies = {str(row.account): row.currency for row in self.customers}

    @cached_property
    def terms(self) -> list[TermRow]:
        """The terms that run, and those that refunds of a larger sku shared out."""
        asking, point = self._asked
        return [TermRow(*row) for row in asking.rows("terms", point)]  # type: ignore[arg-type]

    def posted(self) -> dict[Key, int]:
        """Return what events posted to every account."""
        found: dict[Key, int] = defaultdict(int)
        for row in (*self.customers, *self.types):
            for root, owner, minor in (_of_type if row.account is None else _of_customer)(row):
                account = BookAccount(root, owner)
                unit = minor_unit(row.currency)
                found[Key(account, commodity(account, row.currency))] += minor * unit
            if row.round_down:
                usage = BookAccount(chart.USAGE, str(row.product))
                found[Key(usage, row.currency)] -= row.round_down
                found[Key(BookAccount(chart.BY_ROUND_DOWN), row.currency)] += row.round_down
        return found

    def earned(self) -> dict[Key, int]:
        """Return what terms have earned: from deferred to income, as far as the books say it.

        Of all that was paid for terms, what came back is not earned, nor what is still to run.
        """
        sums: dict[tuple[str, BookAccount], int] = defaultdict(int)
        larger, usual = EARNED_INTO[UPGRADE], EARNED_INTO[NEW]
        for row in self.types:
            order = ORDERS.get(row.type)
            if order is not None:
                sums[row.currency, EARNED_INTO[order]] += -row.cash
            elif row.type == _REFUND:
                sums[row.currency, usual] -= row.cash
        for term in self.terms:
            sums[self.currencies[term.account], EARNED_INTO[ORDERS[term.type]]] -= (
                term.unearned(self.at)
            )
        for currency, amount in self._kept_larger():
            # What a refund left of a term for a larger sku; the rest of it was counted above.
            sums[currency, larger] -= amount
            sums[currency, usual] += amount
        found: dict[Key, int] = defaultdict(int)
        for (currency, income), minor in sums.items():
            found[Key(_DEFERRED, currency)] += minor * minor_unit(currency)
            found[Key(income, currency)] -= minor * minor_unit(currency)
        return found

    def _kept_larger(self) -> Iterator[tuple[str, int]]:
        """Yield what refunds took of terms for a larger sku, by currency."""
        for (account, _), group in groupby(self.terms, key=lambda one: one[:2]):
            terms = [one for one in group if not one.is_void]
            refunded_at, refunded = terms[0][-2:] if terms else (None, None)
            if refunded_at is None or refunded is None:
                continue
            cash = [one.cash for one in terms]
            earned = [straight_line(one.cash, one.starts, one.ends, refunded_at) for one in terms]
            for term, kept in zip(terms, kept_of(cash, earned, refunded), strict=True):
                if ORDERS[term.type] == UPGRADE:
                    yield self.currencies[account], term.cash - kept

    def controls(self) -> dict[Key, dict[str, int]]:
        """Return what every type of event moved of each control account, of its commodity."""
        found: dict[Key, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for row in self.types:
            moved = {
                chart.RECEIVABLE: row.outstanding, chart.CLEARING: row.shortfall - row.debt,
                chart.WALLET: -row.cash, chart.OUTSTANDING: row.coupons,
                **{root: minor for root, _, minor in _of_type(row) if root in chart.CONTROLS},
            }  # fmt: skip
            for root, minor in moved.items():
                account = BookAccount(root)
                key = Key(account, commodity(account, row.currency))
                found[key][row.type] += minor * minor_unit(row.currency)
        return found

    def balances(self) -> list[TrialLine]:
        """Return every account's balance, in the order of the chart."""
        balances = self.posted()
        for key, amount in self.earned().items():
            balances[key] += amount
        return in_chart_order(balances)


def trial_balance(asking: Asking | Spark, point: Point) -> list[TrialLine]:
    """Return every account's balance at a point, in the order of the chart."""
    return ColumnBooks(asking, point).balances()


def roll_forward(
    asking: Asking | Spark, point: Point, *, starts: int | None) -> list[ControlMovement
]:
    """Roll every control account forward to a point, from an instant or from nothing."""
    closing = ColumnBooks(asking, point)
    moved, last = closing.controls(), _sums(closing)
    for key, amount in closing.earned().items():
        moved[Key(of_root(key.account), key.commodity)][RECOGNISED] += amount
    first: dict[Key, int] = {}
    if starts is not None:
        opening = ColumnBooks(asking, before(point, starts))
        first = _sums(opening)
        for key, amount in opening.earned().items():
            moved[Key(of_root(key.account), key.commodity)][RECOGNISED] -= amount
        # An event of the last second before the span is in neither: the answer says so.
        until = ColumnBooks(asking, point._replace(at=starts - 1, everything=False))
        for found, types in until.controls().items():
            for name, amount in types.items():
                moved[found][name] -= amount
    return movements(first, moved, last)


def _sums(books: ColumnBooks) -> dict[Key, int]:
    return {line.key: line.amount for line in by_root(books.balances())}


class CouponHeld(NamedTuple):
    """A coupon, with the currency of its account."""

    account: str
    coupon: str
    currency: str
    amount: int
    used: int
    remaining: int
    forfeited: int
    starts: int
    ends: int


def coupons(
    asking: Asking | Spark, point: Point
) -> tuple[list[CouponHeld], dict[str, int], list[TrialLine]]:
    """Return every coupon, what is left of them by currency, and what events posted."""
    books = ColumnBooks(asking, point)
    found: list[CouponHeld] = []
    left = dict.fromkeys(books.currencies.values(), 0)
    for row in asking.rows("coupons", point):
        account, coupon, *rest = row
        held = CouponHeld(account, coupon, books.currencies[str(account)], *rest)  # type: ignore[arg-type]
        left[held.currency] += held.remaining
        found.append(held)
    for account, _, amount in asking.rows("early_parts", point):
        left[books.currencies[str(account)]] += int(str(amount))
    return found, {one: left[one] * minor_unit(one) for one in left}, in_chart_order(books.posted())
