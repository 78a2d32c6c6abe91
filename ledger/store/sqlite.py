"""The embedded store: eventsourcing's SQLite recorder on a table of our own.

Invariant: one write transaction at a time (BEGIN IMMEDIATE), durable when it returns (WAL,
synchronous FULL), whole or not at all; positions have no gaps, versions of a stream have none,
``recorded_at`` never decreases. This module must not know what the bytes mean.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from eventsourcing.persistence import Notification, PersistenceError
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteTransaction,
)

from ledger.proof import nodes
from ledger.store import journal, layout
from ledger.store.errors import StreamConflict
from ledger.store.files import BUSY_SECONDS, check_file, explain, opened_for_reading
from ledger.store.places import MEMORY
from ledger.store.reading import Reader, check_header, tune
from ledger.store.schema import (
    APPLICATION_ID,
    EVENTS,
    PROOF_STATEMENTS,
    STATEMENTS,
    USER_VERSION,
)
from ledger.store.writing import Store, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from eventsourcing.persistence import StoredEvent

    from ledger.store.rows import Row

_memory_count = 0


class _Transaction(SQLiteTransaction):
    """A write takes its lock at once: a deferred one that reads first can fail at the write."""

    def __enter__(self) -> SQLiteCursor:
        cursor = self.connection.cursor()
        cursor.execute("BEGIN IMMEDIATE" if self.commit else "BEGIN")
        return cursor


class _Connection(SQLiteConnection):
    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        with _Transaction(self, commit=commit) as cursor, cursor:
            yield cursor

    @property
    def raw(self) -> sqlite3.Connection:
        return self._sqlite_conn


class _Pool(SQLiteConnectionPool):
    def _create_connection(self) -> SQLiteConnection:
        made = super()._create_connection()
        raw = made._sqlite_conn  # noqa: SLF001 - the library offers no other way
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute("PRAGMA cache_size=-65536")
        # Fewer, larger checkpoints: what is committed is durable in the WAL already.
        raw.execute("PRAGMA wal_autocheckpoint=8000")
        return _Connection(sqlite_conn=raw, max_age=self.max_age)


class _Datastore(SQLiteDatastore):
    def __init__(self, db_name: str, *, lock_timeout: int) -> None:
        super().__init__(db_name, lock_timeout=lock_timeout, originator_id_type="text")
        self.pool.close()
        self.pool = _Pool(db_name=db_name, lock_timeout=lock_timeout)


class LedgerRecorder(SQLiteApplicationRecorder):
    """The library's recorder on our table: explicit position, both times in their own columns."""

    def __init__(self, datastore: SQLiteDatastore) -> None:
        """Write ``stored_events`` by column name."""
        super().__init__(datastore, EVENTS)
        self.insert_events_statement = (
            f"INSERT INTO {EVENTS} (position, originator_id, originator_version, topic, state, "
            "recorded_at, effective_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
        )

    def construct_create_table_statements(self) -> list[str]:
        """Return our own tables, indexes and triggers."""
        return list(STATEMENTS)

    def _insert_events(
        self,
        c: SQLiteCursor,
        stored_events: Sequence[StoredEvent],
        *,
        times: Sequence[tuple[int, int]] = (),
        **_: object,
    ) -> Sequence[int]:
        """Insert the library's records at the next positions; ``times`` gives both instants."""
        c.execute(f"SELECT COALESCE(MAX(position), 0), MAX(recorded_at) FROM {EVENTS}")
        head, recorded_at = c.fetchone()
        given = times or [(recorded_at or 0, recorded_at or 0)] * len(stored_events)
        parameters = [
            (head + i, str(s.originator_id), s.originator_version, s.topic, s.state, *given[i - 1])
            for i, s in enumerate(stored_events, 1)
        ]
        c.executemany(self.insert_events_statement, parameters)
        return [row[0] for row in parameters]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Read the log as the library does; our position is an explicit column, not ``rowid``."""
        begin = 0 if start is None else start + (not inclusive_of_start)
        wanted = f"AND topic IN ({','.join('?' * len(topics))}) " if topics else ""
        with self.datastore.transaction(commit=False) as c:
            c.execute(
                "SELECT position, originator_id, originator_version, topic, state "
                f"FROM {EVENTS} WHERE position >= ? AND position <= ? {wanted}"
                "ORDER BY position LIMIT ?",
                (begin, 2**63 - 1 if stop is None else stop, *topics, limit),
            )
            return [
                Notification(
                    originator_id=row[1], originator_version=row[2], topic=row[3], state=row[4],
                    id=row[0],
                )
                for row in c.fetchall()
            ]  # fmt: skip

    def insert_rows(self, c: SQLiteCursor, rows: Sequence[Row]) -> None:
        """Insert rows whose positions the writer has given."""
        c.executemany(
            self.insert_events_statement,
            [(r[0], r[1], r[2], r[3], r[6], r[4], r[5]) for r in rows],
        )


class FileStore(Store):
    """A ledger file that is open for writing, or a ledger in memory."""

    def __init__(self, location: str, *, busy_seconds: int = BUSY_SECONDS) -> None:
        """Open an existing ledger, or a new one in memory."""
        name = _memory_name() if location == MEMORY else location
        self._datastore = _Datastore(name, lock_timeout=busy_seconds)
        self.recorder = LedgerRecorder(self._datastore)
        if location == MEMORY:
            self._keeper = sqlite3.connect(name, uri=True)
            _lay_out(self.recorder)
        self._reading = sqlite3.connect(
            name, uri=True, isolation_level=None, timeout=busy_seconds, check_same_thread=False
        )
        tune(self._reading)
        super().__init__(location, Reader(self._reading, location))

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Hold the write lock; commit at the end, roll back on any exception.

        Raises: LedgerBusy, DiskFull, LedgerDamaged.
        """
        try:
            with self._datastore.get_connection(commit=True) as connection:
                assert isinstance(connection, _Connection)  # noqa: S101 - our own pool made it
                connection.raw.row_factory = None  # plain tuples; the library wants its rows back
                try:
                    with connection.transaction(commit=True) as cursor:
                        news = self.location != MEMORY and journal.mark(connection.raw)
                        yield Writer(
                            Reader(connection.raw, self.location),
                            partial(self._insert, cursor), self.after_append,
                        )  # fmt: skip
                    if news:  # the file itself must say so
                        connection.raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                finally:
                    connection.raw.row_factory = sqlite3.Row
        except (sqlite3.Error, PersistenceError) as error:
            raise explain(self.location, error) from error

    def _insert(self, cursor: SQLiteCursor, rows: Sequence[Row]) -> None:
        try:
            self.recorder.insert_rows(cursor, rows)
        except sqlite3.IntegrityError as error:
            msg = f"another event has the version of one of these: {error}"
            raise StreamConflict(msg, hint="read the stream again and decide anew") from error

    @property
    def lacks_tree(self) -> bool:
        """Whether this ledger was made before there was a tree."""
        return not nodes.Nodes(self._reading).there

    def build_tree(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Build the tree of a ledger that lacks it, once, in one transaction."""
        with self.writing() as writer:
            if nodes.Nodes(writer.connection).there:
                return
            for statement in PROOF_STATEMENTS:
                writer.connection.execute(statement)
            nodes.build(
                writer.connection, writer.reader.bodies(),
                total=writer.head.position, progress=progress,
            )  # fmt: skip

    def close(self) -> None:
        """Close every connection and leave the file complete."""
        self._reading.close()
        self.settle()
        self._datastore.close()

    def settle(self) -> None:
        """Move what is committed from the WAL into the file."""
        if self.location != MEMORY:
            journal.settle(self.location)


def _memory_name() -> str:
    global _memory_count  # noqa: PLW0603 - each memory ledger needs a name of its own
    _memory_count += 1
    return f"file:tally{_memory_count}?mode=memory&cache=shared"


def _lay_out(recorder: LedgerRecorder) -> None:
    with recorder.datastore.transaction(commit=True) as cursor:
        for statement in STATEMENTS:
            cursor.execute(statement)
        cursor.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        cursor.execute(f"PRAGMA user_version = {USER_VERSION}")


def create_file(location: str) -> None:
    """Lay a new ledger file out."""
    datastore = _Datastore(location, lock_timeout=BUSY_SECONDS)
    try:
        _lay_out(LedgerRecorder(datastore))
    except (sqlite3.Error, PersistenceError) as error:
        raise explain(location, error) from error
    finally:
        datastore.close()


def open_file(location: str, progress: Callable[[int, int], None] | None = None) -> FileStore:
    """Open a ledger file for writing; one that lacks its tree gets it.

    Raises: LedgerNotFound, NotALedger, LedgerDamaged.
    """
    if location != MEMORY:
        check_file(location)
        try:
            probe = opened_for_reading(location)
            try:
                check_header(probe, location)
                layout.require(probe, location)
                journal.require(location)
            finally:
                probe.close()
        except sqlite3.Error as error:
            raise explain(location, error) from error
    store = FileStore(location)
    if store.lacks_tree:
        store.build_tree(progress)
    return store
