"""``tally report lots``: which receipt paid what, of one account or of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.commands.lots import WORDS
from cli.reports.sheet import Sheet, Span, answer, report_command, show
from ledger.money import format_minor
from projections.answers.terms import Formatter
from projections.lots import all_lots, lots_at
from projections.reports.lots import lines, lots_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.bootstrap import Session
    from cli.options import Output
    from projections.lots import Lots


@report_command("lots")
def report(session: Session, output: Output, account: str | None, span: Span) -> None:
    """Show every receipt, what it paid first in, first out, and what is left of it (R66).

    --csv has a row for each part that was spent, with its bill, order or chargeback.

    \b
    Examples:
      tally report lots a-1
      tally report lots --at 2025-03-31 --csv -o lots.csv
    """
    found = _lots(session, account, span)
    offset = session.offset
    if output.form in ("ndjson", "csv"):
        for name, lots in found:
            write = Formatter(offset=offset, currency=lots.currency)
            output.rows(lines(name, lots, write))
        return
    rows, totals = [], dict[str, int]()
    for name, lots in found:
        write = Formatter(offset=offset, currency=lots.currency)
        totals[lots.currency] = totals.get(lots.currency, 0) + lots.total
        shown = lots_json(lots, write)
        rows.append({"account": name, "currency": lots.currency, **shown})
    sums = [
        {"currency": name, "total": format_minor(amount, name)}
        for name, amount in sorted(totals.items())
    ]
    if output.form == "json":
        output.object(
            answer("report_lots", session, span, account=account, rows=rows, totals=sums)
        )
    else:
        show(output, session, span, account, _parts(rows, sums), name="lots", title="lots")


def _lots(session: Session, account: str | None, span: Span) -> Iterator[tuple[str, Lots]]:
    if account is None:
        yield from all_lots(session.reader, span.point)
    elif (lots := lots_at(session.reader, account, span.point)) is not None:
        yield account, lots


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
