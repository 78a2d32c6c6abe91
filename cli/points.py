"""Durations, instants and POINT arguments as they are typed.

The grammar of points is projections/history/points.py; ``LedgerView.at`` resolves one.
"""

from __future__ import annotations

import re

import click

from ledger.periods import DAY, HOUR, MINUTE, SECOND
from projections.history.points import Here, count, parse_at

_UNITS = {"d": DAY, "h": HOUR, "min": MINUTE, "s": SECOND}
_BACK = re.compile(r"-\d+(?:s|min|h|d|w)(?:::.*)?")


def read_duration(text: str) -> int | None:
    """Read ``7d``, ``12h``, ``30min`` or ``45s``; None if it is something else."""
    for unit, size in sorted(_UNITS.items(), key=lambda one: -len(one[0])):
        number = text.removesuffix(unit)
        if number != text and number.isascii() and number.isdigit():
            return count(number) * size
    return None


def read_instant(text: str, offset: int) -> int:
    """Read an instant, or the last second of a day or month, without a clock."""
    return parse_at(text, Here(0, offset, 0, {}))


class PointCommand(click.Command):
    """A command whose arguments are points: ``-7d`` is one of them, and no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spell such a point so that it does not look like an option."""
        return super().parse_args(
            ctx, [f"today{one}" if _BACK.fullmatch(one) else one for one in args]
        )
