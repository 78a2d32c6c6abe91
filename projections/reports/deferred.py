"""The cash of terms, earned and not yet: ``tally.deferred/1``.

Invariant: what is deferred is the account Liabilities:Deferred, or the answer says that it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, TypeAlias, cast

from msgspec import UNSET, Meta, UnsetType

from projections.answers.books import OfSpan, exact
from projections.answers.terms import (
    Amount,
    Currency,
    Id,
    Instant,
    Money,
    Part,
    Position,
    Restated,
    Typed,
)
from projections.journal.books import books_at
from projections.journal.chart import DEFERRED, minor_unit
from projections.opened import SQL
from projections.pages import Page, Sheet
from projections.reports import Option, Report

if TYPE_CHECKING:
    from projections.journal.chart import Key
    from projections.point import Point
    from projections.reports import Question
    from projections.view import LedgerView

OrderKind: TypeAlias = Literal["new", "renew", "upgrade"]


class TermShown(Part, frozen=True, kw_only=True):
    """A paid term: its cash, and what of it is earned, straight line by the second."""

    account: Id
    instance: Id
    order: OrderKind
    position: Position
    starts: Instant
    ends: Instant
    currency: Currency
    cash: Money
    earned: Money
    deferred: Money
    refunded: Money


class DeferredTotal(Part, frozen=True, kw_only=True):
    """What a currency comes to."""

    currency: Currency
    deferred: Amount
    booked: Annotated[Amount, Meta(description="What the account Liabilities:Deferred says.")]
    ties: bool


class Deferred(OfSpan, frozen=True, kw_only=True, tag="tally.deferred/1"):
    """The cash of terms: earned, and not yet."""

    rows: Sequence[TermShown]
    totals: Sequence[DeferredTotal]
    ties: bool
    restated: Restated | UnsetType = UNSET


class TermRow(NamedTuple):
    """A term as either way tells it; ``unearned`` and ``refunded`` in minor units."""

    account: str
    instance: str
    order: str
    position: int
    starts: int
    ends: int
    currency: str
    cash: int
    unearned: int
    refunded: int


def figures(view: LedgerView, question: Question) -> Deferred:
    """Return each paid term that is not over; with the option ``everything`` those that are too."""
    point, account = question.point, question.account
    everything = bool(question.options.get("everything"))
    asked = account is None and not everything
    if asked and view.derivation(point, None, stored=False) == SQL:
        held, balances = _asked(view, point)
    else:
        held, balances = _folded(view, question)
    totals = _totals(held, balances)
    return Deferred(
        point=view.shown(point), starts=question.since(view.offset), account=account,
        rows=[_row(one, view.offset) for one in held if everything or one.unearned],
        totals=totals, ties=all(total.ties for total in totals),
        restated=view.restated("deferred", point, account),
    )  # fmt: skip


def _asked(view: LedgerView, point: Point) -> tuple[list[TermRow], dict[Key, int]]:
    """Ask the columns for the terms that run."""
    from projections.columns.books import ORDERS, ColumnBooks  # noqa: PLC0415 - loaded when needed

    books = ColumnBooks(view.columns(point, SQL), point)
    return [
        TermRow(
            term.account, term.instance, ORDERS[term.type], term.position, term.starts, term.ends,
            books.currencies[term.account], term.cash, term.unearned(point.seen_at), 0,
        )
        for term in books.terms
    ], {balance.key: balance.amount for balance in books.balances()}  # fmt: skip


def _folded(view: LedgerView, question: Question) -> tuple[list[TermRow], dict[Key, int]]:
    point = question.point
    books = books_at(view.reader, point, question.account, progress=question.progress)
    return [
        TermRow(
            one.account, one.instance, one.order, one.position, one.starts, one.ends, one.currency,
            one.cash, one.unearned(point.seen_at), 0 if one.kept is None else one.cash - one.kept,
        )
        for one in books.schedules.terms()
    ], books.balances(point.seen_at)  # fmt: skip


def _row(one: TermRow, offset: int) -> TermShown:
    write = Typed(offset=offset, currency=one.currency)
    return TermShown(
        account=one.account, instance=one.instance, order=cast("OrderKind", one.order),
        position=one.position, starts=write.instant(one.starts), ends=write.instant(one.ends),
        currency=one.currency, cash=write.money(one.cash),
        earned=write.money(one.cash - one.unearned - one.refunded),
        deferred=write.money(one.unearned), refunded=write.money(one.refunded),
    )  # fmt: skip


def _totals(held: list[TermRow], balances: dict[Key, int]) -> list[DeferredTotal]:
    booked: dict[str, int] = {}
    for key, amount in balances.items():
        if key.account.root == DEFERRED:
            booked[key.commodity] = booked.get(key.commodity, 0) - amount
    unearned = dict.fromkeys(booked, 0)
    for one in held:
        if one.cash:
            unearned[one.currency] += one.unearned * minor_unit(one.currency)
    return [
        DeferredTotal(
            currency=name, deferred=exact(unearned[name], name), booked=exact(booked[name], name),
            ties=unearned[name] == booked[name],
        )
        for name in sorted(booked)
    ]  # fmt: skip


def page(found: Deferred) -> Page:
    """Show every term, then whether the books say the same."""
    terms = Sheet(
        ("account", "instance", "order", "starts", "ends", "cash", "earned", "deferred"),
        [(row.account, row.instance, row.order, row.starts.date(), row.ends.date(), row.cash,
          row.earned, row.deferred) for row in found.rows],
    )  # fmt: skip
    totals = [
        f"deferred {one.deferred} {one.currency}, "
        f"{'as booked' if one.ties else f'but booked {one.booked}'}"
        for one in found.totals
    ]
    return [*([terms] if found.rows else []), *totals] or ["nothing is deferred"]


REPORT = Report(
    """Show each paid term that is not over, earned straight line by the second.

    The total must equal Liabilities:Deferred; exits with status 1 if not.
    """,
    Deferred, figures, page,
    examples=(
        "tally report deferred", "tally report deferred --at 2025-03-31 --csv",
        "tally report deferred a-1 --all",
    ),
    title="deferred revenue", span=False, holds="ties",
    options=(Option("everything", "Include terms that are over or refunded.", spelled="--all"),),
)  # fmt: skip
