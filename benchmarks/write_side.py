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
    from collections.abc import Iterator

ACCOUNTS = 200
COMMITS = 300
WRITTEN_MAX = 700


def import_commands(folder: Path, sizes: tuple[int, ...]) -> Iterator[Figure]:
    """Import commands through all rules; the peer stores the same events without any rule."""
    rates: dict[int, float] = {}
    for size in sizes:
        source = folder / f"import-{size}.ndjson"
        source.write_bytes(b"".join(commands(size, accounts=max(ACCOUNTS, size // 500))))
        (seconds, written), peak = apart(_import, folder / f"import-{size}.db", source)
        reader = open_reader(str(folder / f"import-{size}.db"))
        events = reader.head().position
        rates[size] = size / seconds
        peer = peers.open_peer(str(folder / f"peer-{size}.db"))
        history = list(codec.decode_all(reader.bodies(until=100_000)))
        peer_rate = len(history) / spent(
            lambda peer=peer, history=history: peers.fill(peer, history)  # type: ignore[misc]
        )
        yield Figure(
            f"import_{size}",
            f"{rates[size]:,.0f} commands/s, {events / seconds:,.0f} events/s, "
            f"{peak} MB at most",
            f"eventsourcing aggregates, no rules: {peer_rate:,.0f} events/s",
            events / seconds / peer_rate, ">= 1.5", events / seconds / peer_rate >= 1.5,
            (
                Measured("import, all rules", events, seconds / events * 1e6),
                Measured("peer: saves, no rules", events, 1e6 / peer_rate),
            ),
        )  # fmt: skip
        reader.close()
        if written:
            each = written / events
            yield Figure(
                f"import_{size}_written", f"{each:,.0f} bytes written an event, WAL and file",
                f"{WRITTEN_MAX} bytes", each / WRITTEN_MAX, "<= 1", each <= WRITTEN_MAX,
            )  # fmt: skip
    small, large = min(sizes), max(sizes)
    if small != large:
        flat = rates[large] / rates[small]
        yield Figure(
            f"import_flat_{small}_to_{large}", f"{rates[large]:,.0f} commands/s",
            f"at {small}: {rates[small]:,.0f} commands/s", flat, ">= 0.85", flat >= 0.85,
        )  # fmt: skip


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
