"""Each index of a ledger against the bare table it is of, both really read.

Answers go through indexes, verification through the table by position: an index that lacks an
entry gives wrong answers from a log that is whole. Every row of a table is looked up through each
of its indexes, and both have the same number of entries: so they hold the same. SQLite's own check
does just that for the indexes of a table with row numbers, so that where it finds no fault they
are not looked up a second time (decision 0097). Invariant: nothing is derived again from a log
before this holds (``require_sound``). This module must not know what tables mean.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from ledger.connection import SQLITE, dialect_of
from ledger.errors import DELETED, INSERTED, MODIFIED, IntegrityBroken
from ledger.store.schema import EVENTS
from ledger.verification import server_indexes
from ledger.verification.findings import CheckResult, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.connection import Connection
    from ledger.store import Reader

INDEXES = "every index agrees with its table, entry by entry"
DATABASE = "the database finds no fault in its own pages"


class Index(NamedTuple):
    """An index, or the order in which a table without row numbers is kept.

    Attributes:
        name: what the database calls it.
        bare: how the table itself is read; one without row numbers is an index of its own, and
            NOT INDEXED would let any other take its place.
        columns: what it is ordered by.
        identity: what names a row of the table.

    """

    table: str
    name: str
    bare: str
    columns: tuple[str, ...]
    identity: tuple[str, ...]

    @property
    def shown(self) -> str:
        """How a person knows it."""
        return f"table {self.table}" if self.is_a_table else f"index {self.name}"

    @property
    def is_a_table(self) -> bool:
        """Whether it is the order in which a table without row numbers is kept."""
        return self.through == self.bare

    @property
    def through(self) -> str:
        """How the table is read through it."""
        return f"INDEXED BY {_quoted(self.name)}"


def check_database(connection: Connection) -> CheckResult:
    """Let the database check its own pages, rows and indexes."""
    if dialect_of(connection) != SQLITE:
        return CheckResult(
            "database", DATABASE, 0, skipped="a server checks its own pages (checksums)"
        )
    said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(1)")]
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    if said == ["ok"]:
        return CheckResult("database", DATABASE, pages)
    return CheckResult(
        "database", DATABASE, pages, Fault(MODIFIED, None, " ".join(said[0].split()))
    )


def check_indexes(connection: Connection, *, checked: bool = False) -> CheckResult:
    """Compare every index of every table; ``checked``: ``check_database`` has found no fault."""
    count = 0
    for fault in _faults(connection, checked=checked):
        count += 1
        if fault is not None:
            return CheckResult("indexes", INDEXES, count, fault)
    return CheckResult("indexes", INDEXES, count)


def require_sound(reader: Reader) -> None:
    """Refuse to derive from a log whose indexes disagree with its table.

    Inside a transaction or a snapshot. Raises: IntegrityBroken.
    """
    for fault in _faults(reader.connection, EVENTS):
        if fault is not None:
            raise IntegrityBroken(
                f"{fault.said}: nothing is derived from this log", kind=fault.kind,
                position=fault.position, hint="see what is wrong: tally verify",
            )  # fmt: skip


def require_sound_now(reader: Reader) -> None:
    """Refuse as ``require_sound`` does, in a snapshot of its own. Raises: IntegrityBroken."""
    with reader.snapshot():
        require_sound(reader)


def _faults(
    connection: Connection, wanted: str | None = None, *, checked: bool = False
) -> Iterator[Fault | None]:
    """Yield what is wrong with each index of all tables or of one, None where nothing is."""
    if dialect_of(connection) == SQLITE:
        for index in _indexes(connection, wanted):
            try:
                yield None if checked and not index.is_a_table else _fault(connection, index)
            except sqlite3.OperationalError as error:  # one of some rows gives no whole answer
                yield Fault(MODIFIED, None, f"{index.shown} cannot be read whole: {error}")
    else:
        yield from server_indexes.faults(connection, wanted)


def _indexes(connection: Connection, wanted: str | None = None) -> Iterator[Index]:
    tables = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
        "ORDER BY name"
    ).fetchall()
    for table, text in tables:
        if wanted is not None and table != wanted:
            continue
        bare = "WITHOUT ROWID" in text.upper()
        columns = connection.execute(f"PRAGMA table_info({_quoted(table)})").fetchall()
        keys = sorted((column[5], column[1]) for column in columns if column[5])
        identity = tuple(name for _, name in keys) if bare else ("rowid",)
        indexes = connection.execute(f"PRAGMA index_list({_quoted(table)})").fetchall()
        own = next((name for _, name, _, origin, _ in indexes if origin == "pk"), "")
        plain = f"INDEXED BY {_quoted(own)}" if bare else "NOT INDEXED"
        for _, name, *_ in indexes:
            entries = connection.execute(f"PRAGMA index_info({_quoted(name)})").fetchall()
            yield Index(table, name, plain, tuple(row[2] for row in entries), identity)


def _fault(connection: Connection, index: Index) -> Fault | None:
    """Look every row up through an index, then count."""
    table = _quoted(index.table)
    ids = ", ".join(f"a.{_quoted(one)}" for one in index.identity)
    same = " AND ".join(
        f"b.{_quoted(one)} IS a.{_quoted(one)}"
        for one in dict.fromkeys((*index.columns, *index.identity))
    )
    lost = connection.execute(
        f"SELECT {ids} FROM {table} AS a {index.bare} WHERE NOT EXISTS "
        f"(SELECT 1 FROM {table} AS b {index.through} WHERE {same}) LIMIT 1"
    ).fetchone()
    if lost is not None:
        return _named(index, DELETED, tuple(lost), "lacks")
    (rows,) = connection.execute(f"SELECT SUM(1) FROM {table} {index.bare}").fetchone()
    (entries,) = connection.execute(f"SELECT SUM(1) FROM {table} {index.through}").fetchone()
    if rows == entries:
        return None
    more = connection.execute(
        f"SELECT {ids} FROM {table} AS a {index.through} WHERE NOT EXISTS "
        f"(SELECT 1 FROM {table} AS b {index.bare} WHERE {same}) LIMIT 1"
    ).fetchone()
    return _named(index, INSERTED, tuple(more or ()), "holds what the table does not:")


def _named(index: Index, kind: str, row: tuple[object, ...], verb: str) -> Fault:
    if index.table != EVENTS or not row:
        return Fault(kind, None, f"{index.shown} {verb} a row of {index.table}")
    position = int(str(row[0]))
    return Fault(kind, position, f"{index.shown} {verb} @{position}")


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
