"""``tally report restatements``: every fact about a closed period since its close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.reports.sheet import Sheet, Span, answer, report_command, show
from ledger.periods import read_period
from projections.history.register import register_of
from projections.history.register_json import by_json, close_json, fact_json

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output
    from projections.history.register import Register


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
    offset = session.offset
    found = register_of(session.reader, read_period(term, offset), span.point, offset)
    facts = [fact_json(one, offset) for one in found.facts]
    if output.form in ("ndjson", "csv"):
        output.rows(facts)
    elif output.form == "json":
        output.object(_json(session, span, found, facts))
    else:
        parts = _parts(found, facts, offset)
        show(output, session, span, None, parts, name=f"restatements {found.period.name}",
             title=f"restatements of {found.period.name}")  # fmt: skip


def _json(
    session: Session, span: Span, found: Register, facts: list[dict[str, Any]]
) -> dict[str, Any]:
    offset = session.offset
    made = answer(
        "restatements", session, span, period=found.period.name,
        closes=[close_json(one, offset) for one in found.closes], facts=facts,
        earlier=[fact_json(one, offset) for one in found.earlier], by=by_json(found, offset),
    )  # fmt: skip
    return {name: cell for name, cell in made.items() if name != "from"}


def _parts(found: Register, facts: list[dict[str, Any]], offset: int) -> list[Sheet | str]:
    parts: list[Sheet | str] = []
    for one in (close_json(close, offset) for close in found.closes):
        who = f" by {one['actor']}" if one["actor"] else ""
        again = f", reopened {one['reopened_at'][:10]}" if one["reopened_at"] else ""
        parts.append(f"closed {one['closed_at'][:10]}{who} [@{one['position']}]{again}")
    if not found.closes:
        return [f"{found.period.name} is not closed"]
    earlier = [fact_json(one, offset) for one in found.earlier]
    for said, group in (("", facts), ("about earlier months, and moving this one too:", earlier)):
        if group and said:
            parts.append(said)
        if group:
            parts.append(_sheet(group))
    for currency, own in by_json(found, offset).items():
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
