"""The timeline of an account as a page: a slider over its figures, and three drawings.

Invariant: the figures of every instant are written by the ledger, as exact strings; the page's
script only picks them. This module must not know how the figures were found.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ledger.money import format_minor
from ledger.periods import SECOND
from projections.answers.terms import Typed
from projections.html.axes import moment
from projections.html.balance import balance
from projections.html.lanes import lanes
from projections.html.page import Source, page, resource, section
from projections.html.river import river
from projections.html.svg import Markup, joined, node, script_json
from projections.reports.timeline import step_shown

if TYPE_CHECKING:
    from projections.reports.timeline import TimelineFigures

Json = dict[str, Any]
FIGURES = (("cash", "Cash"), ("outstanding", "Outstanding"), ("available", "Available"))


def timeline_page(found: TimelineFigures, source: Source, *, offset: int) -> str:
    """Write the page."""
    body = joined(
        (_dial(found, offset), balance(found, offset), lanes(found, offset), river(found, offset))
    )
    told = json.dumps(_told(found, offset), ensure_ascii=False, separators=(",", ":"))
    script = joined(
        (
            node("script", script_json(told), type="application/json", id="steps"),
            node("script", resource("timeline.js")),
        )
    )
    said = f"{found.currency}, {moment(found.starts, offset)} to {moment(found.ends, offset)}"
    return page(f"Timeline of {found.account}", said, body, source, script)


def _told(found: TimelineFigures, offset: int) -> Json:
    steps = []
    write = Typed(offset=offset, currency=found.currency)
    for step in found.steps:
        shown = step_shown(step, write).plain()
        del shown["at"], shown["position"]
        steps.append({"t": step.at // SECOND, **shown})
    return {
        "starts": found.starts // SECOND, "ends": found.ends // SECOND,
        "offset": offset // SECOND, "steps": steps,
    }  # fmt: skip


def _dial(found: TimelineFigures, offset: int) -> Markup:
    """The slider and what it moves; before the script runs it shows the point."""
    held = next((step.money for step in reversed(found.steps) if step.money is not None), None)
    figures = [
        node(
            "div",
            node("dt", said),
            node(
                "dd",
                "-" if held is None else format_minor(getattr(held, name), found.currency),
                id=name,
            ),
        )
        for name, said in FIGURES
    ]
    since = None if held is None else held.overdue_since
    overdue = "no" if since is None else f"since {moment(since, offset)}"
    figures.append(node("div", node("dt", "Overdue"), node("dd", overdue, id="overdue")))
    slider = node(
        "input", type="range", id="slider", min=found.starts // SECOND, max=found.ends // SECOND,
        step=1, value=found.ends // SECOND, aria_label="instant",
        title="arrows: next change; shift and arrows: an hour; page keys: a day",
    )  # fmt: skip
    row = node(
        "div",
        node("output", moment(found.ends, offset), id="instant", for_="slider"),
        node("button", "\N{LEFTWARDS ARROW} change", id="back", type="button"),
        node("button", "change \N{RIGHTWARDS ARROW}", id="next", type="button"),
        node("input", type="text", id="asked", aria_label="go to an instant", spellcheck="false"),
        class_="row controls",
    )
    lists = joined(
        node("ul", id=name, class_="states", aria_label=name) for name in ("instances", "coupons")
    )
    return section(
        "At an instant",
        "What was known then: the figures of tally state --as-of that instant.",
        node("dl", *figures, class_="figures"),
        node("div", slider, class_="controls"),
        row,
        lists,
        name="dial",
    )
