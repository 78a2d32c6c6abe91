"""Changes of fields for people: grouped by their owner, so that a line fits 80 columns."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from cli.render import short, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WIDTH = 16


def spelled(content: object) -> str:
    """Write what a field holds."""
    if content is None:
        return "-"
    if isinstance(content, bool):
        return "yes" if content else "no"
    text = str(content)
    return short(text) if text[4:5] == "-" and text[10:11] == "T" else text


def owner_of(field: str) -> tuple[str, str]:
    """Split ``instances["i-1"].state`` into its owner and the rest."""
    owner, bracket, rest = field.rpartition('"].')
    return (owner + bracket[:-1], rest) if bracket else ("", field)


def write_changes(
    rows: Iterable[dict[str, Any]], *,
    before: str = "from", after: str = "to", indent: str = "  ",
    beneath: Callable[[dict[str, Any]], None] | None = None,
) -> None:  # fmt: skip
    """Write rows with a field, what it was and what it is; ``beneath`` adds to a row."""
    for owner, group in groupby(rows, key=lambda row: owner_of(row["field"])[0]):
        inner, held = indent, list(group)
        if owner:
            gone = beneath is None and all(row[after] is None for row in held)
            write(f"{indent}{owner}{_farewell(held, before) if gone else ''}")
            inner = indent + "  "
            held = [] if gone else held
        for row in held:
            name = owner_of(row["field"])[1].ljust(WIDTH)
            was, now = spelled(row[before]), spelled(row[after])
            delta = f"  ({_signed(row['delta'])})" if row.get("delta") else ""
            write(f"{inner}{name}  {was:>12} -> {now}{delta}")
            if beneath is not None:
                beneath(row)


def _farewell(rows: list[dict[str, Any]], before: str) -> str:
    """Return what is gone with its amounts, instead of a line for each of its fields."""
    money = [row for row in rows if owner_of(row["field"])[1] in {"outstanding", "remaining"}]
    parts = [f"{owner_of(row['field'])[1]} was {spelled(row[before])}" for row in money]
    return "  gone" + (f" ({', '.join(parts)})" if parts else "")


def _signed(amount: str) -> str:
    return amount if amount.startswith("-") else f"+{amount}"
