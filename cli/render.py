"""Pages for people: tables and marks that fit 80 columns; colour only on a terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RIGHT = frozenset(
    ("cash", "outstanding", "available", "coupons", "amount", "remaining", "forfeited",
     "position", "events", "lag", "version", "count", "lines", "accounts")
)  # fmt: skip


def write(text: str = "") -> None:
    """Print one line of the answer."""
    sys.stdout.write(text + "\n")


def flush() -> None:
    """Hand over what was printed, before waiting: whoever reads a pipe must not wait too."""
    sys.stdout.flush()


def coloured() -> bool:
    """Whether colour may be used: on a terminal, unless NO_COLOR says otherwise."""
    return (
        sys.stdout.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
    )


def strong(text: str, colour: int = 1) -> str:
    """Mark a word, where colour may be used."""
    return f"\x1b[{colour}m{text}\x1b[0m" if coloured() else text


def short(instant: str | None) -> str:
    """Write an instant for a table: without the offset, and without a midnight."""
    if instant is None:
        return "-"
    day, _, time = instant.partition("T")
    return day if time.startswith("00:00:00") else f"{day} {time[:8]}"


def cell(content: object) -> str:
    """Write one cell of a table."""
    if content is None:
        return "-"
    if isinstance(content, bool):
        return "yes" if content else "no"
    return str(content)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; figures to the right."""
    cells = [[cell(content) for content in row] for row in rows]
    widths = [
        max(len(name), *(len(row[i]) for row in cells)) if cells else len(name)
        for i, name in enumerate(header)
    ]

    def line(parts: Sequence[str]) -> str:
        return "  ".join(
            part.rjust(width) if name in RIGHT else part.ljust(width)
            for part, width, name in zip(parts, widths, header, strict=True)
        ).rstrip()

    write(line(header))
    for row in cells:
        write(line(row))


def plural(count: int, noun: str) -> str:
    """Write a number of things."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def point_line(point: dict[str, object], account: str = "") -> str:
    """Say on one line at which point an answer holds."""
    at, known = short(str(point["at"])), short(str(point["known_at"]))
    head = f"{account}  " if account else ""
    return f"{head}at {at} · known {known} · @{point['position']}"
