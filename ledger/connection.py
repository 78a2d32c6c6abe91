"""What all modules may ask of a database: a little SQL that SQLite and PostgreSQL both take.

Places of parameters are written ``?``; a statement that the two spell differently has a function
here. Invariant: only our own texts, parameters never become text. This module must not import a
database driver.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
MAPPED: Final = 1 << 29  # bytes of a file that are mapped at most: they count as its memory
_TABLES: Final = {
    SQLITE: "SELECT name FROM sqlite_master WHERE type = 'table'",
    POSTGRESQL: "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
}
_HIGHEST: Final = {
    SQLITE: "SELECT name, seq FROM sqlite_sequence",
    POSTGRESQL: "SELECT name, seq FROM highest_given",
}
_MAY: Final = (
    "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?"
    " AND has_table_privilege(format('%%I.%%I', schemaname, tablename), 'SELECT')"
)
_READABLE: Final = {
    SQLITE: "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?",
    POSTGRESQL: _MAY,
}
_WRITABLE: Final = {
    SQLITE: _READABLE[SQLITE],
    POSTGRESQL: _MAY + "".join(
        f" AND has_table_privilege(format('%%I.%%I', schemaname, tablename), '{right}')"
        for right in ("INSERT", "DELETE")
    ),
}  # fmt: skip
_MAY_CREATE: Final = {
    SQLITE: "SELECT 1",
    POSTGRESQL: "SELECT has_schema_privilege(current_schema(), 'CREATE')",
}


class Cursor(Protocol):
    """The rows that a statement gives, as tuples."""

    def __iter__(self) -> Iterator[Any]:
        """Return row after row."""
        ...

    def fetchone(self) -> Any:  # noqa: ANN401 - as wide as a row is
        """Return the next row, or None."""
        ...

    def fetchmany(self, size: int, /) -> list[Any]:
        """Return some rows more."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        ...


class Connection(Protocol):
    """One connection to where a ledger is kept."""

    def execute(self, text: str, parameters: Sequence[Any] = ..., /) -> Cursor:
        """Run one statement."""
        ...

    def executemany(self, text: str, parameters: Iterable[Sequence[Any]], /) -> object:
        """Run one statement for many parameters."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


def dialect_of(connection: Connection) -> str:
    """Name the language of a connection."""
    return str(getattr(connection, "dialect", SQLITE))


def tables(connection: Connection) -> set[str]:
    """Name the tables that are there."""
    return {name for (name,) in connection.execute(_TABLES[dialect_of(connection)])}


@contextmanager
def mapped(connection: Connection) -> Iterator[None]:
    """Map the file that a writer maps nothing of, for as long as it reads all of the log."""
    if dialect_of(connection) != SQLITE:
        yield
        return
    connection.execute(f"PRAGMA mmap_size={MAPPED}")
    try:
        yield
    finally:
        connection.execute("PRAGMA mmap_size=0")


def equals(connection: Connection) -> str:
    """Return the sign that compares two cells, of which both may be NULL."""
    return "IS" if dialect_of(connection) == SQLITE else "IS NOT DISTINCT FROM"


def readable(connection: Connection, table: str) -> bool:
    """Return whether a table is there and may be read: on a server one may be another role's."""
    return bool(connection.execute(_READABLE[dialect_of(connection)], (table,)).fetchone()[0])


def writable(connection: Connection, table: str, statement: str) -> bool:
    """Make a derived table that is not there; return whether its rows may be changed.

    Whoever may append events need not have the right to make tables, nor to write each of them.
    """
    if table not in tables(connection):
        if not connection.execute(_MAY_CREATE[dialect_of(connection)]).fetchone()[0]:
            return False
        connection.execute(statement)
    return bool(connection.execute(_WRITABLE[dialect_of(connection)], (table,)).fetchone()[0])


def highest_given(connection: Connection, table: str) -> int:
    """Return the highest number that a table ever gave to a row, also to one that is gone."""
    return max((seq for name, seq in numbers_given(connection) if name == table), default=0)


def numbers_given(connection: Connection) -> list[tuple[str, int]]:
    """List the highest number that each table ever gave, as the database keeps it."""
    rows = connection.execute(_HIGHEST[dialect_of(connection)])
    return [(str(name), int(seq)) for name, seq in rows]
