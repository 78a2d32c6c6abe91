"""A customer's statement as a page: what was there, every dated line, what is there.

Invariant: the page's figures are those of the text and JSON forms, as exact strings. This module
must not know how lines were found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.quoting import plural
from projections.html.page import Source, page, section, table
from projections.html.svg import joined, node
from projections.pages import Sheet
from projections.reports.statement import CHANGES, Sides, StatementReport

if TYPE_CHECKING:
    from decimal import Decimal


def _figures(sides: Sides) -> list[Decimal]:
    return [getattr(sides, name) for name in CHANGES]


def statement_page(found: StatementReport, source: Source) -> str:
    """Write the page."""
    rows: list[tuple[object, ...]] = [("", "opening", "", "", *_figures(found.opening))]
    rows += [
        (str(one.effective_at)[:19], f"{one.entry}{' *' if one.late else ''}",
         one.reference or f"@{one.position}", one.change.available, *_figures(one.balance))
        for one in found.lines
    ]  # fmt: skip
    rows.append(("", "closing", "", "", *_figures(found.closing)))
    cards = node(
        "dl",
        *(
            node("div", node("dt", name.capitalize()), node("dd", str(amount)))
            for name, amount in zip(CHANGES, _figures(found.closing), strict=True)
        ),
        class_="figures",
    )
    body = joined(
        (
            section("At the end", f"In {found.currency}.", cards, name="closing"),
            section(
                "Lines", "By effective date; * was effective before it was recorded (R11). "
                "Available is cash less outstanding; the change is that of available.",
                table(Sheet(("date", "entry", "reference", "change", *CHANGES), rows), cards=False),
                name="lines",
            ),
        )
    )  # fmt: skip
    about = f"{found.currency}, {plural(len(found.lines), 'line')}"
    return page(f"Statement of {found.account}", about, body, source)
