"""``tally reconcile --html``: a reconciliation as a page to print, sign and file.

Invariant: every figure is one of the JSON answer. This module must not know how lines match.
"""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING, Any

from cli.render import short
from cli.reports.sheet import Sheet
from ledger.periods import format_instant
from ledger.proof.nodes import Nodes
from ledger.proof.notes import write_base64
from ledger.reconciling import register
from projections.html.page import Source
from projections.html.sheets import sheets_page
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.report import amount_of

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.point import Point
    from projections.reconciliation.sources import Compared


def reconciled_page(
    session: Session, compared: Compared, shown: dict[str, Any], point: Point, *, file: str
) -> str:
    """Return the page: proof, breaks, what is expected, matches by rule, who signed."""
    period, code = shown["period"], shown["currency"]
    since = f"{short(period['starts'])} up to {short(period['ends'])}" if period["ends"] else ""
    parts: list[Sheet | str] = [
        f"{file} ({shown['source']}), {shown['file']['lines']} lines",
        f"SHA-256 {shown['file']['sha256']}",
        *([f"payments of: {', '.join(shown['channels'])}"] if shown.get("channels") else []),
        *([f"period {since}, not included"] if since else []),
    ]  # fmt: skip
    for proof in shown["proofs"]:
        parts += [f"Proof, in {proof['currency']}", _proof(proof)]
    parts += _some("Breaks", shown["breaks"]) or ["Breaks: none"]
    parts += _some("On their way, expected", shown["expected"])
    parts += [f"Matched by rule: {shown['matched']}", _matches(compared, code)]
    parts += _signed(session, compared, point, shown)
    return sheets_page("Reconciliation", "", parts, _source(session, shown, point, file=file))


def _proof(shown: dict[str, Any]) -> Sheet:
    items = [[f"+ {one['item'].replace('_', ' ')}", one["amount"]]
             for one in shown["reconciling_items"]]  # fmt: skip
    rows = [
        ["provider opening", shown["opening"]], ["+ provider movements", shown["movements"]],
        ["= provider closing", shown["closing"]], ["ledger balance", shown["ledger_balance"]],
        *items, ["= provider closing", shown["closing"]], ["unexplained", shown["unexplained"]],
    ]  # fmt: skip
    return Sheet(["", shown["currency"]], rows, 1)


def _some(title: str, found: list[dict[str, Any]]) -> list[Sheet | str]:
    """Return breaks as one table, and the lines of both sides as another."""
    if not found:
        return []
    rows = [
        [one["break"], one["class"], one["key"], one["account"] or "", short(one["first_seen"]),
         f"{one['age_days']} d", one["ours"] or "-", one["theirs"] or "-", one["delta"]]
        for one in found
    ]  # fmt: skip
    lines = [
        [one["break"], said["side"], said.get("line", ""), short(said.get("at", "")),
         said.get("reference", "") or said.get("order", ""), said.get("payer", ""),
         said.get("text", "") or said.get("says", ""), said.get("amount", "")]
        for one in found for said in one["evidence"]
    ]  # fmt: skip
    head = ["break", "class", "key", "account", "first seen", "age", "ours", "theirs", "delta"]
    return [
        f"{title}: {len(found)}", Sheet(head, rows, 5),
        Sheet(["break", "side", "line", "date", "reference", "payer", "payer's words", "amount"],
              lines, 7),
    ]


def _matches(compared: Compared, code: str) -> Sheet:
    counts: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for one in compared.report.matches:
        counts[one.rule] += 1
        sums[one.rule] += amount_of(line for line in one.theirs if line.currency == code)
    rows = [[rule, str(count), write_amount(sums[rule], code)]
            for rule, count in sorted(counts.items())]  # fmt: skip
    return Sheet(["rule", "matches", f"{code} there"], rows, 1)


def _signed(
    session: Session, compared: Compared, point: Point, shown: dict[str, Any]
) -> list[Sheet | str]:
    """Return who recorded this file, who accepted it, and what was said of its breaks."""
    known = register(session.reader, until=point.position)
    offset = session.offset
    rows = [
        [run.event.run, format_instant(run.recorded_at, offset)[:16].replace("T", " "),
         run.actor or "", run.signed_by or "", run.reason or ""]
        for run in known.runs.values() if run.event.sha256 == compared.sha256
    ]  # fmt: skip
    rows += [
        [one["break"], short(one["first_seen"]), there.preparer or "",
         f"{there.state.replace('_', ' ')}: {there.by or ''}", there.reason or ""]
        for one in (*shown["breaks"], *shown["expected"])
        if (there := known.breaks.get(one["break"])) is not None and there.by
    ]  # fmt: skip
    head = ["run or break", "when", "prepared by", "signed off by", "why"]
    blank = [["", "", "____________________", "____________________", ""]]
    return ["Sign-offs", Sheet(head, rows or blank, 5)]


def _source(session: Session, shown: dict[str, Any], point: Point, *, file: str) -> Source:
    offset = session.offset
    at, known_at = (format_instant(one, offset) for one in (point.at, point.known_at))
    words = ["tally", "reconcile", shlex.quote(file), "--source", shown["source"], "--at", at,
             "--known-at", known_at, "--html"]  # fmt: skip
    root = write_base64(Nodes(session.reader.connection).root(point.position))
    return Source(" ".join(words), at, known_at, point.position, root)
