"""The frame of every page: its title, its own style, and at its foot what it was made of.

Invariant: the foot names the command, the point and the root of the log, from which the page can be
made again byte by byte; the page asks nobody for anything. This module must not know any report.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from projections.html.svg import Markup, joined, node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projections.pages import Sheet

# What fits beside each other on a telephone, in characters; a longer word breaks.
_ROOM, _WORD = 44, 10
# Nothing may be loaded, from anywhere: what a page needs is in it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


class Source(NamedTuple):
    """What a page was made of; ``restated`` says what facts since a close have changed in it."""

    command: str
    at: str
    known_at: str
    position: int
    root: str
    restated: str | None = None


def page(title: str, said: str, body: str, source: Source, script: str = "") -> str:
    """Write a whole page."""
    head = joined(
        (
            Markup('<meta charset="utf-8">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup('<meta name="color-scheme" content="light dark">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
            node("title", title),
            node("style", resource("drawing.css"), resource("page.css")),
        )
    )
    top = node("header", node("h1", title), node("p", said, class_="said"))
    content = joined((top, node("main", body), _foot(source), Markup(script)))
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{content}</body></html>\n'


def resource(name: str) -> Markup:
    """Read one of our files that becomes part of the page."""
    return Markup(files("projections.html").joinpath(name).read_text(encoding="utf-8"))


def _foot(source: Source) -> Markup:
    rows = (
        ("command", source.command),
        ("point", f"at {source.at}, known at {source.known_at}, @{source.position}"),
        ("log root", source.root),
        *([] if source.restated is None else [("restated", source.restated)]),
    )
    return node(
        "footer",
        node(
            "dl",
            *(joined((node("dt", name), node("dd", node("code", cell)))) for name, cell in rows),
        ),
    )


def section(title: str, said: str, *inside: str, name: str) -> Markup:
    """Write a part of a page under its own heading."""
    return node(
        "section", node("h2", title, id=f"{name}-title"), node("p", said, class_="said"), *inside,
        aria_labelledby=f"{name}-title", class_=name,
    )  # fmt: skip


def table(sheet: Sheet, *, cards: bool = True) -> Markup:
    """Write a table; a figure stands to the right.

    On a narrow page one that does not fit becomes cards, in which each cell says its column.
    """
    figures, rows = sheet.figures(), sheet.cells()

    def cells(tag: str, row: Sequence[str]) -> Markup:
        names = sheet.header if tag == "td" and wide else [None] * len(row)
        return node(
            "tr",
            *(
                node(tag, cell, class_="n" if figure else None, data_name=name,
                     scope="col" if tag == "th" else None)
                for cell, name, figure in zip(row, names, figures, strict=True)
            ),
        )  # fmt: skip

    wide = cards and _room(sheet.header, rows, figures) > _ROOM
    inside = (
        node("thead", cells("th", sheet.header)),
        node("tbody", *(cells("td", row) for row in rows)),
    )
    drawn = node("table", *inside, class_="wide" if wide else None)
    return node("div", drawn, class_="scroll", tabindex=0, role="region",
                aria_label="table")  # fmt: skip


def _room(header: Sequence[str], rows: list[list[str]], figures: list[bool]) -> int:
    """Return how many characters a table needs beside each other; words may break."""
    columns = zip(zip(header, *rows, strict=True), figures, strict=True)
    sizes = ((max(map(len, column)), figure) for column, figure in columns)
    return len(header) + sum(size if figure else min(size, _WORD) for size, figure in sizes)
