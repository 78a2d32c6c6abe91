"""A customer's statement as a page: what was there, every dated line, what is there.

Invariant: the page's figures are those of the text and JSON forms, as exact strings. This module
must not know how lines were found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.quoting import plural
from projections.html.page import Source, page, section, table
from projections.html.svg import joined, node

if TYPE_CHECKING:
    from collections.abc import Iterable

FIGURES = ("cash", "outstanding", "available", "coupons")


class Line(NamedTuple):
    """One line: figures are strings, those behind the line."""

    position: int
    date: str
    late: str
    entry: str
    reference: str
    change: str
    figures: dict[str, str]


def statement_page(
    account: str, currency: str, lines: Iterable[Line], source: Source, *,
    opening: dict[str, str], closing: dict[str, str],
) -> str:  # fmt: skip
    """Write the page."""
    rows = [["", "opening", "", "", *(opening[name] for name in FIGURES)]]
    rows += [
        [one.date, f"{one.entry}{' *' if one.late else ''}", one.reference or f"@{one.position}",
         one.change, *(one.figures[name] for name in FIGURES)]
        for one in lines
    ]  # fmt: skip
    rows.append(["", "closing", "", "", *(closing[name] for name in FIGURES)])
    header = ("date", "entry", "reference", "change", *FIGURES)
    cards = node(
        "dl",
        *(
            node("div", node("dt", name.capitalize()), node("dd", closing[name]))
            for name in FIGURES
        ),
        class_="figures",
    )
    body = joined(
        (
            section("At the end", f"In {currency}.", cards, name="closing"),
            section(
                "Lines", "By effective date; * was effective before it was recorded (R11). "
                "Available is cash less outstanding; the change is that of available.",
                table(header, rows, words=3, cards=False), name="lines",
            ),
        )
    )  # fmt: skip
    about = f"{currency}, {plural(len(rows) - 2, 'line')}"
    return page(f"Statement of {account}", about, body, source)
