"""What was believed of the statements at a point: ``tally.report_reconciliation/1``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ledger.reconciling import OPEN, REOPENED, register
from projections.answers.reconciling import Reconciliation
from projections.reconciliation.runs import break_rows, is_open, run_shown
from projections.reports import Report

if TYPE_CHECKING:
    from projections.reports import Question
    from projections.view import LedgerView


def figures(view: LedgerView, question: Question) -> Reconciliation:
    """Return the recorded runs and their breaks, with their ages by then."""
    point, offset = question.point, view.offset
    known = register(view.reader, until=point.position)
    rows = break_rows(known, seen_at=point.seen_at, offset=offset)
    open_now = [row for row in rows if is_open(row)]
    return Reconciliation(
        point=view.shown(point),
        runs=[run_shown(run, known, offset) for run in known.runs.values()],
        rows=open_now,
        expected=[row for row in rows if row.expected and row.status == OPEN],
        accepted=[row for row in rows if row.status not in (OPEN, REOPENED)],
        ages=dict(sorted(Counter(row.age for row in open_now).items())),
        classes=dict(sorted(Counter(row.class_ for row in open_now).items())),
    )  # fmt: skip


REPORT = Report("Runs against statements, and open breaks.", Reconciliation, figures)
