"""eventsourcing's SQLite recorder on our table: the log as that library sees it.

Invariant: positions are explicit and never used twice; both times stand in columns of their own;
a transaction that writes takes its lock at once. This module must not know what the bytes mean.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteProcessRecorder,
    SQLiteTransaction,
)

from ledger.store.errors import StreamConflict
from ledger.store.reading import Reader
from ledger.store.recorders import LedgerRecords
from ledger.store.rows import COLUMNS
from ledger.store.schema import EVENTS, STATEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventsourcing.persistence import StoredEvent

    from ledger.store.rows import Row

INSERT_EVENTS: Final = f"INSERT OR FAIL INTO {EVENTS} ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
PAGE: Final = 500
POLL_SECONDS: Final = 0.1


class _Transaction(SQLiteTransaction):
    """A write takes its lock at once: a deferred one that reads first can fail at the write."""

    def __enter__(self) -> SQLiteCursor:
        cursor = self.connection.cursor()
        cursor.execute("BEGIN IMMEDIATE" if self.commit else "BEGIN")
        return cursor


class LedgerConnection(SQLiteConnection):
    """A connection whose transactions are ours."""

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        """Begin, and commit or roll back at the end."""
        with _Transaction(self, commit=commit) as cursor, cursor:
            yield cursor


def tune_for_writing(raw: sqlite3.Connection) -> None:
    """Make commits durable, and write what is written as seldom as possible."""
    raw.execute("PRAGMA synchronous=FULL")
    raw.execute("PRAGMA cache_size=-65536")
    # Fewer, larger checkpoints: what is committed is durable in the WAL already, and a page
    # that many transactions touch goes to the file once (125 MB; decision 0092).
    raw.execute("PRAGMA wal_autocheckpoint=32000")
    # A statement's own journal went to a temporary file once it had outgrown 64 KB, for the
    # rest of its transaction: as much again as the WAL.
    raw.execute("PRAGMA temp_store=MEMORY")


class _Pool(SQLiteConnectionPool):
    def _create_connection(self) -> SQLiteConnection:
        made = super()._create_connection()
        raw = made._sqlite_conn  # noqa: SLF001 - the library offers no other way
        tune_for_writing(raw)
        return LedgerConnection(sqlite_conn=raw, max_age=self.max_age)


class LedgerDatastore(SQLiteDatastore):
    """Text ids, durable commits, our own connections."""

    def __init__(self, db_name: str, *, lock_timeout: int) -> None:
        """Open our connections instead of the library's."""
        super().__init__(db_name, lock_timeout=lock_timeout, originator_id_type="text")
        self.pool.close()
        self.pool = _Pool(db_name=db_name, lock_timeout=lock_timeout)


class LedgerRecorder(LedgerRecords, SQLiteApplicationRecorder):
    """The library's recorder on our table: explicit position, both times in their own columns."""

    def __init__(self, datastore: SQLiteDatastore, *, events_table_name: str = EVENTS) -> None:
        """Write ``stored_events`` by column name."""
        super().__init__(datastore, events_table_name)
        self.insert_events_statement = INSERT_EVENTS

    def construct_create_table_statements(self) -> list[str]:
        """Return our own tables, indexes and triggers."""
        return list(STATEMENTS)

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **_: Any,  # noqa: ANN401 - as the library says
    ) -> Sequence[int] | None:
        """Record what the library asks for, in its transaction."""
        connection = c.sqlite_cursor.connection
        connection.row_factory = None  # plain tuples; the library wants its rows back
        try:
            insert = partial(self.insert_rows, connection)
            return self.continued(Reader(connection, ""), insert, stored_events)
        finally:
            connection.row_factory = sqlite3.Row

    def insert_rows(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Insert rows that have their positions, the one way in. Raises: StreamConflict."""
        try:
            connection.executemany(self.insert_events_statement, rows)
        except sqlite3.IntegrityError as error:
            msg = f"another event has the version of one of these: {error}"
            raise StreamConflict(msg, hint="read the stream again, then retry") from error

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Follow the log; the library itself cannot on SQLite."""
        return PolledSubscription(self, gt, topics)


class LedgerProcessRecorder(SQLiteProcessRecorder, LedgerRecorder):
    """The same, with the position of an upstream application in the transaction of the events."""


class PolledSubscription(Subscription[ApplicationRecorder]):
    """Notifications in order, those to come included: a file tells nobody, so it is looked at."""

    def __init__(self, recorder: LedgerRecorder, gt: int | None, topics: Sequence[str]) -> None:
        """Begin after a position."""
        super().__init__(recorder, gt, topics)
        self._found: deque[Notification] = deque()
        self._wake = Event()

    def stop(self) -> None:
        """End the iteration, at once."""
        super().stop()
        self._wake.set()

    def __next__(self) -> Notification:
        """Return the next notification, or wait for it."""
        while not self._has_been_stopped:
            if self._found:
                return self._found.popleft()
            self._found.extend(
                self._recorder.select_notifications(
                    self._last_notification_id or 0, PAGE, topics=self._topics,
                    inclusive_of_start=False,
                )
            )  # fmt: skip
            if self._found:
                self._last_notification_id = self._found[-1].id
            else:
                self._wake.wait(POLL_SECONDS)
        raise StopIteration
