"""One customer's money line by line: ``tally.statement/1``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from ledger import events as e
from ledger.errors import InvalidInput
from ledger.events import type_name
from projections.answers.books import OfSpan, exact
from projections.answers.terms import Currency, Id, Instant, Money, Part, Position, Restated
from projections.journal import reports as journal
from projections.reports import Report

if TYPE_CHECKING:
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
    view.state(account, point)  # or say that there is no such account
    found = journal.statement(view.reader, account, point, starts=question.starts)
    currency = found.currency
    return StatementReport(
        point=view.shown(point), starts=question.since(view.offset), account=account,
        currency=currency, opening=_sides(found.opening, currency),
        lines=[_line(line, currency, view.offset) for line in found.lines],
        closing=_sides(found.closing, currency),
        restated=view.restated("statement", point, account),
    )  # fmt: skip


def _sides(position: journal.Position, currency: str) -> Sides:
    return Sides(**{name: exact(getattr(position, name), currency) for name in CHANGES})


def _line(line: journal.Dated, currency: str, offset: int) -> StatementLine:
    recorded, event = line.recorded, line.recorded.event
    given = (getattr(event, name, None) for name in NAMES)
    return StatementLine(
        position=recorded.position, effective_at=Instant.at(recorded.effective_at, offset),
        recorded_at=Instant.at(recorded.recorded_at, offset), type=type_name(type(event)),
        entry=WORDS[type(event)], reference=next((name for name in given if name), ""),
        currency=currency, change=_sides(line.change, currency),
        balance=_sides(line.balance, currency),
    )  # fmt: skip


REPORT = Report("One customer: dated lines, running balance.", StatementReport, figures)
