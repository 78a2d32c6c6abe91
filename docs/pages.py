"""What the generated pages share: the notice, tables, and docstrings as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOTICE: Final = "<!-- Written by docs/generate.py. Do not edit it: make docs -->"
Rows: TypeAlias = "Sequence[tuple[str, ...]]"


class Undocumented(Exception):
    """Something that a reader needs is not documented."""


def raw(text: str | None, what: str) -> str:
    """Return a text that must be there. Raises: Undocumented."""
    if not text:
        msg = f"{what} has no docstring"
        raise Undocumented(msg)
    return text


def said(text: str | None, what: str) -> str:
    """Return a docstring as one paragraph after another."""
    lines = [line.strip() for line in raw(text, what).strip().splitlines()]
    return "\n".join(lines).replace("``", "`")


def table(head: tuple[str, ...], rows: Rows) -> Iterator[str]:
    """Write a table in Markdown."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


