"""Every fact about a closed period since its close: ``tally.restatements/1``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.errors import InvalidInput
from ledger.periods import read_period
from projections.answers.closing import Restatements
from projections.history.register import close_shown, fact_shown, register_of, sums_of
from projections.reports import Report

if TYPE_CHECKING:
    from projections.reports import Question
    from projections.view import LedgerView


def figures(view: LedgerView, question: Question) -> Restatements:
    """Return the register of a period, which the option ``period`` names. Raises: InvalidInput."""
    period, offset = question.options.get("period"), view.offset
    if period is None:
        raise InvalidInput("restatements are of one period", hint="name it: period='2025-03'")
    found = register_of(
        view.reader, read_period(str(period), offset), question.point, offset
    )
    return Restatements(
        point=view.shown(question.point), period=found.period.name,
        closes=[close_shown(one, offset) for one in found.closes],
        facts=[fact_shown(one, offset) for one in found.facts],
        earlier=[fact_shown(one, offset) for one in found.earlier], by=sums_of(found, offset),
    )  # fmt: skip


REPORT = Report("What late facts changed in a closed period.", Restatements, figures)
