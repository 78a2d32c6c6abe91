"""Stream tiles: the stored bytes of an account's events, some of them in one row, in their order.

Events of one account lie scattered over the log, and to find and read them takes longer than to
decode and fold them. A tile holds those of SIZE versions that follow one another, to the byte, as
one MessagePack array. Only full tiles are kept; the rest of a stream is read from the log, and with
it the last event of the last tile: if the two differ, no tile is used. A point selects from what
was read, so nothing that is recorded late can make a tile wrong.
Invariant: what is read equals what the log gives. Tiles are derived and disposable, and only looks
use them: what decides, or checks something, reads the log. This module must not know when views
are caught up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from ledger import codec
from ledger.connection import readable, writable
from ledger.errors import UnknownEventType
from ledger.events import ACCOUNT_PREFIX, Foldable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ledger.connection import Connection
    from ledger.events import RecordedEvent
    from ledger.store import Reader, Writer

    Versions = Callable[[int, int], Sequence[bytes]]

TABLE: Final = "view_tiles"
SIZE = 32  # events of a tile (docs/decisions/0090)
AT_ONCE: Final = 64  # tiles that are made from one reading of the log
_END: Final = 2**62
E = TypeVar("E", bound=Foldable)

CREATE_TILES = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (account TEXT NOT NULL, last INTEGER NOT NULL, "
    "events BLOB NOT NULL, PRIMARY KEY (account, last)) WITHOUT ROWID"
)


class Tiles:
    """Reads streams of accounts, from tiles where there are some."""

    def __init__(self, reader: Reader) -> None:
        """Find out whether there are any."""
        self._reader = reader
        self._there = readable(reader.connection, TABLE)

    def events(self, account: str, *, until: int = _END) -> list[RecordedEvent]:
        """Return an account's events up to a position, by version.

        Raises: IntegrityBroken, where the index of streams lacks one of them.
        """
        return self._read(account, until, codec.decode_array)

    def folded(self, account: str, *, until: int = _END) -> list[Foldable]:
        """Return as much of the same events as a fold needs. Raises: IntegrityBroken."""
        return self._read(account, until, codec.decode_folded)

    def _read(
        self, account: str, until: int, decode: Callable[[bytes], Iterable[E]]
    ) -> list[E]:
        stream, reader = ACCOUNT_PREFIX + account, self._reader
        events, tile = self._full(account, until, decode) if self._there else ([], b"")
        if events:
            # What follows the tiles, and the event before it; where they reach far enough, that
            # event alone.
            count, last = len(events), events[-1].position
            rest = reader.stream_part(
                stream, after=count - 1, to=count if last >= until else _END,
                until=max(until, last), at=_END,
            )  # fmt: skip
            if rest and tile.endswith(rest[0]):
                events += decode(codec.array_of(rest[1:]))
                if events[-1].version != len(events):
                    raise reader.incomplete(stream)
                while events and events[-1].position > until:
                    events.pop()
                return events
        bodies = reader.stream_bodies(stream, until_position=until)
        return list(decode(codec.array_of(bodies)))

    def _full(
        self, account: str, until: int, decode: Callable[[bytes], Iterable[E]]
    ) -> tuple[list[E], bytes]:
        """Read the tiles that follow one another, up to a position; return the last one too."""
        events: list[E] = []
        tile, there = b"", 0
        for last, body in self._reader.connection.execute(
            f"SELECT last, events FROM {TABLE} WHERE account = ? ORDER BY last", (account,)
        ):
            try:
                events += decode(body)
            except UnknownEventType:
                break  # not what this program wrote; verify --deep says so
            ends = events[there].version, events[-1].version
            if len(events) != last or ends != (there + 1, last):
                break
            tile, there = body, last
            if events[-1].position >= until:
                break
        del events[there:]
        return events, bytes(tile)


def extend(writer: Writer, account: str, *, version: int, versions: Versions) -> None:
    """Keep what full tiles of an account are not kept yet, in the writer's transaction.

    ``version`` is the last one of its stream, ``versions`` gives the bodies of some.
    """
    if version < SIZE:
        return
    connection, reader = writer.connection, writer.reader
    if not writable(connection, TABLE, CREATE_TILES):
        return
    (last,) = connection.execute(
        f"SELECT COALESCE(MAX(last), 0) FROM {TABLE} WHERE account = ?", (account,)
    ).fetchone()
    if last <= version < last + SIZE:
        return
    if last and not _stands(reader, account, last):
        connection.execute(f"DELETE FROM {TABLE} WHERE account = ?", (account,))
        last = 0
    while version >= last + SIZE:
        bodies = versions(last, last + SIZE * AT_ONCE)
        rows = list(tiles_of(account, bodies, after=last))
        if not rows:
            return
        connection.executemany(f"INSERT INTO {TABLE} VALUES (?, ?, ?)", rows)
        last = rows[-1][1]


def tiles_of(
    account: str, bodies: Sequence[bytes], *, after: int = 0
) -> Iterator[tuple[str, int, bytes]]:
    """Make the full tiles of bodies that follow a version, as rows."""
    for first in range(0, len(bodies) - SIZE + 1, SIZE):
        yield account, after + first + SIZE, codec.array_of(bodies[first : first + SIZE])


def replace(connection: Connection, account: str, bodies: Sequence[bytes]) -> None:
    """Make an account's tiles those of all its bodies; what is there and equal is not written."""
    rows = list(tiles_of(account, bodies))
    if not (rows or readable(connection, TABLE)) or not writable(connection, TABLE, CREATE_TILES):
        return
    text = f"SELECT account, last, events FROM {TABLE} WHERE account = ? ORDER BY last"
    if connection.execute(text, (account,)).fetchall() != rows:
        connection.execute(f"DELETE FROM {TABLE} WHERE account = ?", (account,))
        connection.executemany(f"INSERT INTO {TABLE} VALUES (?, ?, ?)", rows)


def keep_only(connection: Connection, accounts: Iterable[str]) -> None:
    """Delete the tiles of other accounts."""
    if readable(connection, TABLE):
        names = connection.execute(f"SELECT DISTINCT account FROM {TABLE}").fetchall()
        others = {name for (name,) in names}.difference(accounts)
        connection.executemany(
            f"DELETE FROM {TABLE} WHERE account = ?", [(other,) for other in others]
        )


def _stands(reader: Reader, account: str, last: int) -> bool:
    """Return whether the tile that ends with a version ends with that event of the log."""
    event = reader.stream_row(ACCOUNT_PREFIX + account, last)
    row = reader.connection.execute(
        f"SELECT events FROM {TABLE} WHERE account = ? AND last = ?", (account, last)
    ).fetchone()
    return event is not None and bytes(row[0]).endswith(event[1])


def first_that_differs(reader: Reader) -> tuple[int, str | None, str]:
    """Compare every tile with the log, byte by byte.

    Returns how many there are, which account's differs, and what happened to it.
    """
    if not readable(reader.connection, TABLE):
        return 0, None, ""
    count = 0
    names = reader.connection.execute(f"SELECT DISTINCT account FROM {TABLE} ORDER BY account")
    for (account,) in names.fetchall():
        before = 0
        for last, tile in reader.connection.execute(
            f"SELECT last, events FROM {TABLE} WHERE account = ? ORDER BY last", (account,)
        ):
            count += 1
            bodies = reader.versions(ACCOUNT_PREFIX + account, before, last)
            if not bodies or len(bodies) != last - before:
                return count, account, "inserted"
            if codec.array_of(bodies) != bytes(tile):
                is_later = bodies[SIZE:] and codec.array_of(bodies[-SIZE:]) == bytes(tile)
                return count, account, "deleted" if is_later else "modified"
            before = last
    return count, None, ""
