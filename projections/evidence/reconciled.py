"""Reconciliation runs of a period with their breaks, decisions and reviewers; and the closes.

Everything is the events themselves, in the order of the log: what was found, who decided what,
why, and who reviewed it. Invariant: nothing is computed beyond the state that the last event of
a break leaves it in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ledger import codec
from ledger import events as e
from ledger.loading import events_of_closes
from ledger.periods import format_instant

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from ledger.periods import Period
    from ledger.store import Reader

Json = dict[str, Any]
STATES = {
    "BreakOpened": "open", "BreakReopened": "open", "BreakResolved": "resolved",
    "BreakSignedOff": "signed_off",
}  # fmt: skip


def entry(recorded: RecordedEvent, offset: int) -> Json:
    """Return an event with who, when and why."""
    stored = msgspec.to_builtins(recorded.event)
    kind = stored.pop("type").partition("/")[0]
    if "matches" in stored:  # the events have them; here their number says enough
        stored["matched"] = len(stored.pop("matches"))
    return {
        "position": recorded.position, "type": kind,
        "recorded_at": format_instant(recorded.recorded_at, offset),
        "actor": recorded.actor, "reason": recorded.reason,
        **{
            name: format_instant(cell, offset) if name in e.INSTANTS else cell
            for name, cell in stored.items()
        },
    }  # fmt: skip


def reconciliations(reader: Reader, period: Period, *, until: int, offset: int) -> Json:
    """Return the runs that cover any of the period, and every break that they name or opened."""
    runs: list[Json] = []
    breaks: dict[str, Json] = {}
    wanted: set[str] = set()
    names: set[str] = set()
    known = list(
        codec.decode_all(reader.stream_bodies(e.RECONCILIATION_STREAM, until_position=until))
    )
    for recorded in known:
        event = recorded.event
        if isinstance(event, e.ReconciliationRun):
            if event.starts < period.ends and event.ends > period.starts:
                names.add(event.run)
                wanted.update(event.breaks)
        elif isinstance(event, e.BreakOpened) and event.run in names:
            wanted.add(event.break_id)
    for recorded in known:
        event = recorded.event
        break_id = getattr(event, "break_id", None)
        if break_id is None:
            if getattr(event, "run", None) in names:
                runs.append(entry(recorded, offset))
        elif break_id in wanted:
            one = breaks.setdefault(break_id, {"break": break_id, "state": "", "history": []})
            one["state"] = STATES.get(e.type_name(type(event)), one["state"])
            one["history"].append(entry(recorded, offset))
    return {"runs": runs, "breaks": list(breaks.values())}


def closes(reader: Reader, *, until: int, offset: int) -> list[Json]:
    """Return what closed and reopened periods, oldest first."""
    return [entry(recorded, offset) for recorded in events_of_closes(reader, until=until)]
