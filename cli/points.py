"""Points in time on the command line: one grammar wherever one is asked for.

The grammar is projections/history/points.py; here are the options --at, --known-at, --position and
--as-of, and POINT arguments. A missing offset means the ledger's calendar offset; a bare date is
the end of that local day, or its beginning where a span begins.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from ledger.periods import DAY, HOUR, MINUTE, SECOND
from projections.history import points
from projections.history.points import (
    Here,
    count,
    parse_at,
    parse_point,
)
from projections.point import Asked, Point

if TYPE_CHECKING:
    from cli.bootstrap import Session

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


def asked(
    session: Session,
    *,
    at: str | None = None,
    known_at: str | None = None,
    position: str | None = None,
    as_of: str | None = None,
) -> Point:
    """Turn the four point options into a resolved point.

    Raises: InvalidInput, PointInTheFuture, NoSuchThing.
    """
    if at is known_at is position is as_of is None:
        return session.point(Asked())
    wanted = points.Point(at=at, known_at=known_at, position=position, as_of=as_of)
    return session.point(wanted.read(session.here()))


def point_argument(session: Session, text: str | None) -> Point:
    """Resolve a POINT that was given as an argument; none means everything.

    Raises: InvalidInput, PointInTheFuture, NoSuchThing.
    """
    return session.point(Asked() if text is None else parse_point(text, session.here()))


class PointCommand(click.Command):
    """A command whose arguments are points: ``-7d`` is one of them, and no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spell such a point so that it does not look like an option."""
        return super().parse_args(
            ctx, [f"today{one}" if _BACK.fullmatch(one) else one for one in args]
        )
