"""What is said unasked: a figure of a sealed period is another now than when it was sealed."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from cli.changes import owner_of, spelled
from cli.render import short, write
from projections.history.restated import restated, restated_json

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.point import Point

SHOWN_MAX = 8


def restated_at(session: Session, account: str, point: Point) -> dict[str, Any] | None:
    """Give the object ``restated`` of an answer, if there is anything to say."""
    found = restated(session.reader, account, point)
    return None if found is None else restated_json(found, session.offset)


def write_restated(found: dict[str, Any], account: str) -> None:
    """Say it to a person."""
    at, tag = short(found["at"]), found["since"]
    events = found["events"]
    named = " ".join(f"@{position}" for position in events[:SHOWN_MAX])
    more = f" and {len(events) - SHOWN_MAX} more" if len(events) > SHOWN_MAX else ""
    write(f"restated since {tag} was sealed, as at {at}")
    write(f"  by {named}{more}:")
    lines = _lines(found)
    width = max(len(name) for name, _ in lines[:SHOWN_MAX])
    for name, said in lines[:SHOWN_MAX]:
        write(f"  {name.ljust(width)}  {said}")
    if len(lines) > SHOWN_MAX:
        write(f"  and {len(lines) - SHOWN_MAX} more")
    write(f"  see: tally diff {tag} {found['at'][:19]} {account} --bridge")


def _lines(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Say what each field was and is; what came or went as a whole is one line."""
    lines: list[tuple[str, str]] = []
    for owner, group in groupby(found["was"], key=lambda name: owner_of(name)[0]):
        names = list(group)
        was = {name: found["was"][name] for name in names}
        now = {name: found["now"][name] for name in names}
        amounts = [name for name in names if owner_of(name)[1] in {"outstanding", "remaining"}]
        if owner and all(cell is None for cell in was.values()):
            lines.append((owner, "was not there" + _said(now, amounts)))
        elif owner and all(cell is None for cell in now.values()):
            lines.append((owner, "is not there any more" + _said(was, amounts)))
        else:
            lines += [
                (name, f"was {spelled(was[name])}, is {spelled(now[name])}") for name in names
            ]
    return lines


def _said(cells: dict[str, Any], amounts: list[str]) -> str:
    return "".join(f", {owner_of(name)[1]} {spelled(cells[name])}" for name in amounts)
