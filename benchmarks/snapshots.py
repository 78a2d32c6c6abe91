"""One account with a long stream, as of any instant: from the frames that are kept, and folded.

The stream is a bill an hour; the instants are drawn over all of its time, on both axes.
"""

from __future__ import annotations

import json
import random
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measure import Figure, best, fill, new_ledger
from ledger import codec, kept
from ledger.account import fold
from ledger.events import ACCOUNT_PREFIX
from ledger.periods import HOUR, format_instant, parse_instant
from ledger.store import open_store
from projections.point import Asked, account_at, resolve
from projections.runner import Views
from projections.snapshots import look_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT_SECONDS = 0.005
LOAD_RATIO = 0.4
OFFSET = 8 * HOUR
POINTS = 20
_BEGINS = parse_instant("2025-01-01T00:00:00+08:00", OFFSET)
_EVENTS_AN_HOUR = 3


def _commands(hours: int) -> Iterator[bytes]:
    def line(hour: int, **fields: object) -> bytes:
        at = format_instant(_BEGINS + hour * HOUR, OFFSET)
        return json.dumps({"at": at, "account": "a-1", **fields}).encode()

    yield line(0, do="open-account")
    yield line(0, do="activate-public", instance="p-1", kind="public_legacy")
    for hour in range(1, hours + 1):
        if hour % 200 == 1:
            yield line(hour, do="top-up", amount="1000", channel="bank", serial=str(hour))
        cycle = {
            "cycle_start": format_instant(_BEGINS + (hour - 1) * HOUR, OFFSET),
            "cycle_end": format_instant(_BEGINS + hour * HOUR, OFFSET),
        }
        usage = {"usage": f"u-{hour}", "instance": "p-1", "rated": "1.23"}
        yield line(hour, do="record-usage", **usage, **cycle)


def run(folder: Path, sizes: tuple[int, ...]) -> list[Figure]:
    """Ask one account whose stream has a twentieth of each size in events."""
    long = [size // 20 for size in sizes]
    return [*(_long(folder, events) for events in long), _first_command(folder, max(long))]


def _path(folder: Path, events: int) -> Path:
    return folder / f"long-{events}.db"


def _first_command(folder: Path, events: int) -> Figure:
    """Load the account as the first command of a process does, and fold it from nothing."""
    store = open_store(str(_path(folder, events)))
    loaded = best(partial(kept.load, store.reader, "a-1"))
    bodies = partial(store.reader.stream_bodies, ACCOUNT_PREFIX + "a-1")
    folded = best(lambda: fold("a-1", codec.decode_all(bodies())))
    store.close()
    return Figure(
        f"first_command_{events}", f"{loaded * 1000:.1f} ms to the account's state",
        f"the fold from nothing {folded * 1000:.1f} ms", loaded / folded, "<= 0.4",
        loaded <= folded * LOAD_RATIO or events < kept.LONG,
    )  # fmt: skip


def _long(folder: Path, events: int) -> Figure:
    ledger = new_ledger(_path(folder, events))
    fill(ledger, list(_commands(events // _EVENTS_AN_HOUR)))
    store = ledger.store
    Views(store.reader, store).catch_up()
    reader, head = store.reader, store.reader.head()
    chance = random.Random(1)  # noqa: S311 - the same instants each time
    drawn = [chance.randint(_BEGINS, head.recorded_at) for _ in range(POINTS)]
    points = [
        resolve(reader, asked, clock=head.recorded_at, offset=OFFSET)
        for instant in drawn
        for asked in (Asked(at=instant), Asked(known_at=instant))
    ]
    looks, folds = (
        max(best(partial(ask, reader, "a-1", point)) for point in points)
        for ask in (look_at, account_at)
    )
    store.close()
    return Figure(
        f"state_long_{events}", f"{looks * 1000:.2f} ms, slowest of {len(points)} points",
        f"limit 5 ms; the fold from nothing {folds * 1000:.1f} ms",
        looks / LIMIT_SECONDS, "<= 1", looks <= LIMIT_SECONDS,
    )  # fmt: skip
