"""``tally report statement``: one customer's money line by line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cli.render import WIDTH, table, write
from cli.reports.sheet import Span, heading, report_command, source
from cli.restatements import say_restated
from projections.reports import Question
from projections.reports.statement import CHANGES, figures

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output
    from projections.html.page import Source


@report_command("statement", account=True, span=True)
def report(session: Session, output: Output, account: str, span: Span) -> None:
    """Show a customer's payments and charges: opening, dated lines, closing.

    A line has its effective date; a late one also shows when it was recorded.

    \b
    Examples:
      tally report statement a-1
      tally report statement a-1 --period 2025-03
      tally report statement a-1 --period 2025-03 --known-at 2025-04-01 --csv
    """
    found = figures(session, Question(span.point, account, span.starts))
    shown = found.plain()
    ends = {"opening": shown["opening"], "closing": shown["closing"]}
    if output.form == "html":
        made = source("statement", session, span, account)
        sys.stdout.write(_html(account, found.currency, shown["lines"], ends, made))
    elif output.form == "csv":
        output.rows({**row, **_flat(row)} for row in shown["lines"])
        say_restated(span.restated, human=False)
    elif not output.answered(found, "lines"):
        heading("statement", session, span, account)
        _page(shown["lines"], ends, found.currency)


def _html(
    account: str, currency: str, rows: list[dict[str, Any]], ends: dict[str, Any], made: Source
) -> str:
    from projections.html.statement import Line, statement_page  # noqa: PLC0415 - for --html alone

    lines = [
        Line(
            row["position"], row["effective_at"][:19].replace("T", " "),
            "" if row["recorded_at"] == row["effective_at"] else row["recorded_at"],
            row["entry"], row["reference"], row["change"]["available"], row["balance"],
        )
        for row in rows
    ]  # fmt: skip
    return statement_page(account, currency, lines, made, **ends)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Spread change and balance over columns, for rows that hold plain cells."""
    flat = {f"{name}_change": row["change"][name] for name in CHANGES}
    return {**flat, **row["balance"], "change": row["change"]["available"],
            "balance": row["balance"]["available"]}  # fmt: skip


def _page(rows: list[dict[str, Any]], ends: dict[str, Any], currency: str) -> None:
    def figures(change: str, balance: dict[str, str]) -> list[str]:
        return [change, balance["available"], balance["coupons"]]

    written = [["", "opening", "", *figures("", ends["opening"])]]
    for row in rows:
        late = "" if row["recorded_at"] == row["effective_at"] else "*"
        written.append(
            [row["effective_at"][:10] + late, row["entry"], row["reference"],
             *figures(row["change"]["available"], row["balance"])]
        )  # fmt: skip
    written.append(["", "closing", "", *figures("", ends["closing"])])
    columns = ["date", "entry", "reference", "change", "available", "coupons"]
    table(columns, written, words=3, page=WIDTH)
    write()
    closing = ends["closing"]
    write(f"cash {closing['cash']}, outstanding {closing['outstanding']} {currency}; "
          "available = cash - outstanding")  # fmt: skip
    if any(one[0].endswith("*") for one in written):
        write("* effective before it was recorded (R11)")
