"""From a comparison to the events that remember it.

Invariant: figures are recorded as the report shows them, never computed again.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cli.render import note, plural
from ledger.events import BreakOpened, ReconciliationRun
from ledger.reconciling import record_run, register
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.breaks import sort_key
from projections.reconciliation.report import break_id

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.point import Point
    from projections.reconciliation.breaks import Outcome
    from projections.reconciliation.sources import Compared


def record(
    session: Session, compared: Compared, point: Point, *, file: str, actor: str | None
) -> None:
    """Record a run and its breaks, and say on stderr what was recorded."""
    report = compared.report
    proof, code = report.proof, report.currency
    found = {break_id(report.source, one): one for one in report.breaks}
    matches = sorted(report.matches, key=sort_key)
    named = f"{compared.sha256} {report.source} {point.position}"
    run = ReconciliationRun(
        run=hashlib.sha256(named.encode()).hexdigest()[:12], source=report.source,
        sha256=compared.sha256, currency=code, starts=report.scope.starts, ends=report.scope.ends,
        known_position=point.position, opening=write_amount(proof.opening, code),
        movements=write_amount(proof.movements, code), closing=write_amount(proof.closing, code),
        ledger_balance=write_amount(proof.ledger_balance, code),
        matches=tuple((one.rule, one.ours[0].key, one.theirs[0].key) for one in matches),
        breaks=tuple(found), file=file,
    )  # fmt: skip
    opened = [_opened(name, one, run.run, code) for name, one in found.items()]
    matched = frozenset(break_id(report.source, one) for one in report.matches)
    recorded = record_run(
        session.store, run, opened, matched=matched, now=session.now, actor=actor
    )
    if not recorded:
        note("note: this file was recorded before and says nothing new")
        return
    note(f"recorded run {run.run} as {plural(len(recorded), 'event')}")
    overlaps = register(session.reader).overlapping(run)
    if overlaps:
        note(f"note: its period overlaps that of run {', '.join(overlaps)}")


def _opened(name: str, one: Outcome, run: str, currency: str) -> BreakOpened:
    ours = sum(line.amount for line in one.ours)
    theirs = sum(line.amount for line in one.theirs)
    return BreakOpened(
        run=run, break_id=name, kind=one.kind, key=one.key, currency=currency,
        delta=write_amount(theirs - ours, currency), first_seen=one.first_seen,
        ours=write_amount(ours, one.ours[0].currency) if one.ours else None,
        theirs=write_amount(theirs, one.theirs[0].currency) if one.theirs else None,
    )  # fmt: skip
