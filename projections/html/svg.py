"""Marked-up text, small: elements with their attributes, everything in them escaped.

Invariant: what comes from outside reaches a page through ``text`` and ``node`` alone, where it can
neither open a tag nor close an attribute; coordinates are integers. This module must not know what
is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from projections.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDE, HIGH = 10_000, 1_000  # the drawing's own units; a page stretches them
_EMPTY = frozenset(("path", "line", "rect", "input", "meta"))
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
# A script ends at its first "</": in JSON, every "<" has another spelling.
_IN_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026",
                            "\u2028": "\\u2028", "\u2029": "\\u2029"})  # fmt: skip


class Markup(str):
    """Text that is marked up already, and is not escaped again."""

    __slots__ = ()


def text(said: str) -> Markup:
    """Escape text, for the inside of an element or an attribute; no control of others acts."""
    return said if isinstance(said, Markup) else Markup(printable(said).translate(_ESCAPES))


def script_json(written: str) -> Markup:
    """Make JSON safe inside a script element; it is still the same JSON."""
    return Markup(written.translate(_IN_SCRIPT))


def node(name: str, *inside: str, **attributes: str | int | None) -> Markup:
    """Write an element; ``class_`` is class, ``aria_label`` is aria-label, None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(str(said))}"'
        for key, said in attributes.items()
        if said is not None
    )
    if name in _EMPTY and not inside:
        return Markup(f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{''.join(map(text, inside))}</{name}>")


def joined(pieces: Iterable[str]) -> Markup:
    """Join pieces of markup."""
    return Markup("".join(map(text, pieces)))


class Scale(NamedTuple):
    """Maps [first, last] to [0, size]; one that is a single point lies in the middle."""

    first: int
    last: int
    size: int

    def place(self, at: int) -> int:
        """Return the coordinate of a figure, within the drawing."""
        if self.last == self.first:
            return self.size // 2
        found = (at - self.first) * self.size // (self.last - self.first)
        return max(0, min(self.size, found))

    def percent(self, at: int) -> str:
        """Return the same place as a share of the width, for a page's own boxes."""
        whole, part = divmod(self.place(at) * 10_000 // self.size, 100)
        return f"{whole}.{part:02d}%"
