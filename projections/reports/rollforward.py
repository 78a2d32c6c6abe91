"""The roll-forward of the control accounts: ``tally.rollforward/1``.

Invariant: opening and movements are the closing, or the answer says that they are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from projections.answers.books import Commodity, OfSpan, exact
from projections.answers.terms import Amount, Currency, Id, Part, Restated
from projections.journal.chart import currency_of
from projections.journal.reports import CLOSING, OPENING, ControlMovement, roll_forward
from projections.opened import SQL
from projections.pages import Figure, Page, Sheet
from projections.reports import Report

if TYPE_CHECKING:
    from projections.reports import Question
    from projections.view import LedgerView


class Control(Part, frozen=True, kw_only=True):
    """A control account of a commodity through the span."""

    control: Id
    currency: Currency
    commodity: Commodity
    opening: Amount
    movements: Amount
    closing: Amount
    adds_up: bool


class Moved(Part, frozen=True, kw_only=True):
    """One line: the opening, what a type of event moved, the closing."""

    control: Id
    currency: Currency
    commodity: Commodity
    line: Id
    amount: Amount


class Rollforward(OfSpan, frozen=True, kw_only=True, tag="tally.rollforward/1"):
    """Control accounts from opening to closing, by event type; debit plus, credit minus."""

    controls: Sequence[Control]
    rows: Sequence[Moved]
    adds_up: bool
    restated: Restated | UnsetType = UNSET


def figures(view: LedgerView, question: Question) -> Rollforward:
    """Roll every control account forward to a point, from an instant or from nothing."""
    point, account = question.point, question.account
    if account is None and view.derivation(point, None, stored=False) == SQL:
        from projections.columns import books  # noqa: PLC0415 - loaded when needed

        found = books.roll_forward(view.columns(point, SQL), point, starts=question.starts)
    else:
        found = roll_forward(
            view.reader, point, starts=question.starts, account=account,
            progress=question.progress,
        )  # fmt: skip
    return Rollforward(
        point=view.shown(point), starts=question.since(view.offset), account=account,
        controls=[_control(one) for one in found],
        rows=[row for one in found for row in _rows(one)],
        adds_up=all(one.adds_up for one in found),
        restated=view.restated("rollforward", point, account),
    )  # fmt: skip


def _rows(one: ControlMovement) -> list[Moved]:
    lines = [(OPENING, one.opening), *one.moved, (CLOSING, one.closing)]
    return [
        Moved(
            control=one.root, currency=currency_of(one.commodity), commodity=one.commodity,
            line=name, amount=exact(amount, one.commodity),
        )
        for name, amount in lines
    ]  # fmt: skip


def _control(one: ControlMovement) -> Control:
    movements = sum(amount for _, amount in one.moved)
    return Control(
        control=one.root, currency=currency_of(one.commodity), commodity=one.commodity,
        opening=exact(one.opening, one.commodity), movements=exact(movements, one.commodity),
        closing=exact(one.closing, one.commodity), adds_up=one.adds_up,
    )  # fmt: skip


def page(found: Rollforward) -> Page:
    """Show every line of every control account."""
    lines = [
        (row.control if row.line == OPENING else "", row.line, row.amount, Figure(row.commodity))
        for row in found.rows  # what is counted belongs to its amount
    ]
    every = "every control account adds up"
    return [
        Sheet(("control account", "line", "amount", ""), lines),
        every if found.adds_up else f"NOT {every}",
    ]


REPORT = Report(
    """Show each control account: opening + what every type of event moved = closing.

    Amounts are as in the books: debit plus, credit minus. Exits with 1 if one does not add up.
    """,
    Rollforward, figures, page,
    examples=(
        "tally report rollforward --period 2025-03",
        "tally report rollforward --from 2025-01-01 --at 2025-03-31 a-1",
        "tally report rollforward --period 2025-03 --known-at 2025-04-01 --csv",
    ),
    title="roll-forward", holds="adds_up",
)  # fmt: skip
