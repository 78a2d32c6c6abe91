"""Events under their causes: the tree of ``log --graph`` and of the debugger's ``y``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.render import short, write

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDTH = 79


def fitting(line: str, width: int = WIDTH) -> str:
    """Cut a line to the page."""
    return line if len(line) <= width else line[: width - 3] + "..."


def caused_by(event: dict[str, Any]) -> str:
    """Say who or what caused an event that no other event caused."""
    who = f" by {event['actor']}" if event["actor"] else ""
    what = f"command {event['command']}{who}" if event["command"] else "the clock"
    reason = f' "{event["reason"]}"' if event["reason"] else ""
    return f"{what}{reason}, {short(event['recorded_at'])}"


def write_graph(rows: Iterable[dict[str, Any]]) -> None:
    """Write each event under its cause; what caused the first of a batch stands above it."""
    from cli.commands.log import event_line  # noqa: PLC0415 - log imports this module

    depths: dict[int, int] = {}
    for row in rows:
        cause = row["cause"]
        depth = depths.get(cause, 0) + 1 if cause in depths else 0
        depths[row["position"]] = depth
        if not depth:
            depths = {row["position"]: 0}  # a batch refers to nothing before it
            write(fitting(caused_by(row)))
        write(fitting(f"{'   ' * depth}└─ {event_line(row)}"))
