"""A ledger on a server believes nothing about its server: schema, indexes, what it kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from projections.stored import PROJECTIONS
from tests.cli.program import SMALL, Done, Json, tally, valid
from tests.servers import Server

psycopg = pytest.importorskip("psycopg", reason="the extra postgres is not installed")


def run(url: str, *statements: str) -> None:
    """Run statements of whoever owns the database."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def verified(url: str, *arguments: str, code: int) -> Json:
    """Verify, and hold the answer to its schema."""
    done = tally("verify", "--json", *arguments, "--ledger", url)
    assert done.code == code, done
    return valid(done.json)


def failed(answer: Json) -> dict[str, tuple[str | None, int | None]]:
    """Return kind and position of each check that failed."""
    return {
        one["name"]: (one["kind"], one["first_bad"]) for one in answer["checks"] if not one["ok"]
    }


@pytest.fixture(scope="module")
def template(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A ledger on the server that is copied for each test."""
    url = server.database()
    folder = tmp_path_factory.mktemp("template")
    for arguments in (
        ("init", "--clock", "simulated", "--start", "2025-01-01"), ("import", str(SMALL)),
        ("balances",), ("projections", "rebuild"),
    ):  # fmt: skip
        done = tally(*arguments, "--ledger", url, cwd=folder)
        assert done.code in (0, 4), done
    return url


def copied(server: Server, template: str) -> str:
    """Copy a database, and give the URL of the copy."""
    url = server.database()
    names = [urlsplit(one).path.strip("/") for one in (url, template)]
    server.run(f"DROP DATABASE {names[0]}")
    server.run(f"CREATE DATABASE {names[0]} TEMPLATE {names[1]}")
    return url


def drop(server: Server, url: str) -> None:
    """Drop a database."""
    server.run(f"DROP DATABASE {urlsplit(url).path.strip('/')} WITH (FORCE)")


@pytest.fixture
def place(server: Server, template: str) -> Iterator[str]:
    """A database with a ledger in it."""
    url = copied(server, template)
    yield url
    drop(server, url)


def record(url: str) -> Done:
    """Record one command."""
    return tally("record", "open-account", "--account", "new", "--json", "--ledger", url)


def test_a_ledger_that_nobody_touched_holds(place: str) -> None:
    answer = verified(place, "--deep", code=0)
    counts = {check["name"]: check["checked"] for check in answer["checks"]}
    assert counts["indexes"] >= 16
    assert answer["journal"] is None
    assert record(place).code == 0


NOTHING = (
    "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RETURN NULL; END $$"
)
SCHEMAS = {
    "a trigger gone": (("DROP TRIGGER seals_append_only ON seals",), "deleted"),
    "a trigger switched off": (
        ("ALTER TABLE stored_events DISABLE TRIGGER stored_events_append_only",), "modified",
    ),
    "a trigger that swallows events": (
        (NOTHING, ("CREATE TRIGGER evil BEFORE INSERT ON stored_events FOR EACH ROW "
         "EXECUTE FUNCTION nothing()")), "inserted",
    ),
    "a trigger on a view's table": (
        (NOTHING, ("CREATE TRIGGER evil BEFORE INSERT ON view_balances FOR EACH ROW "
         "EXECUTE FUNCTION nothing()")), "inserted",
    ),
    "a rule that swallows keys": (
        ("CREATE RULE evil AS ON INSERT TO requests DO INSTEAD NOTHING",), "inserted",
    ),
    "a function that refuses nothing": (
        (("CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
         "$$ BEGIN RETURN NULL; END $$"),), "modified",
    ),
    "a view in place of the table": (
        ("ALTER TABLE stored_events RENAME TO hidden",
         "CREATE VIEW stored_events AS SELECT * FROM hidden"), "modified",
    ),
    "an index gone": (("DROP INDEX events_by_effective_at",), "deleted"),
    "an index of other columns": (
        ("DROP INDEX events_by_effective_at",
         "CREATE INDEX events_by_effective_at ON stored_events (recorded_at)"), "modified",
    ),
    "an index of some rows": (
        ("DROP INDEX events_by_effective_at", ("CREATE INDEX events_by_effective_at "
         "ON stored_events (effective_at) WHERE position > 3")), "modified",
    ),
    "a key gone": (("ALTER TABLE requests DROP CONSTRAINT requests_pkey",), "deleted"),
    "a check that refuses": (
        ("ALTER TABLE meta ADD CHECK (key <> 'more')",), "inserted",
    ),
    "a column more": (("ALTER TABLE meta ADD COLUMN more TEXT",), "inserted"),
    "a column gone": (("ALTER TABLE seals DROP COLUMN note",), "deleted"),
    "a column of another type": (
        ("ALTER TABLE view_overdue ALTER items TYPE TEXT USING items::text",), "modified",
    ),
    "a default": (("ALTER TABLE meta ALTER value SET DEFAULT 'x'",), "modified"),
    "a foreign table": (("CREATE TABLE more (x INTEGER)",), "inserted"),
    "a table whose rows join in": (
        ("CREATE TABLE more (LIKE stored_events) INHERITS (stored_events)",), "modified",
    ),
    "rows that are hidden": (
        ("ALTER TABLE stored_events ENABLE ROW LEVEL SECURITY",), "modified",
    ),
    "a table that a crash empties": (("ALTER TABLE view_bills SET UNLOGGED",), "modified"),
    "a table gone": (("DROP TABLE requests",), "deleted"),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_that_is_not_ours_is_named_and_not_written_to(place: str, name: str) -> None:
    statements, kind = SCHEMAS[name]
    run(place, *statements)
    assert failed(verified(place, code=5))["schema"][0] == kind
    told = record(place)
    assert (told.code, told.json["code"]) == (5, "LAYOUT_CHANGED")


INDEXES = ["stored_events_pkey", "stored_events_originator_id_originator_version_key",
           "events_by_recorded_at", "events_by_effective_at"]  # fmt: skip


@pytest.mark.parametrize("index", INDEXES)
def test_an_index_that_lacks_an_entry(place: str, index: str) -> None:
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        row = connection.execute("SELECT * FROM stored_events WHERE position = 5").fetchone()
        assert row is not None
        connection.execute("DELETE FROM stored_events WHERE position = 5")
        ready = "UPDATE pg_index SET indisready = %s WHERE indexrelid = %s::regclass"
        connection.execute(ready, (False, index))
        connection.execute(
            f"INSERT INTO stored_events VALUES ({', '.join(['%s'] * len(row))})", row
        )
        connection.execute(ready, (True, index))
    found = failed(verified(place, code=5))
    assert found["indexes"] == ("deleted", 5)
    told = tally("projections", "rebuild", "--json", "--ledger", place)
    assert (told.code, told.json["code"]) == (5, "INTEGRITY_BROKEN")


def test_an_index_that_is_switched_off(place: str) -> None:
    run(place, "UPDATE pg_index SET indisvalid = false "
               "WHERE indexrelid = 'events_by_recorded_at'::regclass")  # fmt: skip
    assert failed(verified(place, code=5))["indexes"] == ("modified", None)


ROWS = [
    ("stored_events", "UPDATE stored_events SET effective_at = effective_at - 1 WHERE position = 9",
     "columns", "modified", 9),
    ("stored_events", "DELETE FROM stored_events WHERE position = 9", "leaves", "deleted", 9),
    ("tree_nodes", "DELETE FROM tree_nodes WHERE level = 0", "leaves", "deleted", 1),
    ("requests", "UPDATE requests SET last_position = 3 WHERE key LIKE 'alipay%T1'", "requests",
     "modified", 5),
    ("meta", "UPDATE meta SET value = '99999999999999999' WHERE key = 'clock'", "settings",
     "modified", None),
    ("highest_given", "UPDATE highest_given SET seq = 3 WHERE name = 'stored_events'", "numbers",
     "modified", None),
    ("highest_given", "DELETE FROM highest_given", "numbers", "deleted", None),
    ("highest_given", "INSERT INTO highest_given VALUES ('more', 1)", "numbers", "inserted", None),
    ("ledger_layout", "UPDATE ledger_layout SET version = 9", "", "", None),
]  # fmt: skip


@pytest.mark.parametrize(("table", "statement", "check", "kind", "position"), ROWS)
def test_a_row_that_was_changed(
    place: str, table: str, statement: str, check: str, kind: str, position: int | None
) -> None:
    del table
    run(place, "SET session_replication_role = replica; " + statement)
    if check:
        assert failed(verified(place, code=5))[check] == (kind, position)
    else:
        assert tally("verify", "--ledger", place).code == 5


CORE = ("stored_events", "requests", "tree_nodes", "seals", "meta", "highest_given", "checkpoints")
ONE = "ctid = (SELECT min(ctid) FROM {table})"


def tamperings(url: str, table: str) -> dict[str, str]:
    """Edit each column of a row, take a row away, add one like it."""
    with psycopg.connect(url) as connection:
        columns = dict(connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_name = %s ORDER BY ordinal_position", (table,)
        ).fetchall())  # fmt: skip
        keys = {name for (name,) in connection.execute(
            "SELECT a.attname FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid "
            "AND a.attnum = ANY (x.indkey) WHERE x.indrelid = %s::regclass AND x.indisunique",
            (table,),
        ).fetchall()}  # fmt: skip
    other = {
        name: f"coalesce({name}, 0) + 1000007" if kind == "bigint"
        else f"set_byte({name}, 0, get_byte({name}, 0) # 1)" if kind == "bytea"
        else f"coalesce({name}, '') || '7'"
        for name, kind in columns.items()
    }  # fmt: skip
    one = ONE.format(table=table)
    added = ", ".join(other[name] if name in keys else name for name in columns)
    return {
        **{f"edit {name}": f"UPDATE {table} SET {name} = {other[name]} WHERE {one}"
           for name in columns},
        "delete": f"DELETE FROM {table} WHERE {one}",
        "insert": f"INSERT INTO {table} SELECT {added} FROM {table} WHERE {one}",
    }  # fmt: skip


@pytest.fixture(scope="module")
def sealed(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The same ledger with two checkpoints: its URL, and the options of its policy."""
    url, folder = copied(server, template), tmp_path_factory.mktemp("keys")
    key, policy = ["--key", str(folder / "t.key")], ["--policy", str(folder / "t.policy")]
    for arguments in (
        ("keys", "new", *key, *policy), ("seal", *key), ("tag", "add", "one"), ("seal", *key),
        ("balances",),
    ):  # fmt: skip
        assert tally(*arguments, "--ledger", url, cwd=folder).code == 0
    return [url, *policy]


@pytest.mark.parametrize("table", CORE)
def test_every_table_of_a_server(server: Server, sealed: list[str], table: str) -> None:
    template, *policy = sealed
    for how, statement in tamperings(template, table).items():
        url = copied(server, template)
        run(url, "SET session_replication_role = replica; " + statement)
        done = tally("verify", "--json", "--ledger", url, *policy)
        assert done.code in (1, 5), (how, done)
        kinds = {check["kind"] for check in done.json["checks"] if not check["ok"]}
        wanted = {"delete": {"deleted", "truncated"}, "insert": {"inserted", "modified"}}
        assert kinds & wanted.get(how, kinds), (how, kinds)
        drop(server, url)


@pytest.mark.parametrize("view", [projection.name for projection in PROJECTIONS])
def test_every_view_of_a_server(server: Server, template: str, view: str) -> None:
    planned = tamperings(template, f"view_{view}")
    for how in ("edit account", "delete", "insert"):
        url = copied(server, template)
        with psycopg.connect(url, autocommit=True) as connection:
            changed = connection.execute(planned[how]).rowcount
        if changed:
            done = tally("verify", "--deep", "--json", "--ledger", url)
            assert done.code == 1, (how, done)
            assert failed(done.json)["views"][0] in ("modified", "deleted", "inserted")
        drop(server, url)


def test_a_backup_of_a_server_says_how(place: str, tmp_path: Path) -> None:
    told = tally("backup", tmp_path / "b.db", "--ledger", place, "--json")
    assert told.code == 2
    assert "tally copy" in told.json["hint"]
    assert not (tmp_path / "b.db").exists()
