"""Every way to tamper with a table, as statements; and how what was found is written down."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ledger.store.schema import EVENTS
from tests.cli.program import ROOT

EDIT, DELETE, INSERT, SWAP, DROP, REPLACE = "edit", "delete", "insert", "swap", "drop", "replace"
HOWS = (EDIT, DELETE, INSERT, SWAP, DROP, REPLACE)
ALL = "all"
# What was done is what is named.
NAMED = {
    EDIT: "modified", DELETE: "deleted", INSERT: "inserted", SWAP: "modified", DROP: "deleted",
    REPLACE: "modified",
}  # fmt: skip
# Where the place makes something else of it. A key that is edited takes its row away; where
# nothing says that it has to be there, it leaves one that belongs to nothing.
ELSEWHERE = {
    ("stored_events", EDIT, "position"): "reordered",
    ("stored_events", SWAP, ""): "reordered",
    ("stored_events", DELETE, ALL): "truncated",
    ("tree_nodes", EDIT, "level"): "deleted",
    ("tree_nodes", EDIT, "start"): "deleted",
    ("seals", EDIT, "number"): "deleted",
    ("seals", SWAP, ""): "reordered",
    ("meta", SWAP, ""): "clock_backwards",  # the clock is one of the two
    ("sqlite_sequence", EDIT, "name"): "inserted",
    ("sqlite_sequence", EDIT, "seq"): "deleted",  # a seal of that number
    ("checkpoints", EDIT, "name"): "deleted",
    ("rebuilds", EDIT, "name"): "inserted",
    ("view_snapshots", EDIT, "account"): "deleted",
    ("view_snapshots", EDIT, "version"): "deleted",
    ("view_snapshots", EDIT, "format"): "deleted",
    ("view_states", EDIT, "account"): "inserted",
    ("view_tiles", EDIT, "account"): "deleted",
    ("view_tiles", EDIT, "last"): "deleted",
    ("view_*", EDIT, "account"): "deleted",
    ("shadow_*", EDIT, "account"): "deleted",
    ("a checkpoint that was kept", EDIT, ""): "unsigned",
    ("a checkpoint that was kept", SWAP, ""): "unknown_key",
    ("key and policy", REPLACE, ""): "unknown_key",
} | {("`LEDGER-wal`", how, ""): "truncated" for how in HOWS}  # whatever it was, the log ends there
DOCS = ROOT / "docs" / "PROOF.md"
BEGIN, END = "<!-- written by tests/proof/test_matrix.py -->", "<!-- end of it -->"

Found = tuple[str, str]  # the check that named it rightly first, and the kind
Table = dict[tuple[str, str], set[Found]]


def written(table: Table) -> str:
    """Write what was found as a table."""
    lines = [f"| | {' | '.join(HOWS)} |", "|---" * (len(HOWS) + 1) + "|"]
    for thing in dict.fromkeys(thing for thing, _ in table):
        cells = [
            "; ".join(f"`{check}` {kind}".rstrip() for check, kind in sorted(table[thing, how]))
            if (thing, how) in table else "-"
            for how in HOWS
        ]  # fmt: skip
        lines.append(f"| {thing} | {' | '.join(cells)} |")
    return "\n".join(lines)


# --- tables ---------------------------------------------------------------------------------------


def schema_of(path: Path, kind: str) -> dict[str, tuple[str, str]]:
    """Return table and text of every object of a kind."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = ?", (kind,)
        )
        return {name: (table, text or "") for name, table, text in rows}


class Shape:
    """The columns of a table, and which of them name a row."""

    def __init__(self, connection: sqlite3.Connection, table: str) -> None:
        """Read them from the database."""
        found = connection.execute(f"PRAGMA table_info({table})").fetchall()
        self.columns = {row[1]: row[2] for row in found}
        self.keys = [row[1] for row in found if row[5]]
        if table == EVENTS:
            self.keys += ["originator_id"]
        if table == "sqlite_sequence":
            self.columns, self.keys = {"name": "TEXT", "seq": "INTEGER"}, ["name"]
        self.rest = [name for name in self.columns if name not in self.keys]

    def other(self, column: str) -> str:
        """Write another content of a column."""
        kind = self.columns[column]
        if kind == "BLOB":
            return f"CAST(x'00' || substr({column}, 2) AS BLOB)"
        return f"COALESCE({column}, 0) + 1000000007" if kind == "INTEGER" else (
            f"COALESCE({column}, '') || '7'")  # fmt: skip


def right(thing: str, how: str, what: str = "") -> str:
    """Return the one kind that an attack on a thing must be named; ``what`` is the part of it."""
    return ELSEWHERE.get((thing, how, what), NAMED[how])


def part(how: str, statement: str) -> str:
    """Return which part of a table a statement attacks, where that decides its name."""
    if how == EDIT:
        return statement.split(" SET ")[1].split(maxsplit=1)[0]
    return ALL if how == DELETE and " WHERE " not in statement else ""


def the_first(shape: Shape, table: str) -> str:
    """Choose one row."""
    names = ", ".join(shape.keys)
    return f"({names}) = (SELECT {names} FROM {table} ORDER BY {names} LIMIT 1)"


def edits(shape: Shape, table: str) -> list[list[str]]:
    """Change each column of a row."""
    return [
        [f"UPDATE {table} SET {column} = {shape.other(column)} WHERE {the_first(shape, table)}"]
        for column in shape.columns
    ]


def deletions(shape: Shape, table: str) -> list[list[str]]:
    """Take one row, and all."""
    return [[f"DELETE FROM {table} WHERE {the_first(shape, table)}"], [f"DELETE FROM {table}"]]


def insertions(shape: Shape, table: str) -> list[list[str]]:
    """Add a row like the first one, under another name."""
    columns = ", ".join(
        shape.other(column) if column in shape.keys else column for column in shape.columns
    )
    return [[f"INSERT INTO {table} SELECT {columns} FROM {table} WHERE {the_first(shape, table)}"]]


def triggers(table: str) -> list[list[str]]:
    """Put a foreign trigger on it."""
    return [[f"CREATE TRIGGER evil AFTER INSERT ON {table} BEGIN SELECT RAISE(IGNORE); END"]]


def swaps(connection: sqlite3.Connection, shape: Shape, table: str) -> list[list[str]]:
    """Let two rows that differ change places: all that is not their name."""
    names, rest = ", ".join(shape.keys), ", ".join(shape.rest)
    if not shape.rest:
        return []
    rows = connection.execute(
        f"SELECT {', '.join(f'quote({one})' for one in (*shape.keys, *shape.rest))} FROM {table} "
        f"ORDER BY {names}"
    ).fetchall()
    count = len(shape.keys)
    first = rows[0]
    other = next((row for row in rows if row[count:] != first[count:]), None)
    if other is None:
        return []
    pairs = ((first, other), (other, first))
    if table == EVENTS:  # stream and version are unique: they stay, the rest changes places
        rest = ", ".join(one for one in shape.rest if one != "originator_version")
        keep = [i for i, one in enumerate(shape.rest) if one != "originator_version"]
    else:
        keep = list(range(len(shape.rest)))
    return [[
        f"UPDATE {table} SET ({rest}) = ({', '.join(taken[count + i] for i in keep)}) "
        f"WHERE ({names}) = ({', '.join(at[:count])})"
        for at, taken in pairs
    ]]  # fmt: skip


def replacements(shape: Shape, table: str, text: str) -> list[list[str]]:
    """Put a view, or a table without its rules, in its place."""
    plain = ", ".join(f"{name} {kind}" for name, kind in shape.columns.items())
    return [
        [f"ALTER TABLE {table} RENAME TO hidden", f"CREATE VIEW {table} AS SELECT * FROM hidden"],
        [f"ALTER TABLE {table} RENAME TO hidden", f"CREATE TABLE {table} ({plain})",
         f"INSERT INTO {table} SELECT * FROM hidden", "DROP TABLE hidden"],
    ] if text else []  # fmt: skip


def ways(connection: sqlite3.Connection, table: str, text: str) -> dict[str, list[list[str]]]:
    """Return the statements of every way to tamper with a table."""
    shape = Shape(connection, table)
    return {
        EDIT: edits(shape, table),
        DELETE: deletions(shape, table),
        INSERT: insertions(shape, table) + (triggers(table) if text else []),
        SWAP: swaps(connection, shape, table),
        DROP: [[f"DROP TABLE {table}"]] if text else [],
        REPLACE: replacements(shape, table, text),
    }
