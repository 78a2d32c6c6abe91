"""``tally report trial-balance``: the balance of every account of the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.errors import DONE, FOUND
from cli.options import engine_option
from cli.progress import Progress
from cli.reports.sheet import Sheet, Span, report_command, show
from projections.reports.trial_balance import trial_balance_of

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output


@report_command("trial-balance")
@click.option("--summary", is_flag=True, help="One line per type of account.")
@engine_option
def report(
    session: Session, output: Output, account: str | None, span: Span, *,
    summary: bool, engine: str | None,
) -> int:  # fmt: skip
    """Show every account of the books at a point; debits and credits must be equal.

    Commodities such as CNYCPN count coupons, which are not money. With ACCOUNT, shows the
    postings of one customer. Exits with status 1 if it does not balance.

    \b
    Examples:
      tally report trial-balance
      tally report trial-balance --at 2025-03-31 --summary
      tally report trial-balance --as-of 2025-03-31 --csv -o tb.csv
    """
    with Progress("books") as progress:
        found = trial_balance_of(
            session, span.point, account, summary=summary, engine=engine,
            starts=span.since(session.offset), progress=progress,
        )  # fmt: skip
    shown = found.plain()
    if not output.answered(found):
        show(
            output, session, span, account, _parts(shown["rows"], shown["totals"]),
            name="trial-balance", title="trial balance", more=("--summary",) if summary else (),
        )  # fmt: skip
    return DONE if found.balanced else FOUND


def _parts(rows: list[dict[str, Any]], totals: list[dict[str, Any]]) -> list[Sheet | str]:
    parts: list[Sheet | str] = []
    for total in totals:
        own = [row for row in rows if row["commodity"] == total["commodity"]]
        written = [
            [row["account"], *(_or_blank(row[side]) for side in ("debit", "credit"))]
            for row in own
        ]
        written.append(["total", total["debit"], total["credit"]])
        parts.append(Sheet([total["commodity"], "debit", "credit"], written, text=1))
        if total["debit"] != total["credit"]:
            parts.append(f"does not balance: {total['difference']}")
    return parts or ["nothing is posted yet"]


def _or_blank(amount: str) -> str:
    return amount if amount.strip("0.") else ""
