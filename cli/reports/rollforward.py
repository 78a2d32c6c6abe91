"""``tally report rollforward``: control accounts from opening to closing, by event type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.errors import DONE, FOUND
from cli.progress import Progress
from cli.reports.sheet import Sheet, Span, answer, currency_fields, money, report_command, show
from projections.journal.chart import format_scaled
from projections.journal.reports import Movement, roll_forward

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output

OPENING, CLOSING = "opening", "closing"


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
        found = roll_forward(
            session.reader, span.point, starts=span.starts, account=account, progress=progress
        )
    holds = all(one.adds_up for one in found)
    rows = [row for one in found for row in _rows(one)]
    if output.form in ("ndjson", "csv"):
        output.rows(rows)
    elif output.form == "json":
        controls = [_control(one) for one in found]
        output.object(
            answer("rollforward", session, span, account=account, controls=controls, rows=rows,
                   adds_up=holds)
        )  # fmt: skip
    else:
        written = [
            [row["control"] if row["line"] == OPENING else "", row["line"], row["amount"],
             row["commodity"]]
            for row in rows
        ]  # fmt: skip
        said = "every control account adds up" if holds else "NOT every control account adds up"
        moved = Sheet(["control account", "line", "amount", ""], written, text=2)
        show(
            output, session, span, account, [moved, said], name="rollforward",
            title="roll-forward",
        )  # fmt: skip
    return DONE if holds else FOUND


def _rows(one: Movement) -> list[dict[str, Any]]:
    lines = [(OPENING, one.opening), *one.moved, (CLOSING, one.closing)]
    return [
        {
            "control": one.root, **currency_fields(one.commodity), "line": name,
            "amount": format_scaled(amount, one.commodity),
        }
        for name, amount in lines
    ]  # fmt: skip


def _control(one: Movement) -> dict[str, Any]:
    movements = sum(amount for _, amount in one.moved)
    return {
        "control": one.root, **currency_fields(one.commodity),
        **money(one.commodity, opening=one.opening, movements=movements, closing=one.closing),
        "adds_up": one.adds_up,
    }  # fmt: skip
