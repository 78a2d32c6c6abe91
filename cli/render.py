"""Pages for people: tables and marks that fit 80 columns; colour only on a terminal.

Invariant: whatever text of others holds, a line is one line and moves no cursor: ``write`` and
``note`` are the only ways to a person's eyes, and both spell control characters out.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from projections.pages import Page, Sheet, short
from projections.printable import cut, printable, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from projections.answers.terms import PointShown

WIDTH: Final = 80
MIN_WORD: Final = 6
# Marks that only ``write`` turns into colour: an escape sequence in somebody's text stays text.
_COLOUR, _PLAIN = "\ufdd0", "\ufdd1"


def write(text: str = "") -> None:
    """Print one line of the answer."""
    sys.stdout.write(_shown(text) + "\n")


def write_lines(text: str) -> None:
    """Print a text of several lines, each as one."""
    for line in text.split("\n"):
        write(line)


def note(text: str) -> None:
    """Print one line beside the answer: a note or an error."""
    sys.stderr.write(printable(text) + "\n")


def _shown(text: str) -> str:
    if _COLOUR not in text:
        return printable(text)
    parts = []
    for part in text.split(_COLOUR):
        mark, plain, rest = part.partition(_PLAIN)
        colour, _, marked = mark.partition(";")
        if plain and colour.isdigit():
            parts.append(f"\x1b[{colour}m{printable(marked)}\x1b[0m{printable(rest)}")
        else:
            parts.append(printable(part))
    return "".join(parts)


def flush() -> None:
    """Hand over what was printed, before waiting: whoever reads a pipe must not wait too."""
    sys.stdout.flush()


def coloured() -> bool:
    """Return whether colour may be used: on a terminal, unless NO_COLOR says otherwise."""
    return (
        sys.stdout.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
    )


def strong(text: str, colour: int = 1) -> str:
    """Mark a word, where colour may be used."""
    return f"{_COLOUR}{colour};{text}{_PLAIN}" if coloured() else text


def left(text: str, columns: int) -> str:
    """Pad text on its right, by what it takes on a terminal."""
    return text + " " * (columns - width(text))


def right(text: str, columns: int) -> str:
    """Pad text on its left, by what it takes on a terminal."""
    return " " * (columns - width(text)) + text


def table(
    header: Sequence[str], rows: Iterable[Sequence[object]], *, page: int | None = None
) -> None:
    """Print a table, words to the left and figures to the right.

    A column of amounts, counts or ``Figure`` texts is one of figures. On a ``page`` of this
    width words are cut, the widest first; a figure is never cut.
    """
    sheet = Sheet(header, [list(row) for row in rows])
    cells, figures = sheet.cells(), sheet.figures()
    widths = [max(width(name), *(width(row[i]) for row in cells), 0)
              for i, name in enumerate(header)]  # fmt: skip
    while page is not None and sum(widths) + 2 * (len(header) - 1) > page:
        words_there = [i for i in range(len(header)) if not figures[i]]
        widest = max(words_there, key=widths.__getitem__, default=0)
        if not words_there or widths[widest] <= MIN_WORD:
            break
        widths[widest] -= 1
    for row in [list(header), *cells]:
        parts = [
            right(part, widths[i]) if figures[i] else left(cut(part, widths[i]), widths[i])
            for i, part in enumerate(row)
        ]
        write("  ".join(parts).rstrip())


def write_page(page: Page) -> None:
    """Print the parts of a page, a blank line around each table."""
    before: object = ""
    for place, part in enumerate(page):
        if place and not (isinstance(part, str) and isinstance(before, str)):
            write()
        if isinstance(part, str):
            write(part)
        else:
            if part.said:
                write(part.said)
            table(part.header, part.rows, page=WIDTH)
        before = part


def point_line(point: PointShown, account: str = "") -> str:
    """Describe on one line at which point an answer holds."""
    head = f"{account}  " if account else ""
    return f"{head}at {short(point.at)} · known {short(point.known_at)} · @{point.position}"
