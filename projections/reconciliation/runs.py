"""Recorded reconciliations as rows: what was believed at a point, and how old it was by then.

Invariant: a report of a past point shows the breaks as they stood there, whatever came later.
This module must not know how a run is made.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ledger.reconciling import OPEN, REOPENED, register
from projections.reconciliation.report import age_days, bucket

if TYPE_CHECKING:
    from ledger.reconciling import Break, Register, Run
    from ledger.store import Reader
    from projections.answers import Formatter, Json
    from projections.point import Point


def breaks_json(known: Register, write: Formatter, *, seen_at: int) -> list[Json]:
    """Give the breaks of a register, the oldest first."""
    rows = sorted(known.breaks.items(), key=lambda one: (one[1].event.first_seen, one[0]))
    return [_break(name, one, write, seen_at=seen_at) for name, one in rows]


def _break(name: str, one: Break, write: Formatter, *, seen_at: int) -> Json:
    days = age_days(one.event.first_seen, seen_at, write.offset)
    return {
        "break": name, "class": one.event.kind, "key": one.event.key, "source": one.source,
        "currency": one.event.currency, "ours": one.event.ours, "theirs": one.event.theirs,
        "delta": one.event.delta, "status": one.state,
        "first_seen": write.instant(one.event.first_seen), "age_days": days, "age": bucket(days),
        "opened": one.opened, "changed": one.changed, "preparer": one.preparer, "by": one.by,
        "how": one.reason,
    }  # fmt: skip


def run_json(run: Run, known: Register, write: Formatter) -> Json:
    """Give one recorded run with who prepared it and who accepted it."""
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
        "signed_off_by": run.signed_by, "signed_off_at": run.signed_at, "reason": run.reason,
    }  # fmt: skip


def report_at(reader: Reader, point: Point, write: Formatter) -> Json:
    """Give ``tally.report_reconciliation/1`` without its schema and point."""
    known = register(reader, until=point.position)
    rows = breaks_json(known, write, seen_at=point.seen_at)
    open_now = [row for row in rows if row["status"] in (OPEN, REOPENED)]
    return {
        "runs": [run_json(run, known, write) for run in known.runs.values()],
        "rows": open_now,
        "ages": dict(sorted(Counter(row["age"] for row in open_now).items())),
        "classes": dict(sorted(Counter(row["class"] for row in open_now).items())),
    }
