"""The embedded store: eventsourcing's SQLite recorder on a table of our own.

Invariant: one write transaction at a time (BEGIN IMMEDIATE), durable when it returns (WAL,
synchronous FULL), whole or not at all; positions have no gaps, versions of a stream have none,
``recorded_at`` never decreases. This module must not know what the bytes mean.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from eventsourcing.persistence import PersistenceError

from ledger.proof import nodes
from ledger.store import journal, layout
from ledger.store.errors import LedgerBusy
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
from ledger.store.sqlite_recorder import (
    LedgerDatastore,
    LedgerRecorder,
    tune_for_writing,
)
from ledger.store.writing import LastKnown, Store, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_memory_count = 0


class FileStore(Store):
    """A ledger file that is open for writing, or a ledger in memory."""

    def __init__(self, location: str, *, busy_seconds: int = BUSY_SECONDS) -> None:
        """Open an existing ledger, or a new one in memory."""
        self._name = _memory_name() if location == MEMORY else location
        self._busy_seconds = busy_seconds
        self._datastore = LedgerDatastore(self._name, lock_timeout=busy_seconds)
        self.recorder = LedgerRecorder(self._datastore)
        if location == MEMORY:
            self._keeper = sqlite3.connect(self._name, uri=True)
            _lay_out(self.recorder)
        self._reading = self._connected()
        tune(self._reading, mapped=0)
        # The library's pool begins each transaction with a new connection's statements: it keeps
        # none of them compiled. So what writes here has a connection of its own.
        self._writing = self._connected()
        tune_for_writing(self._writing)
        self._one_at_a_time = Lock()
        self._known: tuple[int, LastKnown] | None = None  # since which version of the database
        self._marked = True
        super().__init__(location, Reader(self._reading, location))

    def _connected(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._name, uri=True, isolation_level=None, timeout=self._busy_seconds,
            check_same_thread=False,
        )  # fmt: skip

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Hold the write lock; commit at the end, roll back on any exception.

        Raises: LedgerBusy, DiskFull, LedgerDamaged.
        """
        if not self._one_at_a_time.acquire(timeout=self._busy_seconds):
            raise LedgerBusy(self.location)  # another thread of this process
        try:
            yield from self._transaction()
        except sqlite3.Error as error:
            raise explain(self.location, error) from error
        finally:
            self._one_at_a_time.release()

    def _transaction(self) -> Iterator[Writer]:
        raw = self._writing
        raw.execute("BEGIN IMMEDIATE")
        try:
            # Changed by every commit but those of this connection, and read under the lock.
            (version,) = raw.execute("PRAGMA data_version").fetchone()
            known, self._known = self._known, None
            still = known[1] if known is not None and known[0] == version else None
            news = still is None and self.location != MEMORY and journal.mark(raw)
            writer = Writer(
                Reader(raw, self.location), partial(self.recorder.insert_rows, raw),
                self.after_append, known=still,
            )  # fmt: skip
            yield writer
            raw.execute("COMMIT")
        except BaseException:
            if raw.in_transaction:
                with suppress(sqlite3.Error):  # a full disk has rolled back already
                    raw.execute("ROLLBACK")
            raise
        self._known = version, writer.known
        if news or not self._marked:  # the file itself must say so
            self._marked = journal.publish(raw)

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
        self._writing.close()
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
