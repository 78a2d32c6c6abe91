"""``tally report reconciliation``: what was believed of the statements at a point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.render import short
from cli.reports.sheet import Sheet, Span, report_command, show
from ledger.quoting import plural
from projections.reports import Question
from projections.reports.reconciliation import figures

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output


@report_command("reconciliation", account=None)
def report(session: Session, output: Output, account: str | None, span: Span) -> None:
    """Show the recorded runs and the open breaks with their ages, as known at a point.

    \b
    Examples:
      tally report reconciliation
      tally report reconciliation --known-at 2025-01-31
    """
    found = figures(session, Question(span.point))
    if not output.answered(found):
        show(output, session, span, account, _parts(found.plain()), name="reconciliation",
             title="reconciliation")  # fmt: skip


def _parts(found: dict[str, Any]) -> list[Sheet | str]:
    if not found["runs"]:
        return ["no run is recorded; record one with: tally reconcile FILE --source S --record"]
    runs = [
        [run["run"], run["source"], run["file"] or "", run["signed_off_by"] or "",
         short(run["period"]["starts"])[:10],
         ", ".join(run["overlaps"]), run["closing"], run["ledger_balance"], str(run["matched"]),
         str(run["breaks"])]
        for run in found["runs"]
    ]  # fmt: skip
    ages = ", ".join(f"{count} of {age} days" for age, count in found["ages"].items())
    parts: list[Sheet | str] = [
        Sheet(
            ["run", "source", "file", "signed off", "from", "overlaps", "closing", "ledger",
             "matched", "breaks"],
            runs, text=6,
        ),
        f"{plural(len(found['rows']), 'open break')}{': ' + ages if ages else ''}",
    ]  # fmt: skip
    place = len(parts)
    parts += _some("on their way, expected", found["expected"])
    parts += _some("accepted", found["accepted"])
    if found["rows"]:
        rows = [
            [row["break"], row["class"], row["key"], row["status"], row["by"] or row["preparer"],
             row["delta"], f"{row['age_days']} d"]
            for row in found["rows"]
        ]  # fmt: skip
        header = ["break", "class", "key", "status", "by", "delta", "age"]
        parts.insert(place, Sheet(header, rows, text=5))
    return parts


def _some(title: str, rows: list[dict[str, Any]]) -> list[Sheet | str]:
    if not rows:
        return []
    cells = [
        [row["break"], row["class"], row["key"], row["status"].replace("_", " "),
         row["by"] or row["preparer"] or "", row["how"] or "", row["file"] or "", row["delta"]]
        for row in rows
    ]  # fmt: skip
    header = ["break", "class", "key", "status", "by", "why", "file", "delta"]
    return [f"{title}: {len(rows)}", Sheet(header, cells, text=7)]
