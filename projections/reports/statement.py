"""One customer's money line by line: ``tally.statement/1``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from ledger import events as e
from ledger.errors import InvalidInput
from ledger.events import ACCOUNT_PREFIX, type_name
from projections.answers.books import OfSpan
from projections.answers.terms import (
    Currency,
    Id,
    Instant,
    Money,
    Part,
    Position,
    Restated,
    Typed,
    columns_of,
)
from projections.journal.postings import NOTHING, Effect, effect
from projections.pages import Page, Sheet
from projections.point import history
from projections.reports import Flat, Report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.events import RecordedEvent
    from projections.answers.terms import Json
    from projections.html.page import Source
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
    """One event, what it changed, and the balance after it."""

    position: Position
    effective_at: Instant
    recorded_at: Instant
    type: Id
    entry: Id
    reference: str
    currency: Currency
    change: Sides
    balance: Sides

    @property
    def late(self) -> bool:
        """Whether it was effective before it was recorded (R11)."""
        return self.recorded_at != self.effective_at


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


def page(found: StatementReport) -> Page:
    """Show every line between the opening and the closing."""
    opening, closing = found.opening, found.closing
    late = any(line.late for line in found.lines)
    lines = Sheet(
        ("date", "entry", "reference", "change", "available", "coupons"),
        [
            ("", "opening", "", "", opening.available, opening.coupons),
            *((f"{line.effective_at.date()}{'*' if line.late else ''}", line.entry, line.reference,
               line.change.available, line.balance.available, line.balance.coupons)
              for line in found.lines),
            ("", "closing", "", "", closing.available, closing.coupons),
        ],
    )  # fmt: skip
    said = (f"cash {closing.cash}, outstanding {closing.outstanding} {found.currency}; "
            "available = cash - outstanding")  # fmt: skip
    return [lines, said, *(["* effective before it was recorded (R11)"] if late else [])]


_COLUMNS = tuple(dict.fromkeys((
    *columns_of(StatementLine), *(f"{name}_change" for name in CHANGES), *columns_of(Sides),
)))  # fmt: skip


def _flat(view: LedgerView, question: Question) -> Iterator[Json]:
    """Spread change and balance over columns, for rows that hold plain cells."""
    for line in figures(view, question).lines:
        shown = line.plain()
        change, balance = shown["change"], shown["balance"]
        yield {
            **shown, **{f"{name}_change": change[name] for name in CHANGES}, **balance,
            "change": change["available"], "balance": balance["available"],
        }  # fmt: skip


def _drawn(view: LedgerView, question: Question, source: Source) -> str:
    from projections.html.statement import statement_page  # noqa: PLC0415 - for --html alone

    return statement_page(figures(view, question), source)


REPORT = Report(
    """Show a customer's payments and charges: opening, dated lines, closing.

    A line has its effective date; a late one also shows when it was recorded.
    """,
    StatementReport, figures, page,
    examples=(
        "tally report statement a-1", "tally report statement a-1 --period 2025-03",
        "tally report statement a-1 --period 2025-03 --known-at 2025-04-01 --csv",
    ),
    account="required", rows="lines", flat=Flat(_flat, columns=_COLUMNS), drawn=_drawn,
)  # fmt: skip
