"""The server store: eventsourcing's PostgreSQL recorder on a table of our own.

Invariant: as in a file, one write transaction at a time: it holds the table's EXCLUSIVE lock from
its first look at the head to its commit. So positions become visible in their order and without
gaps, and no reader ever passes one by. UPDATE, DELETE and TRUNCATE are refused by triggers.
This module must not know what the bytes mean.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg
from eventsourcing.persistence import PersistenceError

from ledger.connection import tables
from ledger.store import layout
from ledger.store.errors import CannotKeep, LedgerExists, LedgerNotFound, NotALedger
from ledger.store.places import shown
from ledger.store.postgres_recorder import CHANNEL, LedgerDatastore, LedgerRecorder
from ledger.store.reading import Reader
from ledger.store.rows import COLUMNS
from ledger.store.schema import (
    APPLICATION_ID,
    EVENTS,
    USER_VERSION,
)
from ledger.store.server import ServerConnection, connect, explain
from ledger.store.writing import LastKnown, Store, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator


ENCODING: Final = "UTF8"  # of a database that keeps every text
PAGE: Final = 5000  # rows that are in memory at once


class ServerReader(Reader):
    """Reads the log page by page: a server's driver would fetch all of it into memory."""

    _begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def _pages(self, text: str, after: int, until: int) -> Iterator[list[Any]]:
        while page := self.connection.execute(
            f"{text} WHERE position > ? AND position <= ? ORDER BY position LIMIT {PAGE}",
            (after, until),
        ).fetchall():
            yield page
            after = page[-1][0]
            if len(page) < PAGE:
                return

    def _until(self, until: int | None) -> int:
        """Return the end of what is read: what is appended meanwhile is left out, as in a file."""
        return self.head().position if until is None else until

    def bodies(self, *, after: int = 0, until: int | None = None) -> Iterator[bytes]:
        """Stream the stored bytes of the log in position order."""
        text = f"SELECT position, state FROM {EVENTS}"
        for page in self._pages(text, after, self._until(until)):
            for _, body in page:
                yield body

    def batches(
        self, size: int, *, after: int = 0, until: int | None = None
    ) -> Iterator[list[tuple[int, str, int, str, int, int, bytes]]]:
        """Stream whole rows of the log in position order, many at a time."""
        del size  # a page
        return self._pages(f"SELECT {COLUMNS} FROM {EVENTS}", after, self._until(until))

    def bodies_by_effect(self, *, until: int, at: int) -> Iterator[bytes]:
        """Stream the stored bytes of the first ``until`` events that are effective up to ``at``."""
        last = (-1, 0)
        while page := self.connection.execute(
            f"SELECT effective_at, position, state FROM {EVENTS} "
            "WHERE position <= ? AND effective_at <= ? AND (effective_at, position) > (?, ?) "
            f"ORDER BY effective_at, position LIMIT {PAGE}",
            (until, at, *last),
        ).fetchall():
            last = page[-1][:2]
            yield from (body for *_, body in page)

    def wait(self, seconds: float) -> None:
        """Wait until somebody has appended, or until the time is over."""
        assert isinstance(self.connection, ServerConnection)  # noqa: S101 - made below
        before = self.head().position
        self.connection.wait(CHANNEL, seconds, lambda: self.head().position > before)


class PostgresStore(Store):
    """A ledger on a server that is open for writing."""

    def __init__(self, url: str) -> None:
        """Open an existing ledger."""
        super().__init__(shown(url), open_server_reader(url))
        try:
            layout.require(self.reader.connection, self.location)
        except BaseException:
            self.reader.close()
            raise
        self._datastore = LedgerDatastore(url)
        self.recorder = LedgerRecorder(self._datastore, self.location)
        self._known: LastKnown | None = None

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Hold the write lock; commit at the end, roll back on any exception.

        Raises: LedgerBusy, ServerUnreachable, DiskFull, LedgerDamaged.
        """
        try:
            with self._datastore.get_connection() as raw, raw.transaction():
                connection = ServerConnection(raw, self.location, writing=True)
                with connection.at_once():
                    for statement in self.recorder.lock_table_statements:
                        raw.execute(statement)
                writer = Writer(
                    ServerReader(connection, self.location),
                    lambda rows: self.recorder.insert_rows(connection, rows),
                    self.after_append,
                )
                known, self._known = self._known, None
                if known is not None and known.head == writer.head:  # so it is the same tree
                    writer.edge = known.edge
                yield writer
            self._known = writer.known
        except (psycopg.Error, PersistenceError) as error:
            cause = error.__cause__ if isinstance(error, PersistenceError) else error
            raise explain(self.location, cause or error, writing=True) from error

    def close(self) -> None:
        """Close every connection."""
        self.reader.close()
        self._datastore.close()


def open_server_reader(url: str) -> ServerReader:
    """Open a ledger of a server for looking only. Raises: StoreError."""
    location = shown(url)
    connection = ServerConnection(connect(url, location, reading=True), location)
    try:
        _look(connection, location)
    except BaseException:
        connection.close()
        raise
    return ServerReader(connection, location)


def _look(connection: ServerConnection, location: str) -> None:
    there = tables(connection)
    if "ledger_layout" not in there:
        if EVENTS in there:
            raise NotALedger(location, why="another program made its tables")
        raise LedgerNotFound(location)
    layout = connection.execute("SELECT application, version FROM ledger_layout").fetchone()
    if layout != (APPLICATION_ID, USER_VERSION):
        raise NotALedger(location, why=f"its layout is {layout}")


def create_on_server(url: str) -> None:
    """Lay a new ledger out, in one transaction. Raises: LedgerExists, StoreError."""
    location = shown(url)
    raw = connect(url, location, reading=False)
    connection = ServerConnection(raw, location)
    try:
        if tables(connection) & {EVENTS, "ledger_layout"}:
            raise LedgerExists(location)
        (encoding,) = connection.execute("SHOW server_encoding").fetchone() or ("",)
        if encoding != ENCODING:
            raise CannotKeep(location, why=f"its encoding is {encoding}, not {ENCODING}")
        datastore = LedgerDatastore(url)
        try:
            LedgerRecorder(datastore, location).create_table()
        except PersistenceError as error:
            raise explain(location, error.__cause__ or error, writing=True) from error
        finally:
            datastore.close()
    finally:
        connection.close()
