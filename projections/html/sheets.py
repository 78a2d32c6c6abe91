"""A report of tables and lines alone as a page.

Invariant: the page's cells are those of the text form, uncut. This module must not know what they
mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.html.page import Source, page, table
from projections.html.svg import node

if TYPE_CHECKING:
    from projections.pages import Page


def sheets_page(title: str, since: str, parts: Page, source: Source) -> str:
    """Write tables, and lines of words between them, in their order."""
    inside = []
    for part in parts:
        said = part if isinstance(part, str) else part.said
        inside += [node("p", said)] if said else []
        inside += [] if isinstance(part, str) else [table(part)]
    said = f"from {since} to {source.at}" if since else f"at {source.at}"
    return page(title, said, node("section", *inside), source)
