"""eventsourcing's PostgreSQL recorder on our table: the log as that library sees it.

Invariant: positions are explicit, given under the table's EXCLUSIVE lock; both times stand in
columns of their own. This module must not know what the bytes mean.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from eventsourcing.postgres import (
    PostgresApplicationRecorder,
    PostgresDatastore,
    PostgresProcessRecorder,
)
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg.sql import SQL

from ledger.store.recorders import LedgerRecords
from ledger.store.rows import BUSY_SECONDS, COLUMNS
from ledger.store.schema import APPLICATION_ID, EVENTS, SERVER_STATEMENTS, USER_VERSION
from ledger.store.server import SPOKEN, ServerConnection, translated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventsourcing.persistence import StoredEvent

    from ledger.store.rows import Row

OVERFLOW: Final = 4  # connections beyond the first: a subscription listens on one
CHANNEL = "tally_events"
FEW: Final = 8  # rows that one INSERT brings with fewer waits than COPY


class LedgerDatastore(PostgresDatastore):
    """The library's datastore, told where the server is by a whole URL."""

    def __init__(self, url: str) -> None:
        """Remember the URL; connections are opened when they are needed."""
        known = conninfo_to_dict(url)
        super().__init__(
            dbname="", host="", port="", user="", password="",
            lock_timeout=BUSY_SECONDS, originator_id_type="text",
            max_overflow=OVERFLOW,
        )  # fmt: skip
        self.pool.kwargs = {**known, **SPOKEN, "row_factory": dict_row}


class LedgerRecorder(LedgerRecords, PostgresApplicationRecorder):
    """The library's recorder on our table: explicit position, both times in their own columns."""

    def __init__(
        self, datastore: PostgresDatastore, location: str = "the ledger", *,
        events_table_name: str = EVENTS,
    ) -> None:  # fmt: skip
        """Write ``stored_events`` by column name; ``location`` is how errors name it."""
        datastore.register_type_adapters = lambda: None  # type: ignore[method-assign]
        super().__init__(datastore, events_table_name=events_table_name)
        self._location = location
        self.channel_name = CHANNEL
        statements = [translated(text) for text in SERVER_STATEMENTS]
        statements.append(f"INSERT INTO ledger_layout VALUES ({APPLICATION_ID}, {USER_VERSION})")
        self.sql_create_statements = [SQL(text).format() for text in _plain(statements)]
        self.max_notification_id_statement = SQL(f"SELECT MAX(position) FROM {EVENTS}").format()

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: object
    ) -> Sequence[int]:
        """Record what the library asks for, through our writer."""
        from ledger.store.postgres import ServerReader  # noqa: PLC0415 - it knows this module

        with self.datastore.transaction(commit=True) as cursor:
            for statement in self.lock_table_statements:
                cursor.execute(statement)
            self._insert_events(cursor, stored_events, **kwargs)
            connection = ServerConnection(cursor.connection, self._location, writing=True)
            reader = ServerReader(connection, self._location)
            return self.continued(reader, partial(self.insert_rows, connection), stored_events)

    def spelled(self, text: str) -> SQL:
        """Spell a statement as the server does."""
        return SQL(translated(text))

    def insert_rows(self, connection: ServerConnection, rows: Sequence[Row]) -> None:
        """Insert rows that have their positions, the one way in, and tell who listens."""
        if len(rows) > FEW:
            connection.copy_in(f"COPY {EVENTS} ({COLUMNS}) FROM STDIN", rows)
            connection.execute(f"NOTIFY {CHANNEL}")
            return
        places = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(rows))
        with connection.at_once():
            connection.execute(
                f"INSERT INTO {EVENTS} ({COLUMNS}) VALUES {places}",
                [cell for row in rows for cell in row],
            )
            connection.execute(f"NOTIFY {CHANNEL}")


class LedgerProcessRecorder(PostgresProcessRecorder, LedgerRecorder):
    """The same, with the position of an upstream application in the transaction of the events."""


def _plain(statements: list[str]) -> list[Any]:
    """Escape braces."""
    return [text.replace("{", "{{").replace("}", "}}") for text in statements]
