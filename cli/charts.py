"""A step line in a few lines of text: eight rows of blocks, time from left to right."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

WIDTH = 60
HEIGHT = 8
_BLOCKS = " ▁▂▃▄▅▆▇█"


def chart(
    instants: Sequence[int], values: Sequence[int | Fraction], *, top: str, bottom: str
) -> list[str]:
    """Draw values that each hold from their instant to the next one's."""
    low, high = min(values), max(values)
    columns = [_level(value, low, high) for value in _columns(instants, values)]
    label = max(len(top), len(bottom))
    lines = []
    for row in range(HEIGHT - 1, -1, -1):
        name = top if row == HEIGHT - 1 else bottom if row == 0 else ""
        cells = "".join(_BLOCKS[min(max(level - row * 8, 0), 8)] for level in columns)
        lines.append(f"  {name:>{label}} |{cells}".rstrip())
    return lines


def _level(value: int | Fraction, low: int | Fraction, high: int | Fraction) -> int:
    """Scale to 1 .. HEIGHT * 8 eighths, rounded down."""
    if high == low:
        return HEIGHT * 4
    return int((value - low) * (HEIGHT * 8 - 1) // (high - low)) + 1


def _columns(
    instants: Sequence[int], values: Sequence[int | Fraction]
) -> list[int | Fraction]:
    """Return the value at the end of each column's span."""
    first, last = instants[0], instants[-1]
    span = max(last - first, 1)
    found: list[int | Fraction] = []
    place = 0
    for column in range(1, WIDTH + 1):
        end = first + span * column // WIDTH
        while place + 1 < len(instants) and instants[place + 1] <= end:
            place += 1
        found.append(values[place])
    return found
