"""One event on one line, alone or under its cause: the log, its graph, the debugger, the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cli.changes import spelled
from cli.render import write
from projections.pages import short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from projections.answers.events import Event, Planned
    from projections.answers.hunting import Changed

WIDTH = 79
_LINE_WIDTH = 80
_SUMMARY = (
    "code", "reason", "amount", "price", "cash_part", "outstanding", "months", "expires_at",
)  # fmt: skip


def fitting(line: str, width: int = WIDTH) -> str:
    """Cut a line to the page."""
    return line if len(line) <= width else line[: width - 3] + "..."


def event_line(row: Planned) -> str:
    """Write an event on one line, with as many of its facts as 80 columns hold."""
    late = " (late)" if row.effective_at < row.recorded_at else ""
    who = " ".join(part for part in (row.account, row.instance) if part) or "-"
    line = f"@{row.position:<5} {short(row.effective_at):<19} {who}  {row.type}"
    for name in _SUMMARY:
        fact = row.data.get(name)
        if fact is None:
            continue
        shown = f" {name}={spelled(fact) if name.endswith('_at') else fact}"
        if len(line) + len(shown) + len(late) <= _LINE_WIDTH:
            line += shown
    return line + late


# Acts of people that are not commands to an account: what recorded them.
_ACTS: Final = {
    "PolicyAdopted": "init", "TagAdded": "tag add", "PeriodClosed": "close",
    "PeriodReopened": "reopen", "ChecksAdopted": "check --adopt",
    "ReconciliationRun": "reconcile --record",
    "ReconciliationSignedOff": "breaks sign-off", "BreakOpened": "reconcile --record",
    "PartiesSeen": "reconcile --record", "RunNarrowed": "reconcile --record",
    "BreakResolved": "breaks resolve", "BreakSignedOff": "breaks sign-off",
    "BreakReopened": "breaks reopen", "MatchConfirmed": "reconcile --match",
    "NoticeSent": "notify", "NoticeFailed": "notify",
}  # fmt: skip


def origin_of(event: Event | Changed) -> str:
    """Return what recorded an event that no other event caused: a command, an act, or the clock."""
    return event.command or _ACTS.get(event.type, "the clock")


def caused_by(event: Event | Changed) -> str:
    """Return who or what caused an event that no other event caused."""
    who = f" by {event.actor}" if event.actor else ""
    what = f"{'command ' if event.command else ''}{origin_of(event)}{who}"
    reason = f' "{event.reason}"' if event.reason else ""
    return f"{what}{reason}, {short(event.recorded_at)}"


def write_graph(rows: Iterable[Event]) -> None:
    """Write each event under its cause; what caused the first of a batch stands above it."""
    depths: dict[int, int] = {}
    for row in rows:
        depth = 0 if row.cause is None else depths.get(row.cause, -1) + 1
        depths[row.position] = depth
        if not depth:
            depths = {row.position: 0}  # a batch refers to nothing before it
            write(fitting(caused_by(row)))
        write(fitting(f"{'   ' * depth}└─ {event_line(row)}"))
