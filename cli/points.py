"""Points in time on the command line: one grammar for --at, --known-at, --position, --as-of.

A missing offset means the ledger's calendar offset; a bare date is the end of that local day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.errors import InvalidInput
from ledger.periods import DAY, HOUR, MINUTE, SECOND, is_bare_date, parse_instant
from projections.point import Asked, Point

if TYPE_CHECKING:
    from cli.bootstrap import Session

_UNITS = {"d": DAY, "h": HOUR, "min": MINUTE, "s": SECOND}


def read_instant(text: str, offset: int) -> int:
    """Read an instant as a reading point: a bare date means its last second."""
    instant = parse_instant(text, offset)
    return instant + DAY - SECOND if is_bare_date(text) else instant


def read_duration(text: str) -> int | None:
    """Read ``7d``, ``12h``, ``30min`` or ``45s``; None if it is something else."""
    for unit, size in sorted(_UNITS.items(), key=lambda one: -len(one[0])):
        number = text.removesuffix(unit)
        if number != text and number.isascii() and number.isdigit():
            return int(number) * size
    return None


def read_position(text: str, head: int) -> int:
    """Read ``17``, ``@17`` or ``head``. Raises: InvalidInput."""
    if text == "head":
        return head
    number = text.removeprefix("@")
    if number.isascii() and number.isdigit():
        return int(number)
    msg = f"{text!r} is not a position"
    raise InvalidInput(msg, hint="write it like 17, @17 or head")


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
    if as_of is not None and (at is not None or known_at is not None):
        msg = "--as-of is --at and --known-at at once"
        raise InvalidInput(msg, hint="give --as-of alone, or the two others")
    offset = session.offset

    def instant(text: str | None) -> int | None:
        return None if text is None else read_instant(text, offset)

    where = None
    if position is not None:
        where = read_position(position, session.reader.head().position)
    both = instant(as_of)
    return session.point(Asked(both or instant(at), both or instant(known_at), where))




def read_start(text: str, offset: int) -> int:
    """Read an instant as the beginning of a span: a bare date means its 00:00:00."""
    return parse_instant(text, offset)
