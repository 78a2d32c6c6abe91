"""What an account had available: as known then and as known now, with the gap between them.

Invariant: a line holds its figure until the next step; the shade lies exactly where the two
differ. This module must not know how the figures were found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.money import format_minor
from projections.html.axes import (
    along,
    amounts,
    beside,
    days,
    key,
    levels,
    plot,
    uprights,
    widened,
)
from projections.html.page import section
from projections.html.svg import HIGH, WIDE, Markup, Scale, node

if TYPE_CHECKING:
    from projections.reports.timeline import TimelineFigures

Points = tuple[tuple[int, int], ...]
_ROOM = 20  # one part in this many is left above and below the lines


def balance(found: TimelineFigures, offset: int) -> Markup:
    """Draw both lines over the account's whole time."""
    figures = [0, *(amount for _, amount in (*found.known_then, *found.known_now))]
    room = max(1, (max(figures) - min(figures)) // _ROOM)
    low, high = min(figures) - room, max(figures) + room
    x, y = widened(found.starts, found.ends), Scale(low, high, HIGH)
    across = amounts(low, high, found.currency)
    ticks = days(found.starts, found.ends, offset)
    drawn = plot(
        levels(across, y),
        uprights(ticks, x),
        node("path", class_="zero", d=f"M0 {HIGH - y.place(0)}H{WIDE}"),
        node("path", class_="gap", d=_gap(found, x, y)),
        node("path", class_="then", d=_stairs(found.known_then, x, y)),
        node("path", class_="now", d=_stairs(found.known_now, x, y)),
        said=_said(found),
        words=(*along(ticks, x), *beside(across, y)),
        cursor=True,
    )
    legend = key(
        (("then", "line", "as known then"), ("now", "line dashed", "as known now"),
         ("gap", "", "the gap that late facts left"))
    )  # fmt: skip
    said = f"Available, in {found.currency}: cash less what is outstanding; coupons do not count."
    return section("Balance", said, legend, drawn, name="balance")


def _said(found: TimelineFigures) -> str:
    last = found.known_now[-1][1] if found.known_now else 0
    return f"Available from the opening to {format_minor(last, found.currency)} at the point"


def _stairs(line: Points, x: Scale, y: Scale) -> str:
    if not line:
        return ""
    drawn = [f"M{x.place(line[0][0])} {HIGH - y.place(line[0][1])}"]
    steps = {x.place(at): HIGH - y.place(amount) for at, amount in line[1:]}  # one a place
    drawn += [f"H{across}V{down}" for across, down in steps.items()]
    return "".join((*drawn, f"H{WIDE}"))


def _gap(found: TimelineFigures, x: Scale, y: Scale) -> str:
    """Close a box for every stretch of time in which the lines differ."""
    turns = sorted({at for at, _ in (*found.known_then, *found.known_now)})
    then, now = dict(found.known_then), dict(found.known_now)
    left, right, boxes = 0, 0, []
    for at, until in zip(turns, (*turns[1:], found.ends), strict=True):
        left, right = then.get(at, left), now.get(at, right)
        if left != right and at < until:
            top, bottom = HIGH - y.place(left), HIGH - y.place(right)
            boxes.append(f"M{x.place(at)} {top}H{x.place(until)}V{bottom}H{x.place(at)}Z")
    return "".join(boxes)
