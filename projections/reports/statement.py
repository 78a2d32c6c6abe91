"""One customer's money line by line: ``tally.statement/1``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from ledger import events as e
from ledger.errors import InvalidInput
from ledger.events import ACCOUNT_PREFIX, type_name
from projections.answers.books import OfSpan
from projections.answers.terms import Currency, Id, Instant, Money, Part, Position, Restated, Typed
from projections.effects import NOTHING, Effect, effect
from projections.point import history
from projections.reports import Report

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from projections.reports import Question
    from projections.view import LedgerView

WORDS: dict[type[e.Event], str] = {
    e.TopUpReceived: "top-up", e.TopUpReversed: "reversal", e.DebtRecorded: "debt",
    e.CouponGranted: "coupon", e.CouponExpired: "coupon ended", e.BillPosted: "bill",
    e.BillSettled: "payment", e.CreditNoteIssued: "credit note", e.InstancePurchased: "purchase",
    e.InstanceRenewed: "renewal", e.UpgradedToEnterprise: "upgrade", e.SpecUpgraded: "spec upgrade",
    e.RefundIssued: "refund",
}  # fmt: skip
NAMES = ("note", "bill", "item", "coupon", "instance", "serial")
CHANGES = ("cash", "outstanding", "available", "coupons")


class Sides(Part, frozen=True, kw_only=True):
    """The four figures of an account."""

    cash: Money
    outstanding: Money
    available: Money
    coupons: Money


class StatementLine(Part, frozen=True, kw_only=True):
    """One event, what it changed, and the balance behind it."""

    position: Position
    effective_at: Instant
    recorded_at: Instant
    type: Id
    entry: Id
    reference: str
    currency: Currency
    change: Sides
    balance: Sides


class StatementReport(OfSpan, frozen=True, kw_only=True, tag="tally.statement/1"):
    """One customer's money line by line: opening, dated lines, closing."""

    account: Id
    currency: Currency
    opening: Sides
    lines: Sequence[StatementLine]
    closing: Sides
    restated: Restated | UnsetType = UNSET


def figures(view: LedgerView, question: Question) -> StatementReport:
    """Return a customer's payments and charges. Raises: InvalidInput, where none is named."""
    point, account = question.point, question.account
    if account is None:
        raise InvalidInput("a statement is of one customer", hint="name the account")
    currency = view.state(account, point).currency  # or say that there is no such account
    write = Typed(offset=view.offset, currency=currency)
    opening = balance = NOTHING
    lines: list[StatementLine] = []
    for recorded in history(view.reader, ACCOUNT_PREFIX + account, point):
        change = effect(recorded.event)
        balance = balance.plus(change)
        if question.starts is not None and recorded.effective_at < question.starts:
            opening = balance
        elif any(change):
            lines.append(_line(recorded, change, balance, currency, write))
    return StatementReport(
        point=view.shown(point), starts=question.since(view.offset), account=account,
        currency=currency, opening=_sides(opening, write), lines=lines,
        closing=_sides(balance, write), restated=view.restated("statement", point, account),
    )  # fmt: skip


def _sides(sums: Effect, write: Typed) -> Sides:
    return Sides(
        cash=write.money(sums.cash), outstanding=write.money(sums.outstanding),
        available=write.money(sums.available), coupons=write.money(sums.coupons),
    )  # fmt: skip


def _line(
    recorded: RecordedEvent, change: Effect, balance: Effect, currency: str, write: Typed
) -> StatementLine:
    event = recorded.event
    given = (getattr(event, name, None) for name in NAMES)
    return StatementLine(
        position=recorded.position, effective_at=write.instant(recorded.effective_at),
        recorded_at=write.instant(recorded.recorded_at), type=type_name(type(event)),
        entry=WORDS[type(event)], reference=next((name for name in given if name), ""),
        currency=currency, change=_sides(change, write), balance=_sides(balance, write),
    )  # fmt: skip


REPORT = Report("One customer: dated lines, running balance.", StatementReport, figures)
