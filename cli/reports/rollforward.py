"""``tally report rollforward``: control accounts from opening to closing, by event type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.errors import DONE, FOUND
from cli.progress import Progress
from cli.reports.sheet import Sheet, Span, report_command, show
from projections.journal.reports import OPENING
from projections.reports import Question
from projections.reports.rollforward import figures

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output



@report_command("rollforward", span=True)
def report(session: Session, output: Output, account: str | None, span: Span) -> int:
    """Show each control account: opening + what every type of event moved = closing.

    Amounts are as in the books: debit plus, credit minus. Exits with 1 if one does not add up.

    \b
    Examples:
      tally report rollforward --period 2025-03
      tally report rollforward --from 2025-01-01 --at 2025-03-31 a-1
      tally report rollforward --period 2025-03 --known-at 2025-04-01 --csv
    """
    with Progress("books") as progress:
        found = figures(session, Question(span.point, account, span.starts, progress))
    shown = found.plain()
    if not output.answered(found):
        written = [
            [row["control"] if row["line"] == OPENING else "", row["line"], row["amount"],
             row["commodity"]]
            for row in shown["rows"]
        ]  # fmt: skip
        holds = found.adds_up
        said = "every control account adds up" if holds else "NOT every control account adds up"
        moved = Sheet(["control account", "line", "amount", ""], written, text=2)
        show(
            output, session, span, account, [moved, said], name="rollforward",
            title="roll-forward",
        )  # fmt: skip
    return DONE if found.adds_up else FOUND
