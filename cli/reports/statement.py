"""``tally report statement``: one customer's money line by line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cli.render import WIDTH, table, write
from cli.reports.sheet import Span, answer, heading, money, report_command, source
from ledger import events as e
from ledger.events import type_name
from ledger.periods import format_instant
from projections.journal.reports import Dated, Position, statement

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output
    from projections.html.page import Source

WORDS: dict[type[e.Event], str] = {
    e.TopUpReceived: "top-up", e.TopUpReversed: "reversal", e.DebtRecorded: "debt",
    e.CouponGranted: "coupon", e.CouponExpired: "coupon ended", e.BillPosted: "bill",
    e.BillSettled: "payment", e.CreditNoteIssued: "credit note", e.InstancePurchased: "purchase",
    e.InstanceRenewed: "renewal", e.UpgradedToEnterprise: "upgrade", e.SpecUpgraded: "spec upgrade",
    e.RefundIssued: "refund",
}  # fmt: skip
NAMES = ("note", "bill", "item", "coupon", "instance", "serial")
CHANGES = ("cash", "outstanding", "available", "coupons")


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
    found = statement(session.reader, account, span.point, starts=span.starts)
    rows = [_row(line, found.currency, session.offset) for line in found.lines]
    ends = {
        "opening": money(found.currency, **_figures(found.opening)),
        "closing": money(found.currency, **_figures(found.closing)),
    }
    if output.form == "html":
        made = source("statement", session, span, account)
        sys.stdout.write(_html(account, found.currency, rows, ends, made))
    elif output.form == "csv":
        output.rows({**row, **_flat(row)} for row in rows)
    elif output.form == "ndjson":
        output.rows(rows)
    elif output.human:
        heading("statement", session, span, account)
        _page(rows, ends, found.currency)
    else:
        output.object(
            answer("statement", session, span, account=account, currency=found.currency,
                   opening=ends["opening"], lines=rows, closing=ends["closing"])
        )  # fmt: skip


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


def _figures(position: Position) -> dict[str, int]:
    return {name: getattr(position, name) for name in CHANGES}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Spread change and balance over columns, for rows that hold plain cells."""
    flat = {f"{name}_change": row["change"][name] for name in CHANGES}
    return {**flat, **row["balance"], "change": row["change"]["available"],
            "balance": row["balance"]["available"]}  # fmt: skip


def _row(line: Dated, currency: str, offset: int) -> dict[str, Any]:
    event = line.recorded.event
    given = (getattr(event, name, None) for name in NAMES)
    return {
        "position": line.recorded.position,
        "effective_at": format_instant(line.recorded.effective_at, offset),
        "recorded_at": format_instant(line.recorded.recorded_at, offset),
        "type": type_name(type(event)), "entry": WORDS[type(event)],
        "reference": next((name for name in given if name), ""), "currency": currency,
        "change": money(currency, **_figures(line.change)),
        "balance": money(currency, **_figures(line.balance)),
    }  # fmt: skip


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
