"""``tally report restatements``: every fact about a closed period since its close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.reports.sheet import Sheet, Span, report_command, show
from projections.reports import Question
from projections.reports.restatements import figures

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output


@report_command("restatements", account=None, argument=("term", "PERIOD"))
def report(session: Session, output: Output, _: None, span: Span, *, term: str) -> None:
    """Show each fact recorded about a period since it was closed, and what it changed.

    Figures are those at the end of the period: at the close, and after the fact. Facts
    about earlier months that also changed these figures are listed separately.

    \b
    Examples:
      tally report restatements 2025-03
      tally report restatements 2025-03 --html -o march.html
    """
    found = figures(session, Question(span.point, options={"period": term}))
    if not output.answered(found, "facts"):
        show(
            output, session, span, None, _parts(found.plain()),
            name=f"restatements {found.period}", title=f"restatements of {found.period}",
        )  # fmt: skip


def _parts(found: dict[str, Any]) -> list[Sheet | str]:
    if not found["closes"]:
        return [f"{found['period']} is not closed"]
    parts: list[Sheet | str] = []
    for one in found["closes"]:
        who = f" by {one['actor']}" if one["actor"] else ""
        again = f", reopened {one['reopened_at'][:10]}" if one["reopened_at"] else ""
        parts.append(f"closed {one['closed_at'][:10]}{who} [@{one['position']}]{again}")
    facts, earlier = found["facts"], found["earlier"]
    for said, group in (("", facts), ("about earlier months, and moving this one too:", earlier)):
        if group and said:
            parts.append(said)
        if group:
            parts.append(_sheet(group))
    for currency, own in found["by"].items():
        sums = ", ".join(f"{name} {amount}" for name, amount in own.items())
        parts.append(f"in total {sums} {currency}")
    if not facts and not earlier:
        parts.append("nothing has restated it")
    return parts


def _sheet(group: list[dict[str, Any]]) -> Sheet:
    rows = []
    for fact in group:
        first = [f"@{fact['position']} {fact['type']}", fact["account"], fact["actor"] or "-"]
        for change in fact["changes"] or [{}]:
            cells = [_cell(change.get(name)) for name in ("as_closed", "now")]
            rows.append([*first, change.get("field", "no figure"), *cells])
            first = ["", "", ""]
    return Sheet(["fact", "account", "actor", "figure", "as closed", "now"], rows, text=4)


def _cell(content: object) -> str:
    if content is None:
        return "-"
    if isinstance(content, bool):
        return "yes" if content else "no"
    return str(content)[:16]
