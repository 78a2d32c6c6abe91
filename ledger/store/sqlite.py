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

from eventsourcing.persistence import PersistenceError

from ledger.proof import nodes
from ledger.store import journal, layout
from ledger.store.errors import StreamConflict
from ledger.store.files import check_file, explain, opened_for_reading
from ledger.store.places import MEMORY
from ledger.store.reading import Reader, check_header, tune
from ledger.store.rows import BUSY_SECONDS
from ledger.store.schema import (
    APPLICATION_ID,
    PROOF_STATEMENTS,
    STATEMENTS,
    USER_VERSION,
)
from ledger.store.sqlite_recorder import LedgerConnection, LedgerDatastore, LedgerRecorder
from ledger.store.writing import Store, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from eventsourcing.sqlite import SQLiteCursor

    from ledger.store.rows import Row

_memory_count = 0


class FileStore(Store):
    """A ledger file that is open for writing, or a ledger in memory."""

    def __init__(self, location: str, *, busy_seconds: int = BUSY_SECONDS) -> None:
        """Open an existing ledger, or a new one in memory."""
        name = _memory_name() if location == MEMORY else location
        self._datastore = LedgerDatastore(name, lock_timeout=busy_seconds)
        self.recorder = LedgerRecorder(self._datastore)
        if location == MEMORY:
            self._keeper = sqlite3.connect(name, uri=True)
            _lay_out(self.recorder)
        self._reading = sqlite3.connect(
            name, uri=True, isolation_level=None, timeout=busy_seconds, check_same_thread=False
        )
        tune(self._reading, mapped=0)
        self._marked = True
        super().__init__(location, Reader(self._reading, location))

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Hold the write lock; commit at the end, roll back on any exception.

        Raises: LedgerBusy, DiskFull, LedgerDamaged.
        """
        try:
            with self._datastore.get_connection(commit=True) as connection:
                assert isinstance(connection, LedgerConnection)  # noqa: S101 - our own pool made it
                connection.raw.row_factory = None  # plain tuples; the library wants its rows back
                try:
                    with connection.transaction(commit=True) as cursor:
                        news = self.location != MEMORY and journal.mark(connection.raw)
                        yield Writer(
                            Reader(connection.raw, self.location),
                            partial(self._insert, cursor), self.after_append,
                        )  # fmt: skip
                    if news or not self._marked:  # the file itself must say so
                        self._marked = journal.publish(connection.raw)
                finally:
                    connection.raw.row_factory = sqlite3.Row
        except (sqlite3.Error, PersistenceError) as error:
            raise explain(self.location, error) from error

    def _insert(self, cursor: SQLiteCursor, rows: Sequence[Row]) -> None:
        try:
            self.recorder.insert_rows(cursor, rows)
        except sqlite3.IntegrityError as error:
            msg = f"another event has the version of one of these: {error}"
            raise StreamConflict(msg, hint="read the stream again, then retry") from error

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
    datastore = LedgerDatastore(location, lock_timeout=BUSY_SECONDS)
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
