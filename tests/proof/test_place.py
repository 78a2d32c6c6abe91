"""The store believes nothing about its own file: schema, indexes, pages and settings."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from ledger.errors import IntegrityBroken
from ledger.store import open_store
from ledger.store.errors import LayoutChanged
from ledger.store.rows import Request
from ledger.store.schema import EARLIER
from tests.proof.test_detection import found
from tests.proof.worlds import Sealed, tampered

EVIL = "CREATE TRIGGER evil {} BEGIN {}; END"


def run(path: Path, *statements: str) -> None:
    """Run statements as whoever owns the file, triggers in place."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


SCHEMAS = {
    "an append-only trigger gone": (("DROP TRIGGER stored_events_no_update",), "deleted"),
    "an index gone": (("DROP INDEX events_by_recorded_at",), "deleted"),
    "a view's index gone": (("DROP INDEX view_deadlines_by_due_at",), "deleted"),
    "a foreign trigger": (
        (EVIL.format("AFTER INSERT ON view_balances", "SELECT 1"),), "inserted",
    ),
    "a foreign table": (("CREATE TABLE more (x)",), "inserted"),
    "a foreign index": (("CREATE INDEX more ON stored_events (topic)",), "inserted"),
    "a foreign view": (("CREATE VIEW more AS SELECT 1",), "inserted"),
    "a foreign column": (("ALTER TABLE meta ADD COLUMN more TEXT",), "modified"),
    "a view in place of a view's table": (
        ("ALTER TABLE view_balances RENAME TO view_hidden",
         "CREATE VIEW view_balances AS SELECT * FROM view_hidden"), "modified",
    ),
    "an index of another order": (
        ("DROP INDEX events_by_effective_at",
         "CREATE INDEX events_by_effective_at ON stored_events (recorded_at)"), "modified",
    ),
    "an index of some rows": (
        ("DROP INDEX events_by_effective_at", ("CREATE INDEX events_by_effective_at "
         "ON stored_events (effective_at) WHERE position > 3")), "modified",
    ),
    "a trigger that refuses nothing": (
        ("DROP TRIGGER requests_no_delete",
         "CREATE TRIGGER requests_no_delete BEFORE DELETE ON requests BEGIN SELECT 1; END"),
        "modified",
    ),
    "statistics of the planner": (("ANALYZE",), "inserted"),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_that_is_not_ours_is_named_and_not_written_to(world: Sealed, name: str) -> None:
    statements, kind = SCHEMAS[name]
    run(world.path, *statements)
    assert found(world.verify(code=5), "schema") == (kind, None)
    told = world.run("record", "open-account", "--account", "new", "--json")
    assert (told.code, told.json["code"]) == (5, "LAYOUT_CHANGED")
    assert "tally verify" in told.json["hint"]
    assert world.run("projections", "rebuild").code == 5


def test_a_table_that_is_gone_is_named_and_nothing_ends_in_a_traceback(world: Sealed) -> None:
    tampered(world.path, "DROP TABLE requests")
    answer = world.verify(code=5)
    assert found(answer, "schema") == ("deleted", None)
    assert found(answer, "log") == ("modified", None)


def test_rebuilt_views_are_as_laid_out(world: Sealed) -> None:
    world.done("projections", "rebuild")
    world.done("projections", "rebuild", "deadlines")
    assert world.verify("--deep")["ok"]
    world.record("open-account", "--account", "new")


@pytest.mark.parametrize("earlier", EARLIER)
def test_a_trigger_of_an_earlier_version_still_counts(world: Sealed, earlier: str) -> None:
    name = earlier.split()[5]
    run(world.path, f"DROP TRIGGER {name}", earlier)
    assert world.verify()["ok"]
    world.record("open-account", "--account", "new")
    with pytest.raises(sqlite3.DatabaseError, match="append-only"):
        run(world.path, "INSERT OR REPLACE INTO stored_events SELECT * FROM stored_events")


def test_a_view_of_an_earlier_layout_is_built_anew(world: Sealed) -> None:
    tampered(
        world.path, "DROP TABLE view_overdue",
        "CREATE TABLE view_overdue (account TEXT, PRIMARY KEY (account)) WITHOUT ROWID",
        "UPDATE checkpoints SET version = 0 WHERE name = 'overdue'",
    )  # fmt: skip
    assert found(world.verify(code=1), "view checkpoints")[0] == "modified"
    world.done("balances")
    assert world.verify("--deep")["ok"]


# --- a database that keeps nothing ----------------------------------------------------------------


@pytest.mark.parametrize("table", ["stored_events", "requests", "tree_nodes", "seals", "meta"])
def test_what_the_database_swallows_is_not_said_to_be_recorded(
    world: Sealed, table: str
) -> None:
    """The trigger comes while the ledger is open: its schema was ours when it was opened."""
    store = open_store(str(world.path))
    run(world.path, EVIL.format(f"BEFORE INSERT ON {table}", "SELECT RAISE(IGNORE)"))
    head = store.reader.head().position
    store.close()
    told = world.run("record", "open-account", "--account", "new")
    assert told.code == 5
    assert store.location in told.err
    run(world.path, "DROP TRIGGER evil")
    assert world.json("status")["head"] == head


@pytest.mark.parametrize("ignored", ["1", "NEW.topic LIKE 'TopUp%'"])
def test_an_append_reads_back_what_was_kept(world: Sealed, ignored: str) -> None:
    store = open_store(str(world.path))
    some = list(store.reader.rows())
    body = next(row for row in some if row.type.startswith("TopUp"))
    position = some[-1].position
    rows = [
        body._replace(position=position + 1, stream="account:n", version=1, recorded_at=2**60),
        some[0]._replace(position=position + 2, stream="account:n", version=2, recorded_at=2**60),
    ]
    run(world.path, EVIL.format(
        f"BEFORE INSERT ON stored_events WHEN {ignored}", "SELECT RAISE(IGNORE)"
    ))  # fmt: skip
    with pytest.raises(IntegrityBroken, match="did not keep"), store.writing() as writer:
        writer.append_rows(rows)
    run(world.path, "DROP TRIGGER evil")
    store.close()
    assert world.verify()["ok"]


def test_a_request_that_was_not_kept_is_noticed(world: Sealed) -> None:
    store = open_store(str(world.path))
    run(world.path, EVIL.format("BEFORE INSERT ON requests", "SELECT RAISE(IGNORE)"))
    with pytest.raises(IntegrityBroken, match="key of a request"), store.writing() as writer:
        writer.put_requests({("payment", "k"): Request(b"d", 1, 1)})
    store.close()
    with pytest.raises(LayoutChanged, match="evil"):
        open_store(str(world.path))


# --- indexes --------------------------------------------------------------------------------------


def hide(path: Path, index: str, table: str, where: str) -> None:
    """Take one row out of an index: it is added again while the schema does not name the index."""
    connection = sqlite3.connect(path, isolation_level=None)
    triggers = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table,)
    ).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    row = connection.execute(f"SELECT * FROM {table} WHERE {where}").fetchone()
    connection.execute(f"DELETE FROM {table} WHERE {where}")
    connection.execute("PRAGMA writable_schema = ON")
    saved = connection.execute("SELECT * FROM sqlite_master WHERE name = ?", (index,)).fetchone()
    (text,) = connection.execute(
        "SELECT sql FROM sqlite_master WHERE name = ?", (table,)
    ).fetchone()
    connection.execute("DELETE FROM sqlite_master WHERE name = ?", (index,))
    cut = re.sub(r",\s*(UNIQUE|PRIMARY KEY) \([^)]*\)|PRIMARY KEY(?=,)", "", text)
    if "autoindex" in index:
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (cut, table))
    _anew(connection)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", saved)
    connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (text, table))
    _anew(connection)
    connection = sqlite3.connect(path, isolation_level=None)
    for _, trigger in triggers:
        connection.execute(trigger)
    connection.close()


def _anew(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA schema_version").fetchone()
    connection.execute(f"PRAGMA schema_version = {version + 1}")
    connection.close()


DUE = "INSERT INTO view_deadlines VALUES ('a-1', 5, 1, 'x')"
HIDDEN = [
    ("sqlite_autoindex_stored_events_1", "stored_events", "position = 5", 5),
    ("events_by_effective_at", "stored_events", "position = 5", 5),
    ("events_by_recorded_at", "stored_events", "position = 40", 40),
    ("sqlite_autoindex_tree_nodes_1", "tree_nodes", "level = 5", None),
    ("sqlite_autoindex_meta_1", "meta", "key = 'clock'", None),
    ("sqlite_autoindex_checkpoints_1", "checkpoints", "name = 'bills'", None),
    ("view_deadlines_by_due_at", "view_deadlines", "account = 'a-1'", None),
]


@pytest.mark.parametrize(("index", "table", "where", "position"), HIDDEN)
def test_an_index_that_lacks_an_entry(
    world: Sealed, index: str, table: str, where: str, position: int | None
) -> None:
    """Answers go through indexes, verification through the table: both must say the same."""
    run(world.path, DUE)
    hide(world.path, index, table, where)
    answer = world.verify(code=5)
    assert found(answer, "indexes") == ("deleted", position)
    assert found(answer, "database") == ("modified", None)
    assert index in next(check["said"] for check in answer["checks"] if check["name"] == "indexes")


@pytest.mark.parametrize(("index", "table", "where", "position"), HIDDEN[:3])
def test_nothing_is_derived_from_a_log_whose_indexes_disagree(
    world: Sealed, index: str, table: str, where: str, position: int
) -> None:
    hide(world.path, index, table, where)
    told = world.run("projections", "rebuild", "--json")
    assert (told.code, told.json["code"]) == (5, "INTEGRITY_BROKEN")
    assert f"@{position}" in told.json["message"]
    tampered(world.path, "DELETE FROM checkpoints")
    assert world.run("balances").code == 5
    for words in (
        ("replay", "--compare"), ("recheck",), ("backtest",), ("close", "2025-01", "--check"),
    ):  # fmt: skip
        told = world.run(*words)
        assert told.code == 5, (words, told)
        assert "rebuild" not in told.out + told.err


def test_an_account_of_whom_the_index_lacks_an_event_is_not_answered_for(world: Sealed) -> None:
    """Versions of a stream have no gap: a count tells, with every answer, at the head or before."""
    hide(world.path, *HIDDEN[0][:3])
    (account,) = sqlite3.connect(world.path).execute(
        "SELECT substr(originator_id, 9) FROM stored_events NOT INDEXED WHERE position = 5"
    ).fetchone()
    for words in (
        ("state", account), ("state", account, "--at", "2025-01-02"), ("why", f"{account}.cash"),
        ("state", account, "--as-of", "2025-01-20"), ("lots", account), ("blame", account),
        ("recheck", account), ("balances", "--engine", "fold"),
        ("record", "open-account", "--account", account),
    ):  # fmt: skip
        told = world.run(*words, "--json")
        assert (told.code, told.json["code"]) == (5, "INTEGRITY_BROKEN"), (words, told)


def test_an_index_that_holds_more_than_its_table(world: Sealed) -> None:
    """A row was taken away while the schema did not name the index."""
    run(world.path, DUE)
    connection = sqlite3.connect(world.path, isolation_level=None)
    connection.execute("PRAGMA writable_schema = ON")
    saved = connection.execute(
        "SELECT * FROM sqlite_master WHERE name = 'view_deadlines_by_due_at'"
    ).fetchone()
    connection.execute("DELETE FROM sqlite_master WHERE name = 'view_deadlines_by_due_at'")
    _anew(connection)
    run(world.path, "DELETE FROM view_deadlines WHERE account = 'a-1'")
    connection = sqlite3.connect(world.path, isolation_level=None)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", saved)
    _anew(connection)
    assert found(world.verify(code=5), "indexes") == ("inserted", None)


# --- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE meta SET value = '99999999999999999' WHERE key = 'clock'", "modified"),
        ("INSERT INTO meta VALUES ('more', 'x')", "inserted"),
        ("DELETE FROM meta WHERE key = 'clock'", "deleted"),
        ("UPDATE meta SET value = '5:00' WHERE key = 'guard'", "modified"),
    ],
)
def test_the_settings_beside_the_log(world: Sealed, statement: str, kind: str) -> None:
    run(world.path, statement)
    assert found(world.verify(code=5), "settings") == (kind, None)
