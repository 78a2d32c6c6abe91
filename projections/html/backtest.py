"""A backtest as a page: what changes in total, how it is spread, month by month, and for whom.

Invariant: a bar is as long as its amount, and every amount stands in words as well. This module
must not know how a history is decided again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.money import format_minor
from projections.html.axes import key, tint
from projections.html.page import Source, page, section, table
from projections.html.svg import HIGH, WIDE, Markup, Scale, joined, node
from projections.pages import Figure, Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

_BINS: Final = 12
_THIN: Final = 12  # the least width of a bar that stands for something


class Charged(NamedTuple):
    """What changes in the charges of one currency.

    Attributes:
        deltas: by how much each account's charges change.
        months: (month, before, after).

    """

    currency: str
    deltas: Sequence[int]
    months: Sequence[tuple[str, int, int]]


def backtest_page(
    customers: str, measures: list[list[str]], charts: Sequence[Charged], most: list[list[str]],
    source: Source,
) -> str:  # fmt: skip
    """Write the page."""
    header = ("measure", "before", "after", "delta", "p50", "p95", "max")
    rows = [(name, *map(Figure, told)) for name, *told in measures]
    body = joined(
        (
            section(
                "In total", "p50, p95 and max are the sizes of single accounts' changes.",
                table(Sheet(header, rows)), name="totals",
            ),
            *(_spread(one) for one in charts),
            *(_months(one) for one in charts),
            _most(most),
        )
    )  # fmt: skip
    return page("Decided again", f"Customers: {customers}.", body, source)


def _bar(name: str, length: int, largest: int, said: str, *, colour: str) -> Markup:
    width = max(_THIN if length else 0, Scale(0, largest or 1, WIDE).place(length))
    drawn = node(
        "svg", node("title", said),
        node("rect", x=0, y=200, width=width, height=600, class_=tint(colour)),
        viewBox=f"0 0 {WIDE} {HIGH}", preserveAspectRatio="none", role="img",
    )  # fmt: skip
    return node("div", node("span", name), node("div", drawn, class_="plot"), class_="lane")


def _spread(one: Charged) -> Markup:
    """Draw how many accounts change by how much: equal steps between the least and the most."""
    changed = [delta for delta in one.deltas if delta]
    still = len(one.deltas) - len(changed)
    said = (
        f"How many accounts are charged how much more or less, in {one.currency}; "
        f"{still} are charged the same."
    )
    if not changed:
        return section("Spread", said, node("p", "Nobody is charged more or less."), name="spread")
    low, high = min(changed), max(changed)
    step = (high - low) // _BINS + 1
    counts = [0] * ((high - low) // step + 1)
    for delta in changed:
        counts[(delta - low) // step] += 1
    bars = [
        _bar(
            f"from {format_minor(low + i * step, one.currency)}: {count}", count, max(counts),
            f"{count} accounts change by {format_minor(low + i * step, one.currency)} or more",
            colour="now",
        )
        for i, count in enumerate(counts)
    ]  # fmt: skip
    return section(f"Spread of the change, {one.currency}", said, *bars, name="spread")


def _months(one: Charged) -> Markup:
    largest = max((max(before, after) for _, before, after in one.months), default=0)
    bars = []
    for month, before, after in one.months:
        for name, amount, colour in ((month, before, "then"), ("after", after, "now")):
            said = format_minor(amount, one.currency)
            what = f"{month}, {'after' if name == 'after' else 'before'}: {said}"
            bars.append(_bar(f"{name} {said}", amount, largest, what, colour=colour))
    said = f"Bills and orders before coupons, in {one.currency}, by month."
    legend = key((("then", "", "before: as recorded"), ("now", "", "after: decided again")))
    return section(f"Charged by month, {one.currency}", said, legend, *bars, name="months")


def _most(most: list[list[str]]) -> Markup:
    if not most:
        return section("Changed most", "No account changes.", name="most")
    inside = [
        table(
            Sheet(
                ("account", "charged", "", "out of service, s"),
                [(row[0], Figure(row[1]), row[2], Figure(row[3])) for row in most],
            )
        ),
        *(node("p", node("code", row[4])) for row in most),
    ]
    return section(
        "Changed most", "Each command shows that account's own history, decided again.",
        *inside, name="most",
    )  # fmt: skip
