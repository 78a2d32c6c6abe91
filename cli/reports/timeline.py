"""``tally report timeline``: one customer through time, as known then and as known now."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cli.render import WIDTH, table, write
from cli.reports.sheet import Span, heading, report_command, source
from cli.restatements import say_restated
from ledger.quoting import plural
from projections.html.timeline import timeline_page
from projections.reports.timeline import timeline, timeline_shown

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.options import Output
    from projections.reports.timeline import Step, Timeline, TimelineReport


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
    shown = timeline_shown(session, span.point, found)
    if output.form == "html":
        made = source("timeline", session, span, account)
        sys.stdout.write(timeline_page(found, made, offset=session.offset))
    elif output.human:
        heading("timeline", session, span, account)
        _page(found, shown)
    elif output.form == "json":
        output.object(shown)
    else:
        output.rows(map(_flat, shown.plain()["steps"]))
        say_restated(span.restated, human=False)


def _flat(step: dict[str, Any]) -> dict[str, Any]:
    """Return a step as a row of plain cells; what it did not change is null."""
    names = ("at", "position", "cash", "outstanding", "available", "overdue_since")
    row = {name: step.get(name) for name in names}
    return {**row, "instances": step.get("instances", {}), "coupons": step.get("coupons", {})}


def _page(found: Timeline, shown: TimelineReport) -> None:
    rows = [
        [step["at"][:19].replace("T", " "), _changed(one),
         *(step.get(name, "") for name in ("cash", "outstanding", "available"))]
        for one, step in zip(found.steps, shown.plain()["steps"], strict=True)
    ]  # fmt: skip
    table(["from", "changed", "cash", "outstanding", "available"], rows, words=2, page=WIDTH)
    write()
    write(f"{plural(len(rows), 'step')}, {plural(len(shown.late), 'event')} late; as known then. "
          "--html draws it")  # fmt: skip


def _changed(step: Step) -> str:
    return ", ".join(
        (*(f"{name} {state}" for name, state in step.instances.items()),
         *(f"{name} {one.status}" for name, one in step.coupons.items()))
    )  # fmt: skip
