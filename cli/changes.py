"""Changes of fields for people: grouped by their owner, so that a line fits 80 columns."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from cli.render import write
from projections.answers.terms import Instant
from projections.pages import short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from projections.answers.diff import Difference
    from projections.answers.hunting import Stepped

WIDTH = 16


def spelled(content: object) -> str:
    """Write what a field holds."""
    if content is None:
        return "-"
    if isinstance(content, bool):
        return "yes" if content else "no"
    text = str(content)
    written = text[4:5] == "-" and text[10:11] == "T"
    return short(Instant.fromisoformat(text)) if written else text


def owner_of(field: str) -> tuple[str, str]:
    """Split ``instances["i-1"].state`` into its owner and the rest."""
    owner, bracket, rest = field.rpartition('"].')
    return (owner + bracket[:-1], rest) if bracket else ("", field)


def write_changes(
    rows: Iterable[Stepped | Difference], *, before: str = "from_", after: str = "to",
    indent: str = "  ", beneath: Callable[[Any], None] | None = None,
) -> None:  # fmt: skip
    """Write rows with a field, what it was and what it is; ``beneath`` adds to a row."""
    for owner, group in groupby(rows, key=lambda row: owner_of(row.field)[0]):
        inner, held = indent, list(group)
        if owner:
            gone = beneath is None and all(getattr(row, after) is None for row in held)
            write(f"{indent}{owner}{_farewell(held, before) if gone else ''}")
            inner = indent + "  "
            held = [] if gone else held
        for row in held:
            name = owner_of(row.field)[1].ljust(WIDTH)
            was, now = spelled(getattr(row, before)), spelled(getattr(row, after))
            delta = getattr(row, "delta", UNSET)
            write(f"{inner}{name}  {was:>12} -> {now}"
                  f"{'' if delta is UNSET else f'  ({delta:+f})'}")  # fmt: skip
            if beneath is not None:
                beneath(row)


def _farewell(rows: list[Stepped | Difference], before: str) -> str:
    """Return what is gone with its amounts, instead of a line for each of its fields."""
    money = [row for row in rows if owner_of(row.field)[1] in {"outstanding", "remaining"}]
    parts = [f"{owner_of(row.field)[1]} was {spelled(getattr(row, before))}" for row in money]
    return "  gone" + (f" ({', '.join(parts)})" if parts else "")
