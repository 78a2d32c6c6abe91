"""The whole schema of a ledger file, compared with what this program lays out.

What must be there is not listed a second time: the statements that make a ledger are run on an
empty database, and its schema is the list. Invariant: a table, index, trigger or view that is
foreign, missing or other is named, with what to do about it; what is made when it is first needed
may be absent. This module must not know what tables are for.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.connection import SQLITE, dialect_of
from ledger.errors import DELETED, INSERTED, MODIFIED
from ledger.store import server_layout
from ledger.store.errors import LayoutChanged
from ledger.store.schema import EARLIER, SERVER_STATEMENTS, STATEMENTS
from ledger.store.server_layout import Thing, plain

if TYPE_CHECKING:
    from ledger.connection import Connection

# Tables that are derived from the log, made when first needed; their owner knows them exactly.
DERIVED: Final = re.compile(r"(view|shadow)_\w+|checkpoints|rebuilds")
_PROOF: Final = ("tree_nodes", "seals")  # a ledger has both, or was made before there was a tree
_OF_TABLES: Final = ("table", "index", "column", "constraint")
_READ: Final = "SELECT type, name, tbl_name, sql FROM sqlite_master"
_EARLIER: Final = tuple(plain(statement) for statement in EARLIER)
_RESTORE: Final = "keep it as it is, find out who changed it, and go on from the last backup"


class Oddity(NamedTuple):
    """Something that is not as laid out.

    Attributes:
        kind: inserted, deleted or modified.
        thing: its type and name.
        table: what it belongs to.
        remedy: what to do.

    """

    kind: str
    thing: str
    table: str
    remedy: str

    @property
    def said(self) -> str:
        """What is wrong, for a person."""
        words = {
            INSERTED: "is not of this program",
            DELETED: "is missing",
            MODIFIED: "differs from what this program creates",
        }
        return f"{self.thing} {words[self.kind]}"

    def error(self, location: str) -> LayoutChanged:
        """Make an error of it."""
        hint = f"{self.remedy}; all that is wrong: tally verify"
        return LayoutChanged(location, why=self.said, hint=hint)


def oddities(connection: Connection, derived: tuple[str, ...] | None = None) -> list[Oddity]:
    """Compare the schema of a ledger; ``derived`` are the statements of what is made later.

    Without them, tables and indexes with names like theirs are ignored. What became of our tables
    comes before what is foreign.
    """
    in_file = dialect_of(connection) == SQLITE
    there = _read(connection) if in_file else server_layout.there(connection)
    laid_out, core = (_in_file, STATEMENTS) if in_file else (_on_server, SERVER_STATEMENTS)
    later = laid_out(derived or ())
    known = laid_out((*core, *(derived or ())))
    optional = set(later)
    proof = {key for key, thing in known.items() if thing.table in _PROOF}
    if not proof & set(there):
        optional |= proof  # made before there was a tree: it gets one when it is opened for writing
    tables = {thing.name for thing in there.values() if thing.type == "table"}
    names = {thing.name for thing in there.values()}
    ours: list[Oddity] = []
    foreign: list[Oddity] = []
    for key, thing in sorted(there.items()):
        wanted = known.get(key)
        if wanted is None and derived is None and _looks_derived(thing):
            continue
        if wanted is None:
            remedy = f"once you know who made it: DROP {thing.type.upper()} {thing.name}"
            foreign.append(Oddity(INSERTED, thing.shown, thing.table, remedy))
        elif thing != wanted and thing.text not in _EARLIER:
            ours.append(Oddity(MODIFIED, thing.shown, thing.table, _RESTORE))
    for key, wanted in sorted(known.items(), key=lambda pair: (pair[1].type != "table", pair[0])):
        half = wanted.type != "table" and wanted.table in tables
        if key not in there and wanted.type == "table" and wanted.name in names:
            ours.append(Oddity(MODIFIED, wanted.shown, wanted.table, _RESTORE))  # by a view
        elif key not in there and (key not in optional or half):
            ours.append(Oddity(DELETED, wanted.shown, wanted.table, _RESTORE))
    return ours + foreign


def require(connection: Connection, location: str, derived: tuple[str, ...] | None = None) -> None:
    """Refuse a ledger whose schema differs. Raises: LayoutChanged."""
    for oddity in oddities(connection, derived)[:1]:
        raise oddity.error(location)



def _looks_derived(thing: Thing) -> bool:
    return thing.type in _OF_TABLES and DERIVED.fullmatch(thing.table) is not None


def _read(connection: Connection) -> dict[str, Thing]:
    return {
        f"{type_} {name}": Thing(type_, name, table, plain(text or ""))
        for type_, name, table, text in connection.execute(_READ)
    }


@cache
def _in_file(statements: tuple[str, ...]) -> dict[str, Thing]:
    """Lay everything out in an empty database, and read what it is then."""
    with closing(sqlite3.connect(":memory:")) as empty:
        for statement in statements:
            empty.execute(statement)
        return _read(empty)


@cache
def _on_server(statements: tuple[str, ...]) -> dict[str, Thing]:
    """Return what a server's schema must be."""
    return server_layout.laid_out(statements)
