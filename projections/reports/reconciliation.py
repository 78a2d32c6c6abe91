"""What was believed of the statements at a point: ``tally.report_reconciliation/1``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ledger.quoting import plural
from ledger.reconciling import OPEN, REOPENED, register
from projections.answers.reconciling import BreakRow, Reconciliation
from projections.pages import Figure, Page, Sheet
from projections.reconciliation.runs import break_rows, is_open, run_shown
from projections.reports import Report

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def page(found: Reconciliation) -> Page:
    """Show the runs, the open breaks, what is on its way, and what was accepted."""
    if not found.runs:
        return ["no run is recorded; record one with: tally reconcile FILE --source S --record"]
    runs = Sheet(
        ("run", "source", "file", "signed off", "from", "overlaps", "closing", "ledger",
         "matched", "breaks"),
        [(run.run, run.source, run.file or "", run.signed_off_by or "",
          run.period.starts and run.period.starts.date(),
          ", ".join(run.overlaps), run.closing, run.ledger_balance, run.matched, run.breaks)
         for run in found.runs],
    )  # fmt: skip
    ages = ", ".join(f"{count} of {age} days" for age, count in found.ages.items())
    parts: list[Sheet | str] = [
        runs, f"{plural(len(found.rows), 'open break')}{': ' + ages if ages else ''}"
    ]
    if found.rows:
        parts.append(Sheet(
            ("break", "class", "key", "status", "by", "delta", "age"),
            [(row.break_, row.class_, row.key, row.status, row.by or row.preparer, row.delta,
              Figure(f"{row.age_days} d")) for row in found.rows],
        ))  # fmt: skip
    parts += _some("on their way, expected", found.expected)
    return [*parts, *_some("accepted", found.accepted)]


def _some(title: str, rows: Sequence[BreakRow]) -> list[Sheet | str]:
    if not rows:
        return []
    cells = [
        (row.break_, row.class_, row.key, row.status.replace("_", " "),
         row.by or row.preparer or "", row.how or "", row.file or "", row.delta)
        for row in rows
    ]  # fmt: skip
    header = ("break", "class", "key", "status", "by", "why", "file", "delta")
    return [f"{title}: {len(rows)}", Sheet(header, cells)]


REPORT = Report(
    "Show the recorded runs and the open breaks with their ages, as known at a point.",
    Reconciliation, figures, page,
    examples=(
        "tally report reconciliation", "tally report reconciliation --known-at 2025-01-31",
    ),
    account="none", span=False,
)  # fmt: skip
