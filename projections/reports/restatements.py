"""Every fact about a closed period since its close: ``tally.restatements/1``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.errors import InvalidInput
from ledger.periods import read_period
from projections.answers.closing import Fact, Restatements
from projections.history.register import restatements_of
from projections.pages import Figure, Page, Sheet, cell
from projections.reports import Option, Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.reports import Question
    from projections.view import LedgerView


def figures(view: LedgerView, question: Question) -> Restatements:
    """Return the register of a period, which the option ``period`` names. Raises: InvalidInput."""
    period, offset = question.options.get("period"), view.offset
    if period is None:
        raise InvalidInput("restatements are of one period", hint="name it: period='2025-03'")
    month = read_period(str(period), offset)
    return restatements_of(view.reader, month, question.point, offset)


def page(found: Restatements) -> Page:
    """Show the closes, then each fact with the figures that it moved."""
    if not found.closes:
        return [f"{found.period} is not closed"]
    parts: list[Sheet | str] = []
    for one in found.closes:
        who = f" by {one.actor}" if one.actor else ""
        again = f", reopened {one.reopened_at.date()}" if one.reopened_at else ""
        parts.append(f"closed {one.closed_at.date()}{who} [@{one.position}]{again}")
    if found.facts:
        parts.append(_facts(found.facts))
    if found.earlier:
        parts += ["about earlier months, and moving this one too:", _facts(found.earlier)]
    for currency, own in found.by.items():
        sums = ", ".join(f"{name} {amount}" for name, amount in own.items())
        parts.append(f"in total {sums} {currency}")
    return parts if found.facts or found.earlier else [*parts, "nothing has restated it"]


def _facts(group: Sequence[Fact]) -> Sheet:
    rows: list[tuple[object, ...]] = []
    for fact in group:
        first: tuple[object, ...] = (f"@{fact.position} {fact.type}", fact.account, fact.actor)
        if not fact.changes:
            rows.append((*first, "no figure", _short(None), _short(None)))
        for change in fact.changes:
            rows.append((*first, change.field, _short(change.as_closed), _short(change.now)))
            first = ("", "", "")
    return Sheet(("fact", "account", "actor", "figure", "as closed", "now"), rows)


def _short(content: object) -> Figure:
    return Figure(cell(content)[:16])  # of an instant its minute


REPORT = Report(
    """Show each fact recorded about a period since it was closed, and what it changed.

    Figures are those at the end of the period: at the close, and after the fact. Facts
    about earlier months that also changed these figures are listed separately.
    """,
    Restatements, figures, page,
    examples=(
        "tally report restatements 2025-03",
        "tally report restatements 2025-03 --html -o march.html",
    ),
    account="none", span=False, options=(Option("period", kind="argument", spelled="PERIOD"),),
    rows="facts",
)  # fmt: skip
