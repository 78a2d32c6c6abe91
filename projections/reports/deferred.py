"""The cash of terms, earned and not yet: ``tally.deferred/1``.

Invariant: what is deferred is the account Liabilities:Deferred, or the answer says that it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, cast

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
from projections.journal.books import Books, books_at
from projections.journal.chart import DEFERRED, minor_unit
from projections.reports import Report

if TYPE_CHECKING:
    from projections.journal.schedules import Term
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


def figures(view: LedgerView, question: Question) -> Deferred:
    """Return each paid term that is not over; with the option ``everything`` those that are too."""
    point, account = question.point, question.account
    at, everything = point.seen_at, bool(question.options.get("everything"))
    books = books_at(view.reader, point, account, progress=question.progress)
    totals = _totals(books, at)
    return Deferred(
        point=view.shown(point), starts=question.since(view.offset), account=account,
        rows=[
            _row(term, at, view.offset)
            for term in books.schedules.terms()
            if everything or term.unearned(at)
        ],
        totals=totals, ties=all(one.ties for one in totals),
        restated=view.restated("deferred", point, account),
    )  # fmt: skip


def _row(term: Term, at: int, offset: int) -> TermShown:
    write = Typed(offset=offset, currency=term.currency)
    return TermShown(
        account=term.account, instance=term.instance, order=cast("OrderKind", term.order),
        position=term.position, starts=write.instant(term.starts), ends=write.instant(term.ends),
        currency=term.currency, cash=write.money(term.cash), earned=write.money(term.earned(at)),
        deferred=write.money(term.unearned(at)),
        refunded=write.money(0 if term.kept is None else term.cash - term.kept),
    )  # fmt: skip


def _totals(books: Books, at: int) -> list[DeferredTotal]:
    booked: dict[str, int] = {}
    for key, amount in books.balances(at).items():
        if key.account.root == DEFERRED:
            booked[key.commodity] = booked.get(key.commodity, 0) - amount
    unearned = dict.fromkeys(booked, 0)
    for term in books.schedules.terms():
        if term.cash:
            unearned[term.currency] += term.unearned(at) * minor_unit(term.currency)
    return [
        DeferredTotal(
            currency=name, deferred=exact(unearned[name], name), booked=exact(booked[name], name),
            ties=unearned[name] == booked[name],
        )
        for name in sorted(booked)
    ]  # fmt: skip


REPORT = Report("Cash of terms: earned, and not yet.", Deferred, figures)
