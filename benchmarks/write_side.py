"""The write side: import through all rules, single durable commits, memory, the peer's saves."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import peers
from benchmarks.measure import (
    Figure,
    Measured,
    apart,
    commands,
    fill,
    new_ledger,
    spent,
    timed,
)
from ledger import codec
from ledger import commands as c
from ledger.store import open_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ACCOUNTS = 200
COMMITS = 300
WRITTEN_MAX = 700
MEMORY_MAX = 500  # MB
PEER_EVENTS = 100_000
RULES = "import, all rules"


def imported(folder: Path, size: int) -> Path:
    """Return where the ledger of N commands is."""
    return folder / f"import-{size}.db"


def import_commands(folder: Path, size: int) -> Iterator[Figure]:
    """Import commands through all rules; the peer stores the same events without any rule."""
    path = imported(folder, size)
    forget(path)
    source = folder / f"import-{size}.ndjson"
    source.write_bytes(b"".join(commands(size, accounts=max(ACCOUNTS, size // 500))))
    (seconds, written), peak = apart(_import, path, source)
    source.unlink()
    reader = open_reader(str(path))
    events = reader.head().position
    ours = events / seconds
    history = list(codec.decode_all(reader.bodies(until=PEER_EVENTS)))
    reader.close()
    there = folder / f"peer-{size}.db"
    forget(there)
    peer = peers.open_peer(str(there))
    theirs = len(history) / spent(lambda: peers.fill(peer, history))
    forget(there)
    yield Figure(
        f"import_{size}",
        f"{size / seconds:,.0f} commands/s, {ours:,.0f} events/s, {peak} MB at most",
        f"eventsourcing aggregates, no rules: {theirs:,.0f} events/s",
        ours / theirs, ">= 1.5", ours / theirs >= 1.5,
        (
            Measured(RULES, events, 1e6 / ours),
            Measured("peer: saves, no rules", events, 1e6 / theirs),
        ),
    )  # fmt: skip
    if written:
        each = written / events
        yield Figure(
            f"import_{size}_written", f"{each:,.0f} bytes written an event, WAL and file",
            f"{WRITTEN_MAX} bytes", each / WRITTEN_MAX, "<= 1", each <= WRITTEN_MAX,
        )  # fmt: skip
    yield Figure(
        f"import_{size}_memory", f"{peak} MB at most", f"{MEMORY_MAX} MB", peak / MEMORY_MAX, "< 1",
        peak < MEMORY_MAX,
    )  # fmt: skip


def in_two(folder: Path, size: int) -> Figure:
    """Import in two processes beside one, by the clock."""
    lines, path = commands(size, accounts=max(ACCOUNTS, size // 500)), folder / "two.db"
    seconds: dict[int, float] = {}
    for workers in (1, 2):
        forget(path)
        ledger = new_ledger(path)
        seconds[workers] = timed(lambda: fill(ledger, lines, workers=workers))  # noqa: B023 - now
        ledger.store.close()
    forget(path)
    ratio = seconds[1] / seconds[2]
    return Figure(
        f"import_{size}_two", f"{size / seconds[2]:,.0f} commands/s in two processes, by the clock",
        f"in one: {size / seconds[1]:,.0f} commands/s", ratio, ">= 1.2", ratio >= 1.2,
    )  # fmt: skip


def flat(found: Sequence[Figure]) -> Iterator[Figure]:
    """Compare the rates of imports of the smallest size with those of the others."""
    points = sorted(
        (point.events, 1e6 / point.microseconds)
        for one in found for point in one.curves if point.series == RULES
    )  # fmt: skip
    for events, rate in points[1:]:
        ratio = rate / points[0][1]
        yield Figure(
            f"import_flat_{events}", f"{rate:,.0f} events/s to {events:,} events",
            f"to {points[0][0]:,}: {points[0][1]:,.0f} events/s", ratio, ">= 0.85", ratio >= 0.85,
        )  # fmt: skip


def forget(path: Path) -> None:
    """Remove what a run that was cut off left."""
    for name in path.parent.glob(f"{path.name}*"):
        name.unlink()


def _import(path: Path, source: Path) -> tuple[float, int]:
    """Import a file; return the seconds, and the bytes that this process wrote."""
    ledger = new_ledger(path)
    before = _written()
    with source.open("rb") as lines:
        seconds = spent(lambda: fill(ledger, lines))
    ledger.store.close()
    return seconds, _written() - before


def _written() -> int:
    """Return the bytes that this process has written so far, 0 where the system does not say."""
    told = Path("/proc/self/io")
    if not told.exists():
        return 0
    return int(told.read_text(encoding="ascii").partition("wchar: ")[2].partition("\n")[0])


def append_1(folder: Path) -> Figure:
    """Record one command a durable commit; the peer is a bare SQLite insert and commit."""
    ledger = new_ledger(folder / "append.db")
    fill(ledger, [b'{"do":"open-account","account":"a"}\n'])

    def ours() -> None:
        for i in range(COMMITS):
            ledger.execute(
                [c.TopUp(account="a", amount=c.Amount("1"), channel="c", serial=str(i))]
            )

    raw = sqlite3.connect(folder / "raw.db", isolation_level=None)
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("PRAGMA synchronous=FULL")
    raw.execute("CREATE TABLE e (position INTEGER PRIMARY KEY AUTOINCREMENT, state BLOB)")

    def bare() -> None:
        for _ in range(COMMITS):
            raw.execute("BEGIN IMMEDIATE")
            raw.execute("INSERT INTO e (state) VALUES (?)", (b"x" * 230,))
            raw.execute("COMMIT")

    mine, theirs = COMMITS / timed(ours), COMMITS / timed(bare)
    ledger.store.close()
    return Figure(
        "append_1", f"{mine:,.0f} commands/s, decided and durable",
        f"raw SQLite insert + commit: {theirs:,.0f}/s", mine / theirs, ">= 0.55",
        mine / theirs >= 0.55,
    )  # fmt: skip
