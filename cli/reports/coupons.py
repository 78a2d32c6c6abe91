"""``tally report coupons``: every coupon, and the coupon accounts of the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.errors import DONE, FOUND
from cli.progress import Progress
from cli.reports.sheet import Sheet, Span, report_command, show
from projections.reports import Question
from projections.reports.coupons import figures

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output


@report_command("coupons")
def report(session: Session, output: Output, account: str | None, span: Span) -> int:
    """Show every coupon: its face is what is used, forfeited and left (R1).

    Below it the coupon accounts of the books; Outstanding must equal what is left. Exits with
    status 1 if they disagree.

    \b
    Examples:
      tally report coupons
      tally report coupons a-1 --at 2025-03-31
    """
    with Progress("books") as progress:
        found = figures(session, Question(span.point, account, span.starts, progress))
    if not output.answered(found):
        shown = found.plain()
        parts = _parts(shown["rows"], shown["totals"])
        show(output, session, span, account, parts, name="coupons", title="coupons")
    return DONE if found.ties else FOUND


def _parts(rows: list[dict[str, Any]], totals: list[dict[str, Any]]) -> list[Sheet | str]:
    if not rows:
        return ["no coupon was granted"]
    names = ("account", "coupon", "status", "ends", "amount", "used", "forfeited", "remaining")
    written = [
        [row[name][:10] if name == "ends" else row[name] for name in names] for row in rows
    ]
    booked = [[one["account"], one["balance"], one["commodity"]] for one in totals]
    return [
        Sheet(list(names), written, text=4),
        Sheet(["account of the books", "balance", ""], booked, text=1),
    ]
