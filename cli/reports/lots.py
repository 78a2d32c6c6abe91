"""``tally report lots``: which receipt paid what, of one account or of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.commands.lots import WORDS
from cli.reports.sheet import Sheet, Span, report_command, show
from cli.restatements import say_restated
from projections.reports import Question
from projections.reports.lots import figures, lines, lots_of

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output


@report_command("lots")
def report(session: Session, output: Output, account: str | None, span: Span) -> None:
    """Show every receipt, what it paid first in, first out, and what is left of it (R66).

    --csv has a row for each part that was spent, with its bill, order or chargeback.

    \b
    Examples:
      tally report lots a-1
      tally report lots --at 2025-03-31 --csv -o lots.csv
    """
    if output.form in ("ndjson", "csv"):
        for name, lots in lots_of(session, span.point, account):
            output.rows(lines(name, lots, session.offset))
        say_restated(span.restated, human=False)
        return
    found = figures(session, Question(span.point, account, span.starts))
    if not output.answered(found):
        shown = found.plain()
        parts = _parts(shown["rows"], shown["totals"])
        show(output, session, span, account, parts, name="lots", title="lots")


def _parts(rows: list[dict[str, Any]], totals: list[dict[str, Any]]) -> list[Sheet | str]:
    written: list[list[str]] = []
    for row in rows:
        for lot in row["lots"]:
            key = lot["item"] or f"{lot['channel']}/{lot['serial']}"
            written.append([row["account"], f"@{lot['position']}", WORDS[lot["type"]], key,
                            lot["amount"], lot["remaining"]])  # fmt: skip
            written += [
                ["", f"  @{one['position']}", WORDS[one["type"]], one["item"],
                 f"-{one['amount']}", ""]
                for one in lot["spent"]
            ]  # fmt: skip
    if not written:
        return ["nothing was received"]
    header = ["account", "lot", "what", "reference", "amount", "remaining"]
    said = [f"cash {one['total']} {one['currency']}, the sum of what remains" for one in totals]
    return [Sheet(header, written, text=4), *said]
