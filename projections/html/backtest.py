"""A backtest as a page: what changes in total, how it is spread, month by month, and for whom.

Invariant: a bar is as long as its amount, and every amount stands in words as well. This module
must not know how a history is decided again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger.money import exponent, format_minor
from projections.answers.backtesting import RANKS, SIDES
from projections.html.axes import key, tint
from projections.html.page import Source, page, section, table
from projections.html.svg import HIGH, WIDE, Markup, Scale, joined, node
from projections.pages import Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from projections.answers.backtesting import Backtest, MonthCharged

_BINS: Final = 12
_THIN: Final = 12  # the least width of a bar that stands for something


def backtest_page(answer: Backtest, source: Source) -> str:
    """Write the page."""
    body = joined(
        (
            section(
                "In total", "p50, p95 and max are the sizes of single accounts' changes.",
                table(Sheet(("measure", *SIDES, *RANKS), answer.lines())), name="totals",
            ),
            *(_spread(answer, currency) for currency in answer.months),
            *(_months(currency, months) for currency, months in answer.months.items()),
            _most(answer),
        )
    )  # fmt: skip
    return page("Decided again", f"Customers: {answer.customers}.", body, source)


def _minor(amount: Decimal, currency: str) -> int:
    return int(amount.scaleb(exponent(currency)))


def _bar(name: str, length: int, largest: int, said: str, *, colour: str) -> Markup:
    width = max(_THIN if length else 0, Scale(0, largest or 1, WIDE).place(length))
    drawn = node(
        "svg", node("title", said),
        node("rect", x=0, y=200, width=width, height=600, class_=tint(colour)),
        viewBox=f"0 0 {WIDE} {HIGH}", preserveAspectRatio="none", role="img",
    )  # fmt: skip
    return node("div", node("span", name), node("div", drawn, class_="plot"), class_="lane")


def _spread(answer: Backtest, currency: str) -> Markup:
    """Draw how many accounts change by how much: equal steps between the least and the most."""
    deltas = [_minor(row[currency]["charged"]["delta"], currency)
              for row in answer.rows if row["currency"] == currency]  # fmt: skip
    changed = [delta for delta in deltas if delta]
    said = (
        f"How many accounts are charged how much more or less, in {currency}; "
        f"{len(deltas) - len(changed)} are charged the same."
    )
    if not changed:
        return section("Spread", said, node("p", "Nobody is charged more or less."), name="spread")
    low, high = min(changed), max(changed)
    step = (high - low) // _BINS + 1
    counts = [0] * ((high - low) // step + 1)
    for delta in changed:
        counts[(delta - low) // step] += 1
    bars = []
    for i, count in enumerate(counts):
        least = format_minor(low + i * step, currency)
        bars.append(_bar(
            f"from {least}: {count}", count, max(counts),
            f"{count} accounts change by {least} or more", colour="now",
        ))  # fmt: skip
    return section(f"Spread of the change, {currency}", said, *bars, name="spread")


def _months(currency: str, months: Sequence[MonthCharged]) -> Markup:
    largest = max((_minor(max(month.before, month.after), currency) for month in months), default=0)
    bars = []
    for one in months:
        for name, side, amount, colour in (
            (one.month, "before", one.before, "then"), ("after", "after", one.after, "now"),
        ):  # fmt: skip
            what = f"{one.month}, {side}: {amount}"
            size = _minor(amount, currency)
            bars.append(_bar(f"{name} {amount}", size, largest, what, colour=colour))
    said = f"Bills and orders before coupons, in {currency}, by month."
    legend = key((("then", "", "before: as recorded"), ("now", "", "after: decided again")))
    return section(f"Charged by month, {currency}", said, legend, *bars, name="months")


def _most(answer: Backtest) -> Markup:
    if not answer.most_changed:
        return section("Changed most", "No account changes.", name="most")
    rows = []
    for one in answer.most_changed:
        currency, charged, stopped = answer.moved(one.account)
        rows.append((one.account, charged, currency, stopped))
    inside = [
        table(Sheet(("account", "charged", "", "out of service, s"), rows)),
        *(node("p", node("code", one.try_)) for one in answer.most_changed),
    ]
    return section(
        "Changed most", "Each command shows that account's own history, decided again.",
        *inside, name="most",
    )  # fmt: skip
