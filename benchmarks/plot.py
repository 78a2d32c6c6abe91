"""Cost against size, as a picture: both axes logarithmic, microseconds an event over events."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WIDTH: Final = 720
HEIGHT: Final = 400
LEFT: Final = 70
RIGHT: Final = 210
TOP: Final = 30
BOTTOM: Final = 50
COLOURS: Final = ("#3366cc", "#b8860b", "#2e8b57", "#c0392b", "#7d3c98", "#117a8b", "#666666")
STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}"
    ".grid{stroke:#8888;stroke-width:.5}"
    "@media(prefers-color-scheme:dark){text{fill:#d0d7de}}"
)


def _marks(values: Iterable[float]) -> list[float]:
    """Return the powers of ten that enclose some values."""
    logs = [log10(value) for value in values]
    low, high = floor(min(logs)), max(ceil(max(logs)), floor(min(logs)) + 1)
    return [10.0**n for n in range(low, high + 1)]


def _written(value: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def _text(x: float, y: float, text: str, *, anchor: str = "middle", fill: str = "") -> str:
    style = f' style="fill:{fill}"' if fill else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{text}</text>'


def draw(curves: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Draw series of (events, microseconds an event). Raises: ValueError where there is none."""
    sizes = _marks(size for points in curves.values() for size, _ in points)
    costs = _marks(cost for points in curves.values() for _, cost in points)

    def across(size: float) -> float:
        share = log10(size / sizes[0]) / log10(sizes[-1] / sizes[0])
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def down(cost: float) -> float:
        share = log10(cost / costs[0]) / log10(costs[-1] / costs[0])
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        "<title>Cost of an event against the size of the log</title>",
        f"<style>{STYLE}</style>",
    ]
    for size in sizes:
        x = across(size)
        parts += [
            f'<path class="grid" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>',
            _text(x, HEIGHT - BOTTOM + 18, _written(size)),
        ]
    for cost in costs:
        y = down(cost)
        parts += [
            f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>',
            _text(LEFT - 8, y + 4, _written(cost), anchor="end"),
        ]
    parts += [
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "events in the log"),
        _text(LEFT, TOP - 12, "µs an event"),
    ]
    labels: list[float] = []
    for (name, points), colour in zip(
        sorted(curves.items(), key=lambda one: -one[1][-1][1]), COLOURS * 9, strict=False
    ):
        path = "L".join(f"{across(size):.1f} {down(cost):.1f}" for size, cost in points)
        dashed = ' stroke-dasharray="5 4"' if name.startswith("peer") else ""
        parts.append(
            f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>'
        )
        parts += [
            f'<circle cx="{across(size):.1f}" cy="{down(cost):.1f}" r="3" fill="{colour}"/>'
            for size, cost in points
        ]
        end = down(points[-1][1])
        place = max(end, labels[-1] + 15) if labels else end  # from the top down, none over another
        labels.append(place)
        parts.append(
            _text(WIDTH - RIGHT + 12, place + 4, name, anchor="start", fill=colour)
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
