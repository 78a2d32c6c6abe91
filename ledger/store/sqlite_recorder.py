"""eventsourcing's SQLite recorder on our table: the log as that library sees it.

Invariant: positions are explicit and never used twice; both times stand in columns of their own;
a transaction that writes takes its lock at once. This module must not know what the bytes mean.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from eventsourcing.persistence import Notification
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteTransaction,
)

from ledger.store.schema import EVENTS, STATEMENTS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from eventsourcing.persistence import StoredEvent

    from ledger.store.rows import Row


class _Transaction(SQLiteTransaction):
    """A write takes its lock at once: a deferred one that reads first can fail at the write."""

    def __enter__(self) -> SQLiteCursor:
        cursor = self.connection.cursor()
        cursor.execute("BEGIN IMMEDIATE" if self.commit else "BEGIN")
        return cursor


class LedgerConnection(SQLiteConnection):
    """A connection whose transactions are ours, and which shows the database below it."""

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        """Begin, and commit or roll back at the end."""
        with _Transaction(self, commit=commit) as cursor, cursor:
            yield cursor

    @property
    def raw(self) -> sqlite3.Connection:
        """The database's own connection."""
        return self._sqlite_conn


class _Pool(SQLiteConnectionPool):
    def _create_connection(self) -> SQLiteConnection:
        made = super()._create_connection()
        raw = made._sqlite_conn  # noqa: SLF001 - the library offers no other way
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute("PRAGMA cache_size=-65536")
        # Fewer, larger checkpoints: what is committed is durable in the WAL already.
        raw.execute("PRAGMA wal_autocheckpoint=8000")
        return LedgerConnection(sqlite_conn=raw, max_age=self.max_age)


class LedgerDatastore(SQLiteDatastore):
    """Text ids, durable commits, connections of ours."""

    def __init__(self, db_name: str, *, lock_timeout: int) -> None:
        """Open connections of ours in the place of the library's."""
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
