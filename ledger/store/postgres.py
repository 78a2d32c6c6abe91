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
from eventsourcing.persistence import Notification, PersistenceError
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg.sql import SQL

from ledger.connection import tables
from ledger.store import layout
from ledger.store.errors import LedgerExists, LedgerNotFound, NotALedger
from ledger.store.places import shown
from ledger.store.reading import Reader
from ledger.store.rows import Row
from ledger.store.schema import (
    APPLICATION_ID,
    EVENTS,
    SERVER_STATEMENTS,
    USER_VERSION,
)
from ledger.store.server import ServerConnection, connect, explain, translated
from ledger.store.writing import Store, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventsourcing.persistence import StoredEvent


BUSY_SECONDS = 30
CHANNEL = "tally_events"
PAGE: Final = 5000  # rows that are in memory at once
_LAST = 2**63 - 1
_COLUMNS = (
    "position, originator_id, originator_version, topic, recorded_at, effective_at, state"
)
class _Datastore(PostgresDatastore):
    """The library's datastore, told where the server is by a whole URL."""

    def __init__(self, url: str) -> None:
        known = conninfo_to_dict(url)
        super().__init__(
            dbname="", host="", port="", user="", password="",
            lock_timeout=BUSY_SECONDS, originator_id_type="text",
        )  # fmt: skip
        self.pool.kwargs = {**known, "row_factory": dict_row}


class LedgerRecorder(PostgresApplicationRecorder):
    """The library's recorder on our table: explicit position, both times in their own columns."""

    def __init__(self, datastore: PostgresDatastore, location: str) -> None:
        """Write ``stored_events`` by column name; ``location`` is how errors name it."""
        datastore.register_type_adapters = lambda: None  # type: ignore[method-assign]
        super().__init__(datastore, events_table_name=EVENTS)
        self._location = location
        statements = [translated(text) for text in SERVER_STATEMENTS]
        self.sql_create_statements = [SQL(text).format() for text in _plain(statements)]
        self.max_notification_id_statement = SQL(f"SELECT MAX(position) FROM {EVENTS}").format()

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        times: Sequence[tuple[int, int]] = (),
        **_: object,
    ) -> Sequence[int]:
        """Insert the library's records at the next positions; ``times`` gives both instants."""
        with self.datastore.transaction(commit=True) as cursor:
            for statement in self.lock_table_statements:
                cursor.execute(statement)
            cursor.execute(
                f"SELECT COALESCE(MAX(position), 0) AS head, COALESCE(MAX(recorded_at), 0) AS at "
                f"FROM {EVENTS}"
            )
            last = cursor.fetchone() or {}
            given = times or [(last["at"], last["at"])] * len(stored_events)
            rows = [
                (last["head"] + i, s.originator_id, s.originator_version, s.topic, *given[i - 1],
                 s.state)
                for i, s in enumerate(stored_events, 1)
            ]  # fmt: skip
            cursor.executemany(
                f"INSERT INTO {EVENTS} ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s)", rows
            )
            return [row[0] for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Read the log as the library does; our position is the notification's number."""
        begin = 0 if start is None else start + (not inclusive_of_start)
        wanted = "AND topic = ANY(%s) " if topics else ""
        parameters: list[Any] = [begin, _LAST if stop is None else stop]
        parameters += [list(topics)] if topics else []
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(
                SQL(
                    "SELECT position, originator_id, originator_version, topic, state "
                    f"FROM {EVENTS} WHERE position >= %s AND position <= %s {wanted}"
                    "ORDER BY position LIMIT %s"
                ),
                [*parameters, limit],
            )
            return [
                Notification(
                    originator_id=row["originator_id"], topic=row["topic"], state=row["state"],
                    originator_version=row["originator_version"], id=row["position"],
                )
                for row in cursor.fetchall()
            ]  # fmt: skip

    def insert_rows(self, connection: ServerConnection, rows: Sequence[Row]) -> None:
        """Insert rows whose positions the writer has given, and tell who listens."""
        connection.copy_in(f"COPY {EVENTS} ({_COLUMNS}) FROM STDIN", rows)
        connection.execute(f"NOTIFY {CHANNEL}")


def _plain(statements: list[str]) -> list[Any]:
    """Keep braces of a statement from being read as places of a composed one."""
    return [text.replace("{", "{{").replace("}", "}}") for text in statements]


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

    def _rows(self, *, after: int, until: int | None) -> Iterator[list[Any]]:
        return self._pages(f"SELECT {_COLUMNS} FROM {EVENTS}", after, self._until(until))

    def rows(self, *, after: int = 0, until: int | None = None) -> Iterator[Row]:
        """Stream whole rows of the log in position order."""
        for page in self._rows(after=after, until=until):
            yield from (Row(*row) for row in page)

    def batches(self, size: int) -> Iterator[list[tuple[int, str, int, str, int, int, bytes]]]:
        """Stream whole rows of the log in position order, many at a time."""
        del size  # a page
        return self._rows(after=0, until=None)

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
        """Wait until somebody has appended, or for so long."""
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
        self._datastore = _Datastore(url)
        self.recorder = LedgerRecorder(self._datastore, self.location)

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Hold the write lock; commit at the end, roll back on any exception.

        Raises: LedgerBusy, ServerUnreachable, DiskFull, LedgerDamaged.
        """
        try:
            with self._datastore.get_connection() as raw, raw.transaction():
                for statement in self.recorder.lock_table_statements:
                    raw.execute(statement)
                connection = ServerConnection(raw, self.location)
                yield Writer(
                    ServerReader(connection, self.location),
                    lambda rows: self.recorder.insert_rows(connection, rows),
                    self.after_append,
                )
        except (psycopg.Error, PersistenceError) as error:
            cause = error.__cause__ if isinstance(error, PersistenceError) else error
            raise explain(self.location, cause or error) from error

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
        datastore = _Datastore(url)
        try:
            LedgerRecorder(datastore, location).create_table()
        except PersistenceError as error:
            raise explain(location, error.__cause__ or error) from error
        finally:
            datastore.close()
        layout = APPLICATION_ID, USER_VERSION
        connection.execute("INSERT INTO ledger_layout VALUES (?, ?)", layout)
    finally:
        connection.close()
