"""Who was overdue, and when: a bar for every span, and a table of who is at the point.

Invariant: a span is drawn however short it is, and says its figures in words. This module must not
know how spans were found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.money import format_minor
from ledger.periods import DAY, HOUR
from projections.html.axes import along, days, key, moment, plot, tint, widened
from projections.html.page import Source, page, section, table
from projections.html.svg import HIGH, Markup, Scale, joined, node
from projections.pages import Figure, Sheet

if TYPE_CHECKING:
    from projections.reports.overdue import AccountSpans, OverdueSpan

_THIN = 16  # the least width of a bar
_INSET = 200  # how far a bar stays from its lane's edges


def overdue_page(found: list[AccountSpans], source: Source, *, ends: int, offset: int) -> str:
    """Write the page; ``ends`` is the instant up to which open spans are drawn."""
    owing = [one for one in found if one.spans[-1].until is None]
    count = f"{len(owing)} overdue at the point, {len(found)} ever"
    body = joined((_owing(owing, ends, offset), _bars(found, ends, offset)))
    return page("Overdue accounts", count, body, source)


def _lasted(span: OverdueSpan, ends: int) -> str:
    length = max(0, (span.until or ends) - span.since)
    return f"{length // DAY} d {length % DAY // HOUR} h"


def _owing(owing: list[AccountSpans], ends: int, offset: int) -> Markup:
    rows = [
        (one.account, moment(one.spans[-1].since, offset),
         Figure(_lasted(one.spans[-1], ends)),
         Figure(format_minor(one.outstanding, one.currency)), Figure(one.currency))
        for one in owing
    ]  # fmt: skip
    inside = table(Sheet(("account", "overdue from", "for", "outstanding", ""), rows))
    said = "A span begins with the first unpaid item and ends when nothing is unpaid (R9)."
    return section(
        "Overdue at the point", said, inside if rows else node("p", "Nobody is overdue."),
        name="owing",
    )  # fmt: skip


def _bars(found: list[AccountSpans], ends: int, offset: int) -> Markup:
    starts = min((span.since for one in found for span in one.spans), default=ends)
    x = widened(starts, ends)
    axis = plot(said="time", words=along(days(starts, ends, offset), x))
    return section(
        "Spans",
        "Every account that was ever overdue; the figure is the most that it owed in a span.",
        key((("stopped_overdue", "", "overdue at the point"), ("stopped_expired", "", "cleared"))),
        *(
            node(
                "div",
                node("span", f"{one.account} \N{MIDDLE DOT} {_most(one)}", title=one.account),
                plot(*(_bar(span, one, x, ends, offset) for span in one.spans), said=one.account),
                class_="lane",
            )
            for one in found
        ),
        node("div", node("span"), axis, class_="lane axis"),
        name="spans",
    )


def _most(one: AccountSpans) -> str:
    return format_minor(max(span.amount for span in one.spans), one.currency)


def _bar(span: OverdueSpan, one: AccountSpans, x: Scale, ends: int, offset: int) -> Markup:
    left, open_ = x.place(span.since), span.until is None
    until = "the point" if span.until is None else moment(span.until, offset)
    most = format_minor(span.amount, one.currency)
    said = f"{moment(span.since, offset)} to {until}, up to {most}"
    return node(
        "rect", node("title", f"{said} {one.currency}"), x=left, y=_INSET,
        width=max(_THIN, x.place(span.until or ends) - left), height=HIGH - 2 * _INSET,
        class_=tint("stopped_overdue" if open_ else "stopped_expired"),
    )  # fmt: skip
