"""``tally lots``: which receipt paid what, of one account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import points
from cli.options import Output, account_argument, point_options, tally_command
from cli.render import WIDTH, point_line, strong, table, write
from cli.restatements import say_restated
from projections.reports.lots import lots_shown

if TYPE_CHECKING:
    from cli.bootstrap import Session

WORDS = {
    "TopUpReceived": "top-up", "RefundIssued": "refund", "CreditNoteIssued": "credit note",
    "BillSettled": "bill", "TopUpReversed": "charged back", "InstancePurchased": "purchase",
    "InstanceRenewed": "renewal", "UpgradedToEnterprise": "upgrade",
    "SpecUpgraded": "spec upgrade",
}  # fmt: skip


@click.command("lots")
@account_argument()
@tally_command(rows=True, point=True)
def command(session: Session, output: Output, account: str, **options: Any) -> None:
    """Show which receipt paid what: cash is spent first in, first out.

    A chargeback takes from its own top-up's lot first. What remains adds up to the cash.

    \b
    Examples:
      tally lots a-1
      tally lots a-1 --at 2025-03-31 --json
    """
    point = points.asked(session, **point_options(options))
    found = lots_shown(session, point, account)
    session.note_what_is_due()
    if not output.answered(found, "lots"):
        shown = found.plain()
        write(strong(point_line(shown["point"], account)))
        page(shown, found.currency)
        say_restated(shown.get("restated"), human=True)


def page(found: dict[str, Any], currency: str) -> None:
    """Write the lots of an account as a page, each with what it paid below it."""
    if found["lots"]:
        table(*_rows(found["lots"]), words=4, page=WIDTH)
    for one in found.get("uncovered", ()):
        write(f"no receipt covers {one['amount']} of {one['item']} [@{one['position']}] yet")
    write(f"cash {found['total']} {currency}, the sum of what remains")


def _rows(lots: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    header = ["lot", "received", "what", "reference", "amount", "remaining"]
    rows = []
    for lot in lots:
        key = lot["item"] or f"{lot['channel']}/{lot['serial']}"
        rows.append([f"@{lot['position']}", lot["received_at"][:10], WORDS[lot["type"]], key,
                     lot["amount"], lot["remaining"]])  # fmt: skip
        rows += [
            ["", f"  @{one['position']}", WORDS[one["type"]], one["item"], f"-{one['amount']}", ""]
            for one in lot["spent"]
        ]
    return header, rows
