"""Pages of the explorer over a long log: once they are warm, and at a point never asked before.

A step of a slider is a new point, so nothing of it is remembered. Columns are built, as
docs/SCALE.md says for a log of this size. Beside: what a person waits for without noticing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.measure import Figure, apart, spent, timed
from benchmarks.read_side import catch_up
from ledger.periods import HOUR, format_instant
from ledger.store import open_reader
from projections.columns import arrow
from projections.columns.segments import Columns
from projections.runner import Views

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OFFSET: Final = 8 * HOUR
WARM_MS, STEP_MS = 300, 100
STEPS: Final = 25
# name -> (path, what names it); NAME is an account in the middle of the list
PAGES: Final = {
    "overview": "/", "accounts": "/accounts", "instances": "/instances", "overdue": "/overdue",
    "account": "/account/NAME", "statement": "/account/NAME/statement",
    "lots": "/account/NAME/lots", "log": "/account/NAME/log", "fields": "/account/NAME/fields",
    "why": "/why/NAME/cash", "books": "/books", "rollforward": "/books/rollforward",
    "deferred": "/books/deferred", "coupons": "/books/coupons",
    "reconciliations": "/reconciliations", "periods": "/periods", "compare": "/compare",
}  # fmt: skip
STEPPED: Final = (
    "account", "why", "accounts", "overview", "instances", "overdue", "books", "rollforward",
    "deferred", "coupons",
)  # fmt: skip


def run(path: Path) -> list[Figure]:
    """Ask for every page twice, and for some at points of their own; nothing without extras."""
    try:
        from cli.explorer.app import page_at  # noqa: PLC0415 - an extra
        from cli.explorer.rendering import Renderer  # noqa: PLC0415 - the same
    except ImportError:
        return []
    if not arrow.available():
        return []
    apart(catch_up, path)
    reader = open_reader(str(path))
    head, first = reader.head(), reader.row(1)
    Columns(reader).build()
    rows = list(Views(reader).rows("balances"))
    reader.close()
    name = str(rows[0][0])  # it is there from the beginning
    from cli.explorer.answers import Answers  # noqa: PLC0415 - as above

    renderer = Renderer(Answers(str(path)))

    def ask(address: str, **query: str) -> Any:  # noqa: ANN401 - what a timer ignores
        make, named = page_at(address.replace("NAME", name))
        assert make is not None, address  # noqa: S101 - a page of the table above
        code, text = renderer.page(make, address.replace("NAME", name), query, named)
        assert code in (0, 1), text  # noqa: S101 - it can be shown
        return text

    warm: dict[str, float] = {}
    for page, address in PAGES.items():
        ask(address)
        warm[page] = min(spent(lambda address=address: ask(address)) for _ in range(3)) * 1000  # type: ignore[misc]
    slowest = max(warm, key=lambda page: warm[page])
    found = [_figure("warm", head.position, warm[slowest], f"{slowest}, the slowest of "
                     f"{len(warm)} pages", WARM_MS)]  # fmt: skip
    begun = first.recorded_at if first is not None else 0
    day = (head.recorded_at - begun) // (2 * STEPS)
    for number, page in enumerate(STEPPED):  # no page asks at the point of another
        points = [
            format_instant(head.recorded_at - step * day - number * HOUR, OFFSET)
            for step in range(1, STEPS + 1)
        ]
        least, waited = _step(lambda at, page=page: ask(PAGES[page], at=at), points)  # type: ignore[misc]
        found.append(_figure(f"step_{page}", head.position, least * 1000,
                             f"{waited * 1000:.0f} ms by the clock; best of {STEPS} new points",
                             STEP_MS))  # fmt: skip
    return found


def _step(ask: Callable[[str], object], points: list[str]) -> tuple[float, float]:
    """Return the least processor time of a step in seconds, and the least time by the clock."""
    took: list[float] = []
    waited = [timed(lambda at=at: took.append(spent(lambda: ask(at)))) for at in points]  # type: ignore[misc]
    return min(took), min(waited)


def _figure(name: str, events: int, took: float, said: str, limit: int) -> Figure:
    share = took / limit
    return Figure(
        f"explorer_{name}_{events}", f"{took:.0f} ms of processor ({said})", f"limit: {limit} ms",
        share, "<= 1", share <= 1,
    )  # fmt: skip
