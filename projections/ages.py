"""The one scale of ages, in whole days: what is overdue, and what two sides do not agree on."""

from __future__ import annotations

from typing import Final

# Days, both ends included; the last has no end.
AGES: Final = ((0, 1), (2, 7), (8, 30), (31, 60), (61, 90), (91, None))
NAMES: Final = tuple("90+" if last is None else f"{first}-{last}" for first, last in AGES)


def age_of(days: int) -> str:
    """Name the age of a number of days."""
    return next(
        name for name, (_, last) in zip(NAMES, AGES, strict=True) if last is None or days <= last
    )
