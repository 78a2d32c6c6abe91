"""``tally report overdue``: who owes since when, by age."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cli.render import WIDTH, table, write
from cli.reports.sheet import Span, heading, report_command, source
from cli.restatements import say_restated
from ledger.events import ACCOUNT_PREFIX
from ledger.quoting import plural
from projections.ages import NAMES
from projections.reports import Question
from projections.reports.overdue import figures, overdue_spans

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output

@report_command("overdue")
def report(session: Session, output: Output, account: str | None, span: Span) -> None:
    """Show every account that is overdue: since when, how much, and how old its items are.

    An item's age is counted from when it was posted (R9), in whole days.

    \b
    Examples:
      tally report overdue
      tally report overdue --at 2025-03-31 --csv -o overdue.csv
      tally report overdue --html -o overdue.html
    """
    if output.form == "html":
        sys.stdout.write(_html(session, span, account))
        return
    found = figures(session, Question(span.point, account, span.starts))
    shown = found.plain()
    if output.form == "csv":  # one plain cell an age, and how many items
        columns = ("account", "currency", "outstanding", "overdue_since", "days", "items", *NAMES)
        output.rows(
            ({
                **{name: cell for name, cell in row.items() if name != "ages"},
                "items": len(row["items"]), **row["ages"],
            } for row in shown["rows"]), like=columns,
        )  # fmt: skip
        say_restated(span.restated, human=False)
    elif not output.answered(found):
        heading("overdue", session, span, account)
        _page(shown["rows"], shown["totals"])


def _html(session: Session, span: Span, account: str | None) -> str:
    from projections.html.overdue import overdue_page  # noqa: PLC0415 - for --html alone

    streams = session.reader.streams(ACCOUNT_PREFIX)
    names = [one.removeprefix(ACCOUNT_PREFIX) for one in streams] if account is None else [account]
    found = list(overdue_spans(session.reader, span.point, names))
    made = source("overdue", session, span, account)
    return overdue_page(found, made, ends=span.point.seen_at, offset=session.offset)


def _page(rows: list[dict[str, Any]], totals: list[dict[str, Any]]) -> None:
    if not rows:
        write("nobody is overdue")
        return
    written = [
        [row["account"], (row["overdue_since"] or "-")[:10], str(row["days"]),
         str(len(row["items"])), row["outstanding"], row["currency"]]
        for row in rows
    ]  # fmt: skip
    table(["account", "since", "days", "items", "outstanding", ""], written, words=2, page=WIDTH)
    for total in totals:
        write()
        write(f"{plural(total['accounts'], 'account')} owe {total['outstanding']} "
              f"{total['currency']}, by days since posted:")  # fmt: skip
        table(list(NAMES), [[total["ages"][name] for name in NAMES]], words=0, page=WIDTH)
