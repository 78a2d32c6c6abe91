"""Time travel in process: one account of a large ledger, asked and explained; the debugger's jumps.

Limits, not peers: nobody else answers these. ``bisect`` is compared with the bare fold.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from benchmarks.measure import Figure, best, spent
from ledger import codec
from ledger.account import fold
from ledger.events import ACCOUNT_PREFIX
from ledger.periods import HOUR
from ledger.store import open_reader
from projections.answers.terms import Formatter
from projections.history.bisect import bisect
from projections.history.blame import blame, last
from projections.history.compiling import compile_expression, parse_name
from projections.history.diff import diff_account
from projections.history.points import here
from projections.history.timeline import AccountTimeline
from projections.history.why import why
from projections.point import Asked, account_at, resolve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ledger.store import Reader

LIMIT_SECONDS = 0.050
JUMPS = 1000
OFFSET = 8 * HOUR


def typical(reader: Reader) -> str:
    """Choose the account with the median number of events of a sample."""
    sample = reader.streams()[::7][:41]
    sizes = sorted((len(reader.stream_bodies(stream)), stream) for stream in sample)
    return sizes[len(sizes) // 2][1].removeprefix(ACCOUNT_PREFIX)


def one_account(path: Path) -> list[Figure]:
    """Ask each question about one account at past points."""
    reader = open_reader(str(path))
    head = reader.head()
    account = typical(reader)
    now = resolve(reader, Asked(), clock=head.recorded_at, offset=OFFSET)
    past = resolve(
        reader, Asked(position=head.position // 2), clock=head.recorded_at, offset=OFFSET
    )
    write = Formatter(offset=OFFSET, currency="CNY")
    questions: dict[str, Callable[[], object]] = {
        "state": lambda: account_at(reader, account, past),
        "diff": lambda: diff_account(reader, account, past, now),
        "last": lambda: last(reader, account, now, parse_name("cash")),
        "blame": lambda: blame(reader, account, now),
        "why": lambda: why(reader, account, parse_name("cash"), now, write),
    }
    events = len(reader.stream_bodies(ACCOUNT_PREFIX + account))
    found = []
    for name, question in questions.items():
        seconds = best(question, runs=5)
        found.append(
            Figure(
                f"{name}_{head.position}", f"{seconds * 1000:.1f} ms, account of {events} events",
                "limit: 50 ms", seconds / LIMIT_SECONDS, "<= 1", seconds <= LIMIT_SECONDS,
            )
        )  # fmt: skip
    return [*found, _bisect(reader, account), _jumps(reader)]


def _bisect(reader: Reader, account: str) -> Figure:
    head = reader.head()
    now = resolve(reader, Asked(), clock=head.recorded_at, offset=OFFSET)
    expression = compile_expression("outstanding > 0", currency="CNY", offset=OFFSET)
    bodies = reader.stream_bodies(ACCOUNT_PREFIX + account)
    folding = best(lambda: fold(account, codec.decode_all(bodies)), runs=5)
    hunting = best(
        lambda: bisect(reader, account, expression, now, axis="effective"), runs=5
    )
    ratio = folding / hunting
    return Figure(
        f"bisect_{len(bodies)}", f"{len(bodies) / hunting:,.0f} events/s",
        f"bare fold of the same bytes: {len(bodies) / folding:,.0f} events/s",
        ratio, ">= 0.5", ratio >= 0.5,
    )  # fmt: skip


def _jumps(reader: Reader) -> Figure:
    """Jump about in the longest account's history, after one pass over it."""
    sizes = ((len(reader.stream_bodies(stream)), stream) for stream in reader.streams()[:200])
    events, stream = max(sizes)
    timeline = AccountTimeline(
        reader, stream.removeprefix(ACCOUNT_PREFIX), until=here(
            reader, clock=reader.head().recorded_at, offset=OFFSET
        ).head,
    )  # fmt: skip
    timeline.seek(len(timeline))
    chance = random.Random(1)  # noqa: S311 - the same jumps each time
    places = [chance.randrange(len(timeline)) for _ in range(JUMPS)]
    seconds = spent(lambda: [timeline.seek(place) for place in places])
    return Figure(
        f"debugger_jumps_{events}", f"{JUMPS} jumps in {seconds:.2f} s", "limit: 2 s",
        seconds / 2, "<= 1", seconds <= 2,
    )  # fmt: skip
