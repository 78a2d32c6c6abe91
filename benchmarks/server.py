"""A ledger on a PostgreSQL server: import and single commits, beside the file and beside bare SQL.

By the clock, as most of the work is the server's. Without a server there is no line of it.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks import peers
from benchmarks.measure import Figure, commands, fill, new_ledger, timed
from benchmarks.write_side import ACCOUNTS, forget
from ledger import codec
from ledger import commands as c
from tests.servers import Server, started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ledger.application import Ledger

COMMITS = 200
BATCH = 2000  # rows that a COPY brings
_ROW = "(position BIGINT PRIMARY KEY, stream TEXT, version BIGINT, state BYTEA)"


def run(folder: Path, size: int) -> Iterator[Figure]:
    """Measure import and single commits."""
    server = started()
    if isinstance(server, str):
        return
    lines = commands(size, accounts=ACCOUNTS)
    path = folder / "beside-server.db"
    forget(path)
    file = new_ledger(path)
    ledger = new_ledger(server.database())
    in_file, on_server = timed(lambda: fill(file, lines)), timed(lambda: fill(ledger, lines))
    file.store.close()
    forget(path)
    events = ledger.position
    yield Figure(
        f"import_{size}_server", f"{size / on_server:,.0f} commands/s on PostgreSQL",
        f"in a file: {size / in_file:,.0f} commands/s", in_file / on_server, ">= 0.5",
        in_file / on_server >= 0.5,
    )  # fmt: skip
    rate = events / on_server
    copied = events / _copied(server, ledger)
    yield Figure(
        f"import_{size}_server_beside_copy", f"{rate:,.0f} events/s, all rules",
        f"COPY of the same bytes, {BATCH} a commit: {copied:,.0f} events/s", rate / copied, "-",
        met=True,
    )  # fmt: skip
    saved = events / _saved(server, ledger)
    yield Figure(
        f"import_{size}_server_beside_library", f"{rate:,.0f} events/s, all rules",
        f"eventsourcing aggregates on PostgreSQL, no rules: {saved:,.0f} events/s", rate / saved,
        "-", met=True,
    )  # fmt: skip
    yield _append(server, ledger)
    ledger.store.close()


def _copied(server: Server, ledger: Ledger) -> float:
    """Return the seconds in which bare COPY brings the same rows."""
    import psycopg  # noqa: PLC0415 - an extra

    rows = [(row.position, row.stream, row.version, row.body) for row in ledger.store.reader.rows()]
    with psycopg.connect(server.database()) as raw:
        raw.execute(f"CREATE TABLE raw {_ROW}")
        raw.commit()
        begun = perf_counter()
        for first in range(0, len(rows), BATCH):
            with raw.cursor().copy("COPY raw FROM STDIN") as into:
                for row in rows[first : first + BATCH]:
                    into.write_row(row)
            raw.commit()
        return perf_counter() - begun


def _saved(server: Server, ledger: Ledger) -> float:
    """Return the seconds in which the library's own recorder saves the same events."""
    peer = peers.open_server_peer(server.database())
    history = list(codec.decode_all(ledger.store.reader.bodies()))
    seconds = timed(lambda: peers.fill(peer, history))
    peer.close()
    return seconds


def _append(server: Server, ledger: Ledger) -> Figure:
    import psycopg  # noqa: PLC0415 - an extra

    def ours() -> None:
        for i in range(COMMITS):
            ledger.execute(
                [c.TopUp(account="a-001", amount=c.Amount("1"), channel="bench", serial=str(i))]
            )

    with psycopg.connect(server.database(), autocommit=True) as raw:
        raw.execute("CREATE TABLE raw (position BIGINT PRIMARY KEY, state BYTEA)")

        def bare() -> None:
            for i in range(COMMITS):
                with raw.transaction():
                    raw.execute("INSERT INTO raw VALUES (%s, %s)", (i, b"x" * 230))

        theirs, mine = COMMITS / timed(bare), COMMITS / timed(ours)
    return Figure(
        "append_1_server", f"{mine:,.0f} commands/s on PostgreSQL, decided and durable",
        f"raw insert + commit there: {theirs:,.0f}/s", mine / theirs, ">= 0.5",
        mine / theirs >= 0.5,
    )  # fmt: skip
