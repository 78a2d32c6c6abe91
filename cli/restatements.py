"""What is said unasked: a figure of a sealed period is another now than when it was sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    write(f"restated since {tag} was sealed (as at {at}), by {named}{more}:")
    names = list(found["was"])
    width = max(len(name) for name in names[:SHOWN_MAX])
    for name in names[:SHOWN_MAX]:
        was, now = _spelled(found["was"][name]), _spelled(found["now"][name])
        write(f"  {name.ljust(width)}  was {was}, is {now}")
    if len(names) > SHOWN_MAX:
        write(f"  and {len(names) - SHOWN_MAX} more fields")
    write(f"  see: tally diff {tag} {found['at'][:19]} {account} --bridge")


def _spelled(content: object) -> str:
    if content is None:
        return "nothing"
    if isinstance(content, bool):
        return "yes" if content else "no"
    text = str(content)
    return short(text) if text[4:5] == "-" and "T" in text else text
