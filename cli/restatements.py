"""The note inside a closed period: how many facts have moved the answer since the close.

JSON carries the key ``restated``; a page says it on a line, and so does a note on stderr where an
answer is rows.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from cli.changes import owner_of, spelled
from cli.render import left, write
from projections.printable import width

if TYPE_CHECKING:
    from msgspec import UnsetType

    from cli.bootstrap import Session
    from projections.answers.terms import Restated
    from projections.history.restated import Was
    from projections.point import Point

SHOWN_MAX = 8


def restated_lines(found: Restated) -> list[str]:
    """Describe it in words: one line for the facts and one for each currency."""
    if not found.facts:
        return [f"{found.period} is closed; nothing has restated this since"]
    have = "fact has" if found.facts == 1 else "facts have"
    sums = (
        ", ".join(f"{field} {amount:+f}" for field, amount in own.told().items()) + f" {currency}"
        for currency, own in found.by.items()
    )
    first = f"{found.period} is closed; {found.facts} {have} restated this since:"
    return [first, *(f"  {one}" for one in sums)]


def restated_line(found: Restated) -> str:
    """Describe it on one line."""
    return " ".join(line.strip() for line in restated_lines(found))


def say_restated(found: Restated | UnsetType, *, gap: bool = True) -> None:
    """Print it on a page, after an empty line unless ``gap`` says no."""
    if not found:
        return
    if gap:
        write()
    for line in restated_lines(found):
        write(line)


def write_was(session: Session, account: str, point: Point) -> None:
    """Write what each restated field of an account was at the close, and is.

    For points inside a closed period alone: the answer says so (``restated``).
    """
    frame = session.frame(point)
    if frame is None:
        return
    from projections.history.restated import was_and_is  # noqa: PLC0415 - few points need it

    found = was_and_is(session, frame, account, point)
    if found is None:
        return
    named = " ".join(f"@{position}" for position in found.positions[:SHOWN_MAX])
    more = len(found.positions) - SHOWN_MAX
    write(f"  by {named}{f' and {more} more' if more > 0 else ''}")
    lines = _lines(found)
    widest = max((width(name) for name, _ in lines[:SHOWN_MAX]), default=0)
    for name, said in lines[:SHOWN_MAX]:
        write(f"  {left(name, widest)}  {said}")
    if len(lines) > SHOWN_MAX:
        write(f"  and {len(lines) - SHOWN_MAX} more")


def _lines(found: Was) -> list[tuple[str, str]]:
    """Return what each field was and is; what came or went as a whole is one line."""
    lines: list[tuple[str, str]] = []
    for owner, group in groupby(found.was, key=lambda name: owner_of(name)[0]):
        names = list(group)
        was = {name: found.was[name] for name in names}
        now = {name: found.now[name] for name in names}
        amounts = [name for name in names if owner_of(name)[1] in {"outstanding", "remaining"}]
        if owner and all(cell is None for cell in was.values()):
            lines.append((owner, "was not there" + _said(now, amounts)))
        elif owner and all(cell is None for cell in now.values()):
            lines.append((owner, "is no longer there" + _said(was, amounts)))
        else:
            lines += [
                (name, f"was {spelled(was[name])}, is {spelled(now[name])}") for name in names
            ]
    return lines


def _said(cells: dict[str, Any], amounts: list[str]) -> str:
    return "".join(f", {owner_of(name)[1]} {spelled(cells[name])}" for name in amounts)
