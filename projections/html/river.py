"""The event river: when each event holds, against when it was recorded.

What is recorded at once lies on the diagonal; a late fact stands above it by as much as it was
late (R11). On the axis of a year a day is nothing, so lateness itself is drawn beside it, on a
logarithmic scale. Invariant: every event has its dot, and says its position; of very many that were
recorded at once, those that would lie on each other share one. This module must not know what an
event means beyond its family.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import events as e
from ledger.periods import DAY, HOUR, MINUTE, SECOND, format_instant
from ledger.quoting import plural
from projections.html.axes import (
    Tick,
    along,
    beside,
    days,
    key,
    levels,
    moment,
    plot,
    tint,
    uprights,
    widened,
)
from projections.html.page import section, table
from projections.html.svg import HIGH, WIDE, Markup, Scale, joined, node
from projections.pages import Figure, Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from projections.reports.timeline import Drop, TimelineFigures

_FAMILIES: tuple[tuple[str, str, tuple[type[e.Event], ...]], ...] = (
    ("money", "top-ups, coupons", (e.TopUpReceived, e.TopUpReversed, e.CouponGranted,
                                   e.CouponStarted, e.CouponExpired, e.RefundIssued)),
    ("bill", "usage, bills, payments", (e.UsageRecorded, e.BillPosted, e.BillSettled,
                                        e.DebtRecorded, e.CreditNoteIssued)),
    ("order", "orders, renewals", (e.InstancePurchased, e.InstanceRenewed, e.SpecUpgraded,
                                   e.UpgradedToEnterprise, e.RenewalCancelled)),
    ("service", "service, overdue", (e.InstanceExpired, e.InstanceReleased, e.ServiceStopped,
                                     e.ServiceRestoring, e.ServiceRestored, e.InstanceFrozen,
                                     e.OverdueStarted, e.OverdueReanchored, e.OverdueCleared)),
)  # fmt: skip
FAMILY = {e.type_name(kind): name for name, _, kinds in _FAMILIES for kind in kinds}


_SPANS = (
    (SECOND, "1 s"), (MINUTE, "1 min"), (HOUR, "1 h"), (DAY, "1 d"), (7 * DAY, "1 wk"),
    (30 * DAY, "1 mo"), (365 * DAY, "1 y"), (3650 * DAY, "10 y"),
)  # fmt: skip
_STEPS = 1 << 10  # of a doubling
_DOTS_MAX, _DOT = 5000, 8  # of more dots, those this close to each other are drawn once


def river(found: TimelineFigures, offset: int, *, listed: bool = True) -> Markup:
    """Draw every event of the account, and how late each late one was; list these too."""
    x = widened(found.starts, found.ends)
    y = Scale(x.first, x.last, HIGH)
    ticks = days(found.starts, found.ends, offset)
    late = [drop for drop in found.river if drop.effective_at < drop.recorded_at]
    drawn = plot(
        uprights(ticks, x),
        levels(ticks, y),
        node("path", class_="zero", d=f"M0 {HIGH}L{WIDE} 0"),
        *(_drop(drop, x, y, offset) for drop in _seen(found.river, x)),
        said=f"{plural(len(found.river), 'event')}, {len(late)} of them late",
        words=(*along(ticks, x), *beside(ticks[::2], y)),
        cursor=True,
    )
    drawings = [_titled("Recorded (up) against effective (across)", drawn)]
    if late:
        drawings.append(_titled("How late (up, logarithmic)", _lateness(late, x, ticks, offset)))
    legend = key(
        (
            *((name, "", said) for name, said, _ in _FAMILIES),
            ("other", "", "others"), ("late", "", "late"),
        )
    )  # fmt: skip
    came = "none came late" if not late else f"{len(late)} came late and stand off the diagonal"
    events = plural(len(found.river), "event")
    said = f"{events}: across, when each holds; up, when it was recorded; {came}."
    pictures = node("div", *drawings, class_="pair" if late else None)
    late_ones = _late(found, offset) if listed else []
    return section("Event river", said, legend, pictures, *late_ones, name="river")


def _seen(drops: tuple[Drop, ...], x: Scale) -> Iterator[Drop]:
    """Yield the dots that can be told apart; a page of every event of years would not open."""
    taken: set[tuple[int, str]] = set()
    for drop in drops:
        place = (x.place(drop.effective_at) // _DOT, _family(drop))
        if len(drops) > _DOTS_MAX and drop.effective_at == drop.recorded_at and place in taken:
            continue
        taken.add(place)
        yield drop


def _titled(said: str, drawn: Markup) -> Markup:
    return node("div", node("h3", said), drawn)


def _lateness(late: list[Drop], x: Scale, ticks: list[Tick], offset: int) -> Markup:
    """Draw each late event as high as it was late, from a second up to what the latest needs."""
    latest = max(drop.recorded_at - drop.effective_at for drop in late)
    top = next((span for span, _ in _SPANS[3:] if span > latest), latest)
    y = Scale(_doublings(SECOND), _doublings(top), HIGH)
    spans = [Tick(_doublings(span), said) for span, said in _SPANS if span <= top]
    return plot(
        uprights(ticks, x),
        levels(spans, y),
        *(_stem(drop, x, y, offset) for drop in late),
        said=f"how late {plural(len(late), 'event')} came",
        words=(*along(ticks, x), *beside(spans, y)),
        cursor=True,
    )


def _doublings(span: int) -> int:
    """Return the logarithm of a span to the base 2, in steps, straight between powers of 2."""
    power = max(span, 1).bit_length() - 1
    return power * _STEPS + ((max(span, 1) - (1 << power)) * _STEPS >> power)


def _stem(drop: Drop, x: Scale, y: Scale, offset: int) -> Markup:
    across = x.place(drop.effective_at)
    up = HIGH - y.place(_doublings(drop.recorded_at - drop.effective_at))
    said = f"{_said(drop, offset)}, later by {_lag(drop.recorded_at - drop.effective_at)}"
    return joined(
        (
            node("line", class_="lag", x1=across, x2=across, y1=HIGH, y2=up),
            node(
                "path", node("title", said), class_=f"dot big {_family(drop)}",
                d=f"M{across} {up}h0", data_position=drop.position,
            ),
        )
    )  # fmt: skip


def _family(drop: Drop) -> str:
    return tint(FAMILY.get(drop.type, "other"))


def _said(drop: Drop, offset: int) -> str:
    return (
        f"@{drop.position} {drop.type}, effective {format_instant(drop.effective_at, offset)}, "
        f"recorded {format_instant(drop.recorded_at, offset)}"
    )


def _late(found: TimelineFigures, offset: int) -> list[Markup]:
    """List the late ones: on a long axis, an hour cannot be seen."""
    rows = [
        [f"@{drop.position}", drop.type, moment(drop.effective_at, offset),
         moment(drop.recorded_at, offset), Figure(_lag(drop.recorded_at - drop.effective_at))]
        for drop in found.river if drop.effective_at < drop.recorded_at
    ]  # fmt: skip
    header = ("position", "late event", "effective", "recorded", "later by")
    return [table(Sheet(header, rows))] if rows else []


def _lag(span: int) -> str:
    days, rest = divmod(span, DAY)
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    parts = [(days, "d"), (hours, "h"), (0 if days else minutes, "min")]
    said = " ".join(f"{number} {unit}" for number, unit in parts if number)
    return said or f"{max(1, rest // SECOND)} s"


def _drop(drop: Drop, x: Scale, y: Scale, offset: int) -> Markup:
    across, up = x.place(drop.effective_at), HIGH - y.place(drop.recorded_at)
    said = node("title", _said(drop, offset))
    if drop.effective_at == drop.recorded_at:
        return node(
            "path", said, class_=f"dot {_family(drop)}", d=f"M{across} {up}h0",
            data_position=drop.position,
        )  # fmt: skip
    diagonal = HIGH - y.place(drop.effective_at)
    return joined(
        (
            node("line", class_="lag", x1=across, x2=across, y1=diagonal, y2=up),
            node(
                "path", said, class_="dot late", d=f"M{across} {up}h0",
                data_position=drop.position,
            ),
        )
    )  # fmt: skip
