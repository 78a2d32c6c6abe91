"""Recorded reconciliations: what one remembers of a comparison, and what was believed at a point.

Invariant: figures are recorded as the report shows them, never computed again; a break keeps the
lines that it was found in, so that it can be shown without the file. A report of a past point
shows the breaks as they stood there, whatever came later.
This module must not know how lines match.
"""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from ledger import codec
from ledger import events as e
from ledger.errors import InvalidInput, NoSuchThing
from ledger.policy import did_you_mean
from ledger.reconciling import OPEN, REOPENED, NewRun, known_break, register
from projections.answers.reconciling import (
    BreakRow,
    Breaks,
    BreakShown,
    LineShown,
    RunShown,
    Span,
    Step,
)
from projections.answers.terms import Exact, Instant
from projections.reconciliation.amounts import read_amount, write_amount
from projections.reconciliation.breaks import sort_key
from projections.reconciliation.lines import amount_of
from projections.reconciliation.report import age_days, bucket, candidates_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ledger.reconciling import RecordedBreak, RecordedRun, RunRegister
    from ledger.store import Reader
    from projections.point import Point
    from projections.reconciliation.breaks import MatchOutcome
    from projections.reconciliation.lines import Line
    from projections.reconciliation.sources import Compared
    from projections.view import LedgerView

TEXT_MAX, LINES_MAX = 200, 50  # what an event keeps of a payer's words, and of a large knot
_WHAT = {
    e.BreakOpened: "found", e.BreakResolved: "resolved", e.BreakSignedOff: "signed off",
    e.BreakReopened: "reopened", e.MatchConfirmed: "matched by hand",
}  # fmt: skip


def new_run(compared: Compared, *, position: int, file: str) -> NewRun:
    """Return what the log remembers of a comparison at a position."""
    report, proof, code = compared.report, compared.report.proof, compared.report.currency
    found = report.named([*report.breaks, *report.expected])
    matches = sorted(report.matches, key=sort_key)
    named = f"{compared.sha256} {report.source} {position}"
    run = e.ReconciliationRun(
        run=hashlib.sha256(named.encode()).hexdigest()[:12], source=report.source,
        sha256=compared.sha256, currency=code, starts=report.scope.starts, ends=report.scope.ends,
        known_position=position, opening=write_amount(proof.opening, code),
        movements=write_amount(proof.movements, code), closing=write_amount(proof.closing, code),
        ledger_balance=write_amount(proof.ledger_balance, code),
        matches=tuple(
            (match.rule, (match.ours or match.theirs)[0].key, (match.theirs or match.ours)[0].key)
            for match in matches
        ),
        breaks=tuple(name for name, one in found if not one.expected), file=file[:TEXT_MAX],
    )  # fmt: skip
    names = report.line_names()
    parties = {
        names[id(line)]: (line.payer[:TEXT_MAX], line.payer_account[:TEXT_MAX])
        for line in report.lines if id(line) in names and (line.payer or line.payer_account)
    }  # fmt: skip
    return NewRun(
        run, [_opened(name, one, run, names, of=compared.of) for name, one in found],
        matched=frozenset(name for name, _ in report.named(matches)),
        of=compared.of, only=compared.only, parties=parties,
    )  # fmt: skip


def _opened(
    name: str, one: MatchOutcome, run: e.ReconciliationRun, names: Mapping[int, str], *, of: str
) -> e.BreakOpened:
    ours, theirs = amount_of(one.ours), amount_of(one.theirs)
    own = {id(line) for line in (*one.ours, *one.theirs)}
    near = {id(line): line for line in chain(*one.candidates) if id(line) not in own}
    kept = (*one.ours[:LINES_MAX], *one.theirs[:LINES_MAX])
    return e.BreakOpened(
        run=run.run, break_id=name, kind=one.kind, key=one.key, currency=run.currency,
        delta=write_amount(theirs - ours, run.currency), first_seen=one.first_seen,
        ours=write_amount(ours, one.ours[0].currency) if one.ours else None,
        theirs=write_amount(theirs, one.theirs[0].currency) if one.theirs else None,
        expected=one.expected, of=of, lines=tuple(_seen(line, names) for line in kept),
        candidates=tuple(map(tuple, candidates_of(one, names)))[:LINES_MAX],
        near=tuple(_seen(line, names) for line in list(near.values())[:LINES_MAX]),
    )  # fmt: skip


def _seen(line: Line, names: Mapping[int, str]) -> e.SeenLine:
    return e.SeenLine(
        side="ledger" if line.place.startswith("@") else "statement", name=names[id(line)],
        at=line.instant, amount=write_amount(line.amount, line.currency), currency=line.currency,
        place=line.place, account=line.account,
        reference=", ".join(reference.text for reference in line.references)[:TEXT_MAX],
        order=line.order, text=line.text[:TEXT_MAX], kind=line.kind, status=line.status,
    )  # fmt: skip


def break_rows(known: RunRegister, *, seen_at: int, offset: int) -> list[BreakRow]:
    """Return the breaks of a register, the oldest first."""
    rows = sorted(known.breaks.items(), key=lambda one: (one[1].event.first_seen, one[0]))
    return [_break(name, one, known, seen_at=seen_at, offset=offset) for name, one in rows]


def breaks_at(
    view: LedgerView, point: Point, *, only_open: bool = False, only: str | None = None
) -> Breaks:
    """Return the recorded breaks at a point: all, the open ones, or one alone."""
    known = register(view.reader, until=point.position)
    rows = break_rows(known, seen_at=point.seen_at, offset=view.offset)
    return Breaks(
        point=view.shown(point),
        rows=[
            row for row in rows
            if (is_open(row) or not only_open) and only in (None, row.break_)
        ],
    )  # fmt: skip


def _break(
    name: str, one: RecordedBreak, known: RunRegister, *, seen_at: int, offset: int
) -> BreakRow:
    event, days = one.event, age_days(one.event.first_seen, seen_at, offset)
    return BreakRow(
        break_=name, class_=event.kind, key=event.key, source=one.source,
        currency=event.currency, ours=None if event.ours is None else Exact(event.ours),
        theirs=None if event.theirs is None else Exact(event.theirs), delta=Exact(event.delta),
        status=cast("Any", one.state), expected=event.expected,
        first_seen=Instant.at(event.first_seen, offset), age_days=days, age=bucket(days),
        opened=one.opened, changed=one.changed, preparer=one.preparer, by=one.by,
        how=one.reason, file=known.runs[event.run].event.file or None,
    )  # fmt: skip


def is_open(row: BreakRow) -> bool:
    """Return whether a row is a break that somebody has to look at."""
    return row.status in (OPEN, REOPENED) and not row.expected


def whole_break(view: LedgerView, point: Point, break_id: str) -> BreakShown:
    """Return one break whole: both sides, what could explain it, and what became of it.

    Raises: NoSuchThing.
    """
    known, offset = register(view.reader, until=point.position), view.offset
    one = known_break(known, break_id)
    run = known.runs[one.event.run].event

    def shown(line: e.SeenLine) -> LineShown:
        payer, account = known.parties.get((run.run, line.name)) or ("", "")
        said: dict[str, Any] = {**line._asdict(), "at": Instant.at(line.at, offset)}
        return LineShown(**said, payer=payer, payer_account=account)

    return BreakShown(
        point=view.shown(point),
        break_=_break(break_id, one, known, seen_at=point.seen_at, offset=offset),
        run=run.run, file=run.file or None, sha256=run.sha256,
        lines=list(map(shown, one.event.lines)),
        candidates=[list(names) for names in one.event.candidates],
        near=list(map(shown, one.event.near)),
        history=_history(view.reader, point, break_id, offset),
    )  # fmt: skip


def _history(reader: Reader, point: Point, break_id: str, offset: int) -> list[Step]:
    bodies = reader.stream_bodies(e.RECONCILIATION_STREAM, until_position=point.position)
    return [
        Step(
            position=recorded.position, at=Instant.at(recorded.recorded_at, offset),
            what=_WHAT[type(recorded.event)], class_=getattr(recorded.event, "kind", None),
            run=getattr(recorded.event, "run", None), by=recorded.actor, reason=recorded.reason,
        )
        for recorded in codec.decode_all(bodies)
        if getattr(recorded.event, "break_id", None) == break_id
    ]  # fmt: skip


def chosen(one: RecordedBreak, break_id: str, names: Sequence[str]) -> tuple[list[str], list[str]]:
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


def run_shown(run: RecordedRun, known: RunRegister, offset: int) -> RunShown:
    """Return one recorded run with who prepared it and who accepted it."""
    event = run.event
    return RunShown(
        run=event.run, source=event.source, sha256=event.sha256, currency=event.currency,
        period=Span(
            starts=Instant.at(event.starts, offset), ends=Instant.at(event.ends, offset)
        ),
        matched=len(event.matches), breaks=len(event.breaks), opening=Exact(event.opening),
        movements=Exact(event.movements), closing=Exact(event.closing),
        ledger_balance=Exact(event.ledger_balance), position=run.position,
        recorded_at=Instant.at(run.recorded_at, offset), preparer=run.actor,
        overlaps=known.overlapping(event), file=event.file or None, only=list(run.only),
        signed_off_by=run.signed_by, signed_off_at=run.signed_at, reason=run.reason,
    )  # fmt: skip
