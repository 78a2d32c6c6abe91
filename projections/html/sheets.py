"""A report of tables alone as a page.

Invariant: the page's cells are those of the text form, uncut. This module must not know what they
mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from projections.html.page import Source, page, table
from projections.html.svg import node

if TYPE_CHECKING:
    from collections.abc import Sequence


class Sheet(Protocol):
    """A table: its first ``text`` columns are words."""

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        ...

    @property
    def rows(self) -> list[list[str]]:
        """The cells."""
        ...

    @property
    def text(self) -> int:
        """How many columns are words."""
        ...


def sheets_page(title: str, since: str, parts: Sequence[Sheet | str], source: Source) -> str:
    """Write tables, and lines of words between them, in their order."""
    inside = [
        node("p", part)
        if isinstance(part, str)
        else table(tuple(part.header), part.rows, words=part.text)
        for part in parts
    ]
    said = f"from {since} to {source.at}" if since else f"at {source.at}"
    return page(title, said, node("section", *inside), source)
