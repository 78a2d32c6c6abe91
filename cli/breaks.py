"""From a comparison to the events that remember it.

Invariant: figures are recorded as the report shows them, never computed again; a break keeps the
lines that it was found in, so that it can be shown without the file.
"""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import TYPE_CHECKING

from cli.render import note
from ledger.events import BreakOpened, ReconciliationRun, SeenLine
from ledger.quoting import plural
from ledger.reconciling import register
from ledger.reviewing import Spoken, record_run
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.breaks import sort_key
from projections.reconciliation.report import amount_of, candidates_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.bootstrap import Session
    from projections.point import Point
    from projections.reconciliation.breaks import Outcome
    from projections.reconciliation.lines import Line
    from projections.reconciliation.report import Report
    from projections.reconciliation.sources import Compared

TEXT_MAX, LINES_MAX = 200, 50  # what an event keeps of a payer's words, and of a large knot


def record(
    session: Session, compared: Compared, point: Point, *, file: str, actor: str | None
) -> None:
    """Record a run and its breaks, and say on stderr what was recorded."""
    report = compared.report
    proof, code = report.proof, report.currency
    found = report.named([*report.breaks, *report.expected])
    matches = sorted(report.matches, key=sort_key)
    named = f"{compared.sha256} {report.source} {point.position}"
    run = ReconciliationRun(
        run=hashlib.sha256(named.encode()).hexdigest()[:12], source=report.source,
        sha256=compared.sha256, currency=code, starts=report.scope.starts, ends=report.scope.ends,
        known_position=point.position, opening=write_amount(proof.opening, code),
        movements=write_amount(proof.movements, code), closing=write_amount(proof.closing, code),
        ledger_balance=write_amount(proof.ledger_balance, code),
        matches=tuple(
            (one.rule, (one.ours or one.theirs)[0].key, (one.theirs or one.ours)[0].key)
            for one in matches
        ),
        breaks=tuple(name for name, one in found if not one.expected), file=file[:TEXT_MAX],
    )  # fmt: skip
    names = report.line_names()
    opened = [_opened(name, one, run, names, of=compared.of) for name, one in found]
    matched = frozenset(name for name, _ in report.named(matches))
    recorded = record_run(
        session.ledger, run, opened, matched=matched, actor=actor,
        spoken=Spoken(compared.of, compared.only, _parties(report, names)),
    )  # fmt: skip
    if not recorded:
        note("note: this file was recorded before; nothing is new")
        return
    note(f"recorded run {run.run} as {plural(len(recorded), 'event')}")
    overlaps = register(session.reader).overlapping(run)
    if overlaps:
        note(f"note: its period overlaps that of run {', '.join(overlaps)}")


def _parties(report: Report, names: Mapping[int, str]) -> dict[str, tuple[str, str]]:
    """Return who is on the other side of the statement's lines, by the lines' names."""
    return {
        names[id(line)]: (line.payer[:TEXT_MAX], line.payer_account[:TEXT_MAX])
        for line in report.lines if id(line) in names and (line.payer or line.payer_account)
    }  # fmt: skip


def _opened(
    name: str, one: Outcome, run: ReconciliationRun, names: Mapping[int, str], *, of: str
) -> BreakOpened:
    ours = amount_of(one.ours)
    theirs = amount_of(one.theirs)
    own = {id(line) for line in (*one.ours, *one.theirs)}
    near = {id(line): line for line in chain(*one.candidates) if id(line) not in own}
    return BreakOpened(
        run=run.run, break_id=name, kind=one.kind, key=one.key, currency=run.currency,
        delta=write_amount(theirs - ours, run.currency), first_seen=one.first_seen,
        ours=write_amount(ours, one.ours[0].currency) if one.ours else None,
        theirs=write_amount(theirs, one.theirs[0].currency) if one.theirs else None,
        expected=one.expected, of=of,
        lines=(*(_seen("ledger", line, names) for line in one.ours[:LINES_MAX]),
               *(_seen("statement", line, names) for line in one.theirs[:LINES_MAX])),
        candidates=tuple(map(tuple, candidates_of(one, names)))[:LINES_MAX],
        near=tuple(_seen(_side(line), line, names) for line in list(near.values())[:LINES_MAX]),
    )  # fmt: skip


def _side(line: Line) -> str:
    return "ledger" if line.place.startswith("@") else "statement"


def _seen(side: str, line: Line, names: Mapping[int, str]) -> SeenLine:
    return SeenLine(
        side=side, name=names[id(line)], at=line.instant,
        amount=write_amount(line.amount, line.currency), currency=line.currency, place=line.place,
        account=line.account, reference=", ".join(one.text for one in line.references)[:TEXT_MAX],
        order=line.order, text=line.text[:TEXT_MAX], kind=line.kind, status=line.status,
    )  # fmt: skip
