"""What drawings over time share: months along the bottom, figures up the side, a key.

Invariant: coordinates are integers, so a drawing is the same bytes everywhere. This module must not
know what is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.money import exponent, format_minor
from ledger.periods import DAY, format_instant, local_date, local_day, midnight
from projections.html.svg import HIGH, WIDE, Markup, Scale, node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST_TICKS = 13
_LEAST_MONTHS = 3  # on a shorter axis, days are named
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MOST_AMOUNTS = 6
_EDGE = 25  # a name in the last of this many parts is written to the left of its tick
_ROUND = (1, 2, 5)


class Tick(NamedTuple):
    """A place on an axis and its name."""

    at: int
    said: str


def plot(*inside: str, said: str, words: Iterable[str] = (), cursor: bool = False) -> Markup:
    """Write a drawing that stretches with the page, and the words of its axes, which do not.

    Places are attributes, never styles: a page that forbids styles inside it shows them too.
    """
    drawn = node(
        "svg", node("title", said), *inside, viewBox=f"0 0 {WIDE} {HIGH}",
        preserveAspectRatio="none", role="img",
    )  # fmt: skip
    named = list(words)
    return node(
        "div", drawn,
        *([node("svg", *named, class_="words", aria_hidden="true")] if named else ()),
        *([node("div", class_="cursor")] if cursor else ()),
        class_="plot",
    )  # fmt: skip


def moment(instant: int, offset: int) -> str:
    """Write an instant to the second, without the offset."""
    return format_instant(instant, offset)[:19].replace("T", " ")


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
    """Write the names of an axis below a drawing; two of three give way on a narrow page."""
    for i, tick in enumerate(ticks):
        kind = "tick x minor" if i % 3 else "tick x"
        if x.place(tick.at) * _EDGE > WIDE * (_EDGE - 1):
            kind += " last"  # its name would reach beyond the page
        yield node("text", tick.said, class_=kind, x=x.percent(tick.at), y="100%", dy="1.5em")


def beside(ticks: Iterable[Tick], y: Scale) -> Iterator[Markup]:
    """Write the names of an axis to the left of a drawing, where no line is."""
    for tick in ticks:
        down = Scale(0, HIGH, HIGH).percent(HIGH - y.place(tick.at))
        yield node("text", tick.said, class_="tick y", x=0, y=down, dx="-.6em", dy=".35em")


def levels(ticks: Iterable[Tick], y: Scale) -> Markup:
    """Draw a line across at each tick."""
    return node(
        "path", class_="rule",
        d="".join(f"M0 {HIGH - y.place(tick.at)}H{WIDE}" for tick in ticks),
    )  # fmt: skip


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


def tint(colour: str) -> str:
    """Name the class of a colour: a style of its own a page may forbid."""
    return f"c-{colour}"


def key(entries: Iterable[tuple[str, str, str]]) -> Markup:
    """Write what colours mean: (colour, kind of mark, meaning)."""
    return node(
        "ul",
        *(
            node("li", node("i", class_=f"{kind} {tint(colour)}".strip()), said)
            for colour, kind, said in entries
        ),
        class_="legend",
    )


def widened(starts: int, ends: int) -> Scale:
    """Return the scale of a span of time, of a day at least."""
    return Scale(starts, max(ends, starts + DAY // 24), WIDE)
