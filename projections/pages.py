"""Pages as data: lines of words and tables of values, which a terminal and HTML write alike.

Invariant: which columns are figures follows from what they hold, and how a cell reads from its
type. This module must not know what a page is about, nor where it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from projections.printable import printable

if TYPE_CHECKING:
    from projections.answers.terms import Part


class Figure(str):
    """A figure that is written already, such as ``+3.00`` or ``12 d``: it stands to the right."""

    __slots__ = ()


class Sheet(NamedTuple):
    """A table of values, words to the left and figures to the right; ``said`` stands above it."""

    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    said: str = ""

    def cells(self) -> list[list[str]]:
        """Write the rows."""
        return [[cell(content) for content in row] for row in self.rows]

    def figures(self) -> list[bool]:
        """Return of each column whether it holds amounts, counts or ``Figure`` texts."""
        return [
            _holds_figures([row[place] for row in self.rows]) for place in range(len(self.header))
        ]


Page: TypeAlias = Iterable[Sheet | str]


def short(instant: datetime | None) -> str:
    """Write an instant for a table: without the offset, and without a midnight."""
    if instant is None:
        return "-"
    day, _, time = instant.isoformat().partition("T")
    return day if time.startswith("00:00:00") else f"{day} {time[:8]}"


def cell(content: object) -> str:
    """Write one cell of a table."""
    if content is None:
        return "-"
    if isinstance(content, bool):
        return "yes" if content else "no"
    if isinstance(content, datetime):
        return short(content)
    return printable(format(content, "f") if isinstance(content, Decimal) else str(content))


def _holds_figures(column: Sequence[object]) -> bool:
    told = [content for content in column if content is not None and content != ""]
    return bool(told) and all(
        isinstance(content, (Decimal, Figure)) or type(content) is int for content in told
    )


def page_of(rows: Sequence[Part]) -> Page:
    """Lay the rows of an answer out: words first, then figures, each in the order of the fields."""
    if not rows:
        return ["nothing to show"]
    names = rows[0].__struct_fields__
    every = Sheet(names, [[getattr(row, name) for name in names] for row in rows])
    places = sorted(range(len(names)), key=every.figures().__getitem__)
    return [
        Sheet(
            [names[place].replace("_", " ") for place in places],
            [[row[place] for place in places] for row in every.rows],
        )
    ]
