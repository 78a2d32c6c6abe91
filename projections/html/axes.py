"""What drawings over time share: months along the bottom, figures up the side, a key.

Invariant: coordinates are integers, so a drawing is the same bytes everywhere. This module must not
know what is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.money import exponent, format_minor
from ledger.periods import DAY, local_date, local_day, midnight
from projections.html.svg import HIGH, WIDE, Markup, Scale, node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST_TICKS = 13
_LEAST_MONTHS = 3  # on a shorter axis, days are named
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MOST_AMOUNTS = 6
_ROUND = (1, 2, 5)


class Tick(NamedTuple):
    """A place on an axis and its name."""

    at: int
    said: str


def plot(*inside: str, said: str, around: Iterable[str] = ()) -> Markup:
    """Write a drawing that stretches with the page; ``around`` are words laid over it."""
    drawn = node(
        "svg", node("title", said), *inside, viewBox=f"0 0 {WIDE} {HIGH}",
        preserveAspectRatio="none", role="img",
    )  # fmt: skip
    return node("div", drawn, *around, class_="plot")


def days(starts: int, ends: int, offset: int) -> list[Tick]:
    """Name months, or days where the span is short, at most a dozen of them."""
    first, last = local_day(starts, offset) + 1, local_day(ends, offset)
    wanted = [day for day in range(first, last + 1) if _date(day, offset).endswith("-01")]
    monthly = len(wanted) >= _LEAST_MONTHS
    if not monthly:
        wanted = list(range(first, last + 1))
    step = -(-len(wanted) // _MOST_TICKS)
    return [
        Tick(midnight(day, offset), _named(_date(day, offset), monthly=monthly))
        for day in wanted[:: step or 1]
    ]


def _date(day: int, offset: int) -> str:
    return local_date(midnight(day, offset), offset)


def _named(date: str, *, monthly: bool) -> str:
    year, month, day = date.split("-")
    name = _MONTHS[int(month) - 1]
    if not monthly:
        return f"{int(day)} {name}"
    return f"{name} {year}" if month == "01" else name


def along(ticks: list[Tick], x: Scale) -> Iterator[Markup]:
    """Write the names of an axis below a drawing; every other one gives way on a narrow page."""
    for i, tick in enumerate(ticks):
        kind = "tick x minor" if i % 3 else "tick x"
        yield node("span", tick.said, class_=kind, style=f"left:{x.percent(tick.at)}")


def uprights(ticks: list[Tick], x: Scale) -> Markup:
    """Draw a line up from each tick."""
    return node(
        "path", class_="rule", d="".join(f"M{x.place(tick.at)} 0V{HIGH}" for tick in ticks)
    )


def amounts(low: int, high: int, currency: str) -> list[Tick]:
    """Name some round amounts between two: whole units where they are far enough apart."""
    unit = 10 ** exponent(currency)
    each = next(
        size
        for size in (by * 10**power for power in range(19) for by in _ROUND)
        if (high - low) // size <= _MOST_AMOUNTS
    )
    first = -(-low // each) * each
    return [
        Tick(at, format_minor(at, currency) if each < unit else str(at // unit))
        for at in range(first, high + 1, each)
    ]


def key(entries: Iterable[tuple[str, str, str]]) -> Markup:
    """Write what colours mean: (colour, kind of mark, meaning)."""
    return node(
        "ul",
        *(
            node("li", node("i", class_=kind or None, style=f"--c:var(--{colour})"), said)
            for colour, kind, said in entries
        ),
        class_="legend",
    )


def widened(starts: int, ends: int) -> Scale:
    """Return the scale of a span of time, of a day at least."""
    return Scale(starts, max(ends, starts + DAY // 24), WIDE)
