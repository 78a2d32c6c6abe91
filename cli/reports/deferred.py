"""``tally report deferred``: the cash of terms, what of it is earned and what is not yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.errors import DONE, FOUND
from cli.progress import Progress
from cli.reports.sheet import Sheet, Span, report_command, show
from projections.reports import Question
from projections.reports.deferred import figures

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output


@report_command("deferred")
@click.option("--all", "everything", is_flag=True, help="Include terms that are over or refunded.")
def report(
    session: Session, output: Output, account: str | None, span: Span, *, everything: bool
) -> int:
    """Show each paid term that is not over, earned straight line by the second.

    The total must equal Liabilities:Deferred; exits with status 1 if not.

    \b
    Examples:
      tally report deferred
      tally report deferred --at 2025-03-31 --csv
      tally report deferred a-1 --all
    """
    with Progress("books") as progress:
        asked = Question(
            span.point, account, span.starts, progress, options={"everything": everything}
        )
        found = figures(session, asked)
    shown = found.plain()
    if not output.answered(found):
        show(
            output, session, span, account, _parts(shown["rows"], shown["totals"]),
            name="deferred", title="deferred revenue", more=("--all",) if everything else (),
        )  # fmt: skip
    return DONE if found.ties else FOUND


def _parts(rows: list[dict[str, Any]], totals: list[dict[str, Any]]) -> list[Sheet | str]:
    written = [
        [row["account"], row["instance"], row["order"], row["starts"][:10], row["ends"][:10],
         row["cash"], row["earned"], row["deferred"]]
        for row in rows
    ]  # fmt: skip
    header = ["account", "instance", "order", "starts", "ends", "cash", "earned", "deferred"]
    parts: list[Sheet | str] = [Sheet(header, written, text=5)] if rows else []
    for total in totals:
        tie = "as booked" if total["ties"] else f"but booked {total['booked']}"
        parts.append(f"deferred {total['deferred']} {total['currency']}, {tie}")
    return parts or ["nothing is deferred"]
