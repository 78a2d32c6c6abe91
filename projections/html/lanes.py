"""Instances as lanes: their states as bars, renewals as ticks, failed slots as dots.

Invariant: a lane shows every state that was recorded, however short; its colour is also said in
words. This module must not know how the figures were found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.periods import format_instant
from projections.html.axes import along, days, key, plot, tint, widened
from projections.html.page import section
from projections.html.svg import HIGH, Markup, Scale, node

if TYPE_CHECKING:
    from projections.reports.timeline import RenewalMark, StateSpan, TimelineFigures

STATES = (
    "running", "restoring", "frozen", "stopped_overdue", "stopped_expired", "released",
)  # fmt: skip
_THIN = 12  # the least width of a bar, so that a short state can be seen
_INSET, _RELEASED_INSET = 180, 440  # how far a bar stays from its lane's edges


def lanes(found: TimelineFigures, offset: int) -> Markup:
    """Draw every instance of the account."""
    x = widened(found.starts, found.ends)
    marks: dict[str, list[RenewalMark]] = {}
    for mark in found.marks:
        marks.setdefault(mark.instance, []).append(mark)
    rows = [
        node(
            "div",
            node("span", name, title=name),
            _lane(name, spans, marks.get(name, []), x, offset),
            class_="lane",
        )
        for name, spans in found.instances.items()
    ]
    axis = plot(said="time", words=along(days(found.starts, found.ends, offset), x))
    legend = key(
        (
            *((state, "", state.replace("_", " ")) for state in STATES),
            ("ink", "line", "renewal"), ("late", "", "failed slot"),
        )
    )  # fmt: skip
    return section(
        "Instances",
        "States as they were recorded; a released instance is deleted permanently (R23).",
        legend,
        *rows,
        node("div", node("span"), axis, class_="lane axis"),
        name="spans",
    )


def _lane(
    name: str, spans: tuple[StateSpan, ...], marks: list[RenewalMark], x: Scale, offset: int
) -> Markup:
    said = f"{name}: " + ", ".join(
        f"{span.state} from {format_instant(span.starts, offset)}" for span in spans
    )
    return plot(
        *(_bar(span, x, offset) for span in spans),
        *(_mark(mark, x, offset) for mark in marks),
        said=said,
        cursor=True,
    )


def _bar(span: StateSpan, x: Scale, offset: int) -> Markup:
    left = x.place(span.starts)
    inset = _RELEASED_INSET if span.state == "released" else _INSET
    return node(
        "rect", node("title", f"{span.state} from {format_instant(span.starts, offset)}"),
        x=left, y=inset, width=max(_THIN, x.place(span.ends) - left), height=HIGH - 2 * inset,
        class_=tint(span.state),
    )  # fmt: skip


def _mark(mark: RenewalMark, x: Scale, offset: int) -> Markup:
    said = node("title", f"{mark.said}, {format_instant(mark.at, offset)}")
    at = x.place(mark.at)
    if mark.failed:
        return node("path", said, class_="dot fail", d=f"M{at} {HIGH // 2}h0")
    return node("line", said, class_="tickmark", x1=at, x2=at, y1=0, y2=HIGH)
