"""``tally reconcile --html``: a reconciliation as a page to print, sign and file.

Invariant: every figure is one of the JSON answer. This module must not know how lines match.
"""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import UNSET

from cli.pages import source_of
from ledger.reconciling import register
from projections.answers.terms import Instant
from projections.html.sheets import sheets_page
from projections.pages import Figure, Sheet, short
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.lines import amount_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.bootstrap import Session
    from projections.answers.reconciling import BreakFound, ProofShown, Reconcile
    from projections.point import Point
    from projections.reconciliation.sources import Compared


def reconciled_page(
    session: Session, compared: Compared, answer: Reconcile, point: Point, *, file: str
) -> str:
    """Return the page: proof, breaks, what is expected, matches by rule, who signed."""
    period, read = answer.period, answer.file
    parts: list[Sheet | str] = [
        f"{file} ({answer.source}), {read.lines} lines", f"SHA-256 {read.sha256}"
    ]
    if answer.channels is not UNSET:
        parts.append(f"payments of: {', '.join(answer.channels)}")
    if period.ends:
        parts.append(f"period {short(period.starts)} up to {short(period.ends)}, not included")
    for proof in answer.proofs:
        parts += [f"Proof, in {proof.currency}", _proof(proof)]
    parts += _some("Breaks", answer.breaks) or ["Breaks: none"]
    parts += _some("On their way, expected", answer.expected)
    parts += [f"Matched by rule: {answer.matched}", _matches(compared, answer.currency)]
    parts += _signed(session, compared, point, answer)
    words = ["tally", "reconcile", shlex.quote(file), "--source", answer.source]
    source = source_of(session, words, point, ["--html"])
    return sheets_page("Reconciliation", "", parts, source)


def _proof(proof: ProofShown) -> Sheet:
    rows = [
        ("provider opening", proof.opening), ("+ provider movements", proof.movements),
        ("= provider closing", proof.closing), ("ledger balance", proof.ledger_balance),
        *((f"+ {one.item.replace('_', ' ')}", one.amount) for one in proof.reconciling_items),
        ("= provider closing", proof.closing), ("unexplained", proof.unexplained),
    ]  # fmt: skip
    return Sheet(("", proof.currency), rows)


def _some(title: str, found: Sequence[BreakFound]) -> list[Sheet | str]:
    """Return breaks as one table, and the lines of both sides as another."""
    if not found:
        return []
    rows = [
        (one.break_, one.class_, one.key, one.account or "", one.first_seen,
         Figure(f"{one.age_days} d"), one.ours, one.theirs, one.delta)
        for one in found
    ]  # fmt: skip
    lines = [
        (one.break_, said.side, _told(said.line), "" if said.at is UNSET else said.at,
         _told(said.reference, said.order), _told(said.payer), _told(said.text, said.says),
         Figure(_told(said.amount)))
        for one in found for said in one.evidence
    ]  # fmt: skip
    head = ["break", "class", "key", "account", "first seen", "age", "ours", "theirs", "delta"]
    return [
        f"{title}: {len(found)}", Sheet(head, rows),
        Sheet(("break", "side", "line", "date", "reference", "payer", "payer's words", "amount"),
              lines),
    ]


def _told(*texts: object) -> str:
    """Return the first of some texts that is there, empty where none is."""
    return next((str(text) for text in texts if text is not UNSET and text != ""), "")


def _matches(compared: Compared, code: str) -> Sheet:
    counts: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for match in compared.report.matches:
        counts[match.rule] += 1
        sums[match.rule] += amount_of(line for line in match.theirs if line.currency == code)
    rows = [
        (rule, count, Figure(write_amount(sums[rule], code)))
        for rule, count in sorted(counts.items())
    ]
    return Sheet(("rule", "matches", f"{code} there"), rows)


def _signed(
    session: Session, compared: Compared, point: Point, answer: Reconcile
) -> list[Sheet | str]:
    """Return who recorded this file, who accepted it, and the remarks about its breaks."""
    known = register(session.reader, until=point.position)
    rows = [
        [run.event.run, str(Instant.at(run.recorded_at, session.offset))[:16],
         run.actor or "", run.signed_by or "", run.reason or ""]
        for run in known.runs.values() if run.event.sha256 == compared.sha256
    ]  # fmt: skip
    rows += [
        [one.break_, short(one.first_seen), there.preparer or "",
         f"{there.state.replace('_', ' ')}: {there.by or ''}", there.reason or ""]
        for one in (*answer.breaks, *answer.expected)
        if (there := known.breaks.get(one.break_)) is not None and there.by
    ]  # fmt: skip
    head = ["run or break", "when", "prepared by", "signed off by", "why"]
    blank = [["", "", "____________________", "____________________", ""]]
    return ["Sign-offs", Sheet(head, rows or blank)]

