"""Recorded reconciliations as rows: what was believed at a point, and how old it was by then.

Invariant: a report of a past point shows the breaks as they stood there, whatever came later.
This module must not know how a run is made.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ledger import codec
from ledger import events as e
from ledger.errors import InvalidInput, NoSuchThing
from ledger.policy import did_you_mean
from ledger.reconciling import OPEN, REOPENED, known_break, register
from projections.reconciliation.amounts import read_amount, write_amount
from projections.reconciliation.report import age_days, bucket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.reconciling import Break, Register, Run
    from ledger.store import Reader
    from projections.answers import Formatter, Json
    from projections.point import Point

_WHAT = {
    e.BreakOpened: "found", e.BreakResolved: "resolved", e.BreakSignedOff: "signed off",
    e.BreakReopened: "reopened", e.MatchConfirmed: "matched by hand",
}  # fmt: skip


def breaks_json(known: Register, write: Formatter, *, seen_at: int) -> list[Json]:
    """Return the breaks of a register, the oldest first."""
    rows = sorted(known.breaks.items(), key=lambda one: (one[1].event.first_seen, one[0]))
    return [_break(name, one, known, write, seen_at=seen_at) for name, one in rows]


def _break(name: str, one: Break, known: Register, write: Formatter, *, seen_at: int) -> Json:
    days = age_days(one.event.first_seen, seen_at, write.offset)
    return {
        "break": name, "class": one.event.kind, "key": one.event.key, "source": one.source,
        "currency": one.event.currency, "ours": one.event.ours, "theirs": one.event.theirs,
        "delta": one.event.delta, "status": one.state, "expected": one.event.expected,
        "first_seen": write.instant(one.event.first_seen), "age_days": days, "age": bucket(days),
        "opened": one.opened, "changed": one.changed, "preparer": one.preparer, "by": one.by,
        "how": one.reason, "file": known.runs[one.event.run].event.file or None,
    }  # fmt: skip


def is_open(row: Json) -> bool:
    """Return whether a row is a break that somebody has to look at."""
    return row["status"] in (OPEN, REOPENED) and not row["expected"]


def break_json(
    reader: Reader, point: Point, break_id: str, write: Formatter
) -> Json:
    """Return one break whole: both sides, what could explain it, and what became of it.

    Raises: NoSuchThing.
    """
    known = register(reader, until=point.position)
    one = known_break(known, break_id)
    run = known.runs[one.event.run].event
    return {
        "break": _break(break_id, one, known, write, seen_at=point.seen_at),
        "run": run.run, "file": run.file or None, "sha256": run.sha256,
        "lines": [_line(line, write, known.parties.get((run.run, line.name)))
                  for line in one.event.lines],
        "candidates": [list(names) for names in one.event.candidates],
        "near": [_line(line, write, known.parties.get((run.run, line.name)))
                 for line in one.event.near],
        "history": _history(reader, point, break_id, write),
    }  # fmt: skip


def _line(line: e.SeenLine, write: Formatter, party: tuple[str, str] | None) -> Json:
    payer, account = party or ("", "")
    return {
        **line._asdict(), "at": write.instant(line.at), "payer": payer, "payer_account": account,
    }  # fmt: skip


def _history(reader: Reader, point: Point, break_id: str, write: Formatter) -> list[Json]:
    bodies = reader.stream_bodies(e.RECONCILIATION_STREAM, until_position=point.position)
    return [
        {
            "position": recorded.position, "at": write.instant(recorded.recorded_at),
            "what": _WHAT[type(recorded.event)], "class": getattr(recorded.event, "kind", None),
            "run": getattr(recorded.event, "run", None), "by": recorded.actor,
            "reason": recorded.reason,
        }
        for recorded in codec.decode_all(bodies)
        if getattr(recorded.event, "break_id", None) == break_id
    ]  # fmt: skip


def chosen(one: Break, break_id: str, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part the named lines of a break into ours and theirs, if they add up.

    Raises: NoSuchThing, InvalidInput.
    """
    lines = {line.name: line for line in (*one.event.lines, *one.event.near)}
    for name in names:
        if name not in lines:
            near = did_you_mean(name, list(lines)) or f"see them with: tally breaks show {break_id}"
            raise NoSuchThing(f"break {break_id} has no line {name!r}", hint=near)
    picked = [lines[name] for name in dict.fromkeys(names)]
    ours = [line for line in picked if line.side == "ledger"]
    theirs = [line for line in picked if line.side != "ledger"]
    if not ours or not theirs:
        msg = "a match has lines of both sides"
        raise InvalidInput(msg, hint=f"name some of each: tally breaks show {break_id}")
    differs = sum(read_amount(line.amount) for line in theirs) - sum(
        read_amount(line.amount) for line in ours
    )
    proposed = {line.name for line in picked} in [set(group) for group in one.event.candidates]
    if differs and not proposed:
        size = write_amount(differs, one.event.currency)
        msg = f"these lines differ by {size} {one.event.currency}"
        raise InvalidInput(msg, hint="name lines that add up, or sign the break off as it stands")
    return [line.name for line in ours], [line.name for line in theirs]


def run_json(run: Run, known: Register, write: Formatter) -> Json:
    """Return one recorded run with who prepared it and who accepted it."""
    event = run.event
    return {
        "run": event.run, "source": event.source, "sha256": event.sha256,
        "currency": event.currency,
        "period": {"starts": write.instant(event.starts), "ends": write.instant(event.ends)},
        "matched": len(event.matches), "breaks": len(event.breaks), "opening": event.opening,
        "movements": event.movements, "closing": event.closing,
        "ledger_balance": event.ledger_balance, "position": run.position,
        "recorded_at": write.instant(run.recorded_at), "preparer": run.actor,
        "overlaps": known.overlapping(event), "file": event.file or None,
        "only": list(run.only),
        "signed_off_by": run.signed_by, "signed_off_at": run.signed_at, "reason": run.reason,
    }  # fmt: skip


def report_at(reader: Reader, point: Point, write: Formatter) -> Json:
    """Return ``tally.report_reconciliation/1`` without its schema and point."""
    known = register(reader, until=point.position)
    rows = breaks_json(known, write, seen_at=point.seen_at)
    open_now = [row for row in rows if is_open(row)]
    return {
        "runs": [run_json(run, known, write) for run in known.runs.values()],
        "rows": open_now,
        "expected": [row for row in rows if row["expected"] and row["status"] == OPEN],
        "accepted": [row for row in rows if row["status"] not in (OPEN, REOPENED)],
        "ages": dict(sorted(Counter(row["age"] for row in open_now).items())),
        "classes": dict(sorted(Counter(row["class"] for row in open_now).items())),
    }
