"""The event river: when each event holds, against when it was recorded.

What is recorded at once lies on the diagonal; a late fact stands above it by as much as it was
late (R11). Invariant: every event has its dot, and says its position. This module must not know
what an event means beyond its family.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import events as e
from ledger.periods import DAY, HOUR, MINUTE, format_instant
from projections.html.axes import along, days, key, plot, uprights, widened
from projections.html.page import section, table
from projections.html.svg import HIGH, WIDE, Markup, Scale, joined, node

if TYPE_CHECKING:
    from projections.reports.timeline import Drop, Timeline

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


def river(found: Timeline, offset: int) -> Markup:
    """Draw every event of the account."""
    x = widened(found.starts, found.ends)
    y = Scale(x.first, x.last, HIGH)
    ticks = days(found.starts, found.ends, offset)
    late = sum(drop.effective_at < drop.recorded_at for drop in found.river)
    drawn = plot(
        uprights(ticks, x),
        node("path", class_="zero", d=f"M0 {HIGH}L{WIDE} 0"),
        *(_drop(drop, x, y, offset) for drop in found.river),
        said=f"{len(found.river)} events, {late} of them late",
        around=(
            *along(ticks, x),
            *(
                node("span", tick.said, class_="tick y",
                     style=f"top:{Scale(0, HIGH, HIGH).percent(HIGH - y.place(tick.at))}")
                for tick in ticks[::3]
            ),
            node("div", class_="cursor"),
        ),
    )  # fmt: skip
    legend = key(
        (
            *((name, "", said) for name, said, _ in _FAMILIES),
            ("other", "", "others"), ("late", "", "late"),
        )
    )  # fmt: skip
    said = (
        f"{len(found.river)} events: across, when each holds; up, when it was recorded. "
        f"{late} came late and stand off the diagonal."
    )
    return section("Event river", said, legend, drawn, *_late(found, offset), name="river")


def _late(found: Timeline, offset: int) -> list[Markup]:
    """List the late ones: on a long axis, an hour cannot be seen."""
    rows = [
        [f"@{drop.position}", drop.type, _short(drop.effective_at, offset),
         _short(drop.recorded_at, offset), _lag(drop.recorded_at - drop.effective_at)]
        for drop in found.river if drop.effective_at < drop.recorded_at
    ]  # fmt: skip
    header = ("position", "late event", "effective", "recorded", "later by")
    return [table(header, rows, words=4)] if rows else []


def _short(instant: int, offset: int) -> str:
    return format_instant(instant, offset)[:19].replace("T", " ")


def _lag(span: int) -> str:
    days, rest = divmod(span, DAY)
    hours, rest = divmod(rest, HOUR)
    minutes = f"{rest // MINUTE} min" if not days else ""
    return " ".join(
        one for one in (f"{days} d" if days else "", f"{hours} h" if hours else "", minutes) if one
    )


def _drop(drop: Drop, x: Scale, y: Scale, offset: int) -> Markup:
    across, up = x.place(drop.effective_at), HIGH - y.place(drop.recorded_at)
    said = f"@{drop.position} {drop.type}, effective {format_instant(drop.effective_at, offset)}"
    colour = f"--c:var(--{FAMILY.get(drop.type, 'other')})"
    if drop.effective_at == drop.recorded_at:
        return node("path", node("title", said), class_="dot", d=f"M{across} {up}h0", style=colour)
    said += f", recorded {format_instant(drop.recorded_at, offset)}"
    diagonal = HIGH - y.place(drop.effective_at)
    return joined(
        (
            node("line", class_="lag", x1=across, x2=across, y1=diagonal, y2=up),
            node("path", node("title", said), class_="dot late", d=f"M{across} {up}h0"),
        )
    )
