"""``tally report timeline``: one customer through time, as known then and as known now."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cli.render import WIDTH, table, write
from cli.reports.sheet import Span, answer, heading, report_command, source
from ledger.money import format_minor
from ledger.periods import format_instant
from ledger.quoting import plural
from projections.html.timeline import step_json, timeline_page
from projections.reports.timeline import timeline

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output
    from projections.reports.timeline import Step, Timeline


@report_command("timeline", account=True)
def report(session: Session, output: Output, account: str, span: Span) -> None:
    """Show a customer's money, instances and coupons at every instant up to a point.

    Each step lists what changed, as known then. The page of --html has a slider for any instant
    and shows where late facts changed the past.

    \b
    Examples:
      tally report timeline a-1 --html -o a-1.html
      tally report timeline a-1 --at 2025-03-31 --json
    """
    found = timeline(session.reader, account, span.point)
    offset = session.offset
    steps = [step_json(step, found.currency, offset) for step in found.steps]
    if output.form == "html":
        made = source("timeline", session, span, account)
        sys.stdout.write(timeline_page(found, made, offset=offset))
    elif output.human:
        heading("timeline", session, span, account)
        _page(found, offset)
    elif output.form == "json":
        output.object(_answer(session, span, found, steps))
    else:
        output.rows(_flat(step) for step in steps)


def _answer(
    session: Session, span: Span, found: Timeline, steps: list[dict[str, Any]]
) -> dict[str, Any]:
    offset, currency = session.offset, found.currency

    def line(points: tuple[tuple[int, int], ...]) -> list[dict[str, str]]:
        return [
            {"at": format_instant(at, offset), "available": format_minor(amount, currency)}
            for at, amount in points
        ]

    return answer(
        "timeline", session, span, account=found.account, currency=currency, steps=steps,
        known_then=line(found.known_then), known_now=line(found.known_now),
        renewals=[
            {"at": format_instant(mark.at, offset), "instance": mark.instance,
             "failed": mark.failed, "said": mark.said}
            for mark in found.marks
        ],
        late=[
            {"position": drop.position, "type": drop.type,
             "effective_at": format_instant(drop.effective_at, offset),
             "recorded_at": format_instant(drop.recorded_at, offset)}
            for drop in found.river if drop.effective_at < drop.recorded_at
        ],
    )  # fmt: skip


def _flat(step: dict[str, Any]) -> dict[str, Any]:
    """Return a step as a row of plain cells; what it did not change is null."""
    names = ("at", "position", "cash", "outstanding", "available", "overdue_since")
    row = {name: step.get(name) for name in names}
    return {**row, "instances": step.get("instances", {}), "coupons": step.get("coupons", {})}


def _page(found: Timeline, offset: int) -> None:
    rows = []
    for step in found.steps:
        money = step.money
        figures = ("", "", "") if money is None else tuple(
            format_minor(one, found.currency)
            for one in (money.cash, money.outstanding, money.available)
        )  # fmt: skip
        at = format_instant(step.at, offset)[:19].replace("T", " ")
        rows.append([at, _changed(step), *figures])
    table(["from", "changed", "cash", "outstanding", "available"], rows, words=2, page=WIDTH)
    late = sum(drop.effective_at < drop.recorded_at for drop in found.river)
    write()
    write(f"{plural(len(rows), 'step')}, {plural(late, 'event')} late; as known then. "
          "--html draws it")  # fmt: skip


def _changed(step: Step) -> str:
    return ", ".join(
        (*(f"{name} {state}" for name, state in step.instances.items()),
         *(f"{name} {one.status}" for name, one in step.coupons.items()))
    )  # fmt: skip
