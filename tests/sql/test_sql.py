"""``tally sql``: the rows of the commands at any point, and nothing but one SELECT."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import threading
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.queries.reading import Call, read_query
from cli.queries.relations import RELATIONS
from cli.queries.shell import completions
from tests.cli.program import COMMAND, ROOT, Json, World, environment, lines, tally, valid

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("duckdb", reason="the extra 'columns' is not installed")

AT = "2025-01-01T00:00:00+08:00"


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The committed year; nobody may write to it."""
    world = World(tmp_path_factory.mktemp("sql") / "year.db")
    world.run("import", ROOT / "fixtures" / "year.ndjson")
    world.done("projections", "list")
    return world


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three currencies with 0, 2 and 3 decimals, a late fact, an overdue account."""
    world = World(tmp_path_factory.mktemp("sql") / "three.db")
    world.run("import", "-", stdin=lines(
        {"at": AT, "do": "open-account", "account": "cny"},
        {"at": AT, "do": "open-account", "account": "jpy", "currency": "JPY"},
        {"at": AT, "do": "open-account", "account": "kwd", "currency": "KWD"},
        {"at": AT, "do": "top-up", "account": "cny", "amount": "10.50", "channel": "c",
         "serial": "1"},
        {"at": AT, "do": "top-up", "account": "jpy", "amount": "1234", "channel": "c",
         "serial": "2"},
        {"at": AT, "do": "top-up", "account": "kwd", "amount": "1.234", "channel": "c",
         "serial": "3"},
        {"at": AT, "do": "activate-public", "account": "jpy", "instance": "i-1",
         "kind": "public_legacy"},
        {"at": "2025-02-02T06:30:00+08:00", "do": "post-bill", "account": "jpy", "bill": "b-1",
         "instance": "i-1", "rated": "2000", "cycle_start": "2025-02-01T06:00:00+08:00",
         "cycle_end": "2025-02-02T06:00:00+08:00"},
        {"at": "2025-02-05T00:00:00+08:00", "do": "top-up", "account": "cny", "amount": "5",
         "channel": "c", "serial": "4", "effective_at": "2025-01-15T00:00:00+08:00"},
    ))  # fmt: skip
    world.done("clock", "advance", "--to", "2025-03-01")
    return world


def ask(world: World, query: str, *more: object) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = valid(world.done("sql", query, *more, "--json").json)["rows"]
    return rows


def _same(ours: object, theirs: object) -> bool:
    """Compare cells; amounts of several currencies have the decimals of the finest."""
    if isinstance(ours, str) and isinstance(theirs, str) and ours != theirs:
        number = re.compile(r"-?\d+(\.\d+)?")
        both = number.fullmatch(ours) and number.fullmatch(theirs)
        return both is not None and Decimal(ours) == Decimal(theirs)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    return ours == theirs


COMMANDS = {
    "balances": ("balances",), "instances": ("instances",), "coupons": ("report", "coupons"),
    "overdue": ("report", "overdue"),
}  # fmt: skip


def points(world: World, count: int) -> Iterator[tuple[str, str]]:
    """Choose instants for both axes, with a seed."""
    chance = random.Random(world.path.name)
    days = 360 if world.path.name == "year.db" else 58
    for _ in range(count):
        at, known = (chance.randrange(days) for _ in range(2))
        yield tuple(f"2025-{1 + d // 31:02d}-{1 + d % 28:02d}T{d % 24:02d}:00:00+08:00"
                    for d in (at, known))  # type: ignore[misc]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("ledger", ["year", "three"])
def test_rows_are_those_of_the_commands_at_random_points(
    ledger: str, request: pytest.FixtureRequest
) -> None:
    world: World = request.getfixturevalue(ledger)
    for at, known in points(world, 4 if ledger == "year" else 25):
        where = ("--at", at, "--known-at", known)
        for relation, command in COMMANDS.items():
            rows = world.run(*command, *where, "--ndjson").rows
            found = ask(world, f"FROM {relation} ORDER BY ALL", *where)
            key = [name for name in ("account", "instance", "coupon") if rows and name in rows[0]]
            for one in (rows, found):
                one.sort(key=lambda row: [row[name] for name in key])
            assert len(found) == len(rows), (relation, where)
            assert all(map(_same, found, rows)), (relation, where)
            inside = ask(world, f"FROM {relation}_at('{at}', '{known}')")
            assert sorted(map(repr, inside)) == sorted(map(repr, found))


def test_events_are_those_of_the_log(three: World) -> None:
    log = three.done("log", "--ndjson").rows
    rows = ask(three, "FROM events ORDER BY position")
    for ours, theirs in zip(rows, log, strict=True):
        theirs.pop("schema")
        assert json.loads(ours.pop("data")) == theirs.pop("data")
        assert ours == {name: theirs[name] for name in ours}


def test_two_points_join_in_one_query(three: World) -> None:
    """Who was overdue on 10 February as known then, but had less on the same day before?"""
    found = ask(
        three,
        "SELECT account, b.cash - a.cash AS gained "
        "FROM balances_at('2025-01-20', '2025-01-20') a "
        "JOIN balances_at('2025-01-20', '2025-02-28') b USING (account) "
        "WHERE b.cash <> a.cash",
    )
    assert found == [{"account": "cny", "gained": "5.000"}]
    assert [row["account"] for row in ask(three, "FROM overdue")] == ["jpy"]


def test_postings_of_every_commodity_sum_to_zero(three: World, year: World) -> None:
    for world in (three, year):
        rows = ask(world, "SELECT commodity, sum(amount) AS s FROM postings GROUP BY ALL")
        assert rows
        assert {row["s"] for row in rows} == {"0.0000000000"}


def test_the_same_rows_with_columns_and_without(three: World, tmp_path: Path) -> None:
    copy = World.at(tmp_path / "copy.db")
    tally("copy", three.path, copy.path)
    queries = [f"FROM {name}_at('2025-02-10', '2025-02-20') ORDER BY ALL" for name in COMMANDS]
    before = [ask(copy, query) for query in queries]
    copy.done("columns", "build")
    assert [ask(copy, query) for query in queries] == before


def test_amounts_are_decimals_and_instants_know_their_zone(three: World) -> None:
    found = three.done("sql", "SELECT cash, overdue_since FROM balances", "--json").json
    assert found["columns"] == [
        {"name": "cash", "type": "DECIMAL(38,3)"},
        {"name": "overdue_since", "type": "TIMESTAMP WITH TIME ZONE"},
    ]
    (row,) = ask(three, "SELECT date_trunc('day', overdue_since) AS d FROM overdue")
    assert row == {"d": "2025-02-02T00:00:00+08:00"}


def test_every_form_of_output(three: World, tmp_path: Path) -> None:
    query = "SELECT account, cash FROM balances ORDER BY account"
    assert three.done("sql", query, "--ndjson").rows[0] == {"account": "cny", "cash": "15.500"}
    assert three.done("sql", query, "--csv").out.splitlines()[:2] == ["account,cash", "cny,15.500"]
    page = three.done("sql", query).out.splitlines()
    assert page[1] == "account    cash"
    assert page[-1] == "3 rows"
    file = tmp_path / "q.sql"
    file.write_text(query, encoding="utf-8")
    assert three.done("sql", "-f", file, "--ndjson").rows[0]["account"] == "cny"
    table = tmp_path / "t.parquet"
    three.done("sql", query, "--parquet", table)
    parquet = pytest.importorskip("pyarrow.parquet")
    assert str(parquet.read_table(table).column("cash")[0]) == "15.500"


def test_the_shell_goes_on_after_an_error(three: World) -> None:
    done = three.run(
        "sql", "--shell",
        stdin="select 1 as one;\nfrom nothing;\n.columns accounts\nselect count(*) as n\n"
        "from accounts;\n.quit\n",
    )  # fmt: skip
    assert done.code == 0
    assert "opened_at" in done.out
    assert done.out.rstrip().splitlines()[-2:] == ["3", "1 row"] or "3" in done.out
    assert "nothing" in done.err
    assert "balances_at" in completions("balances")
    assert "overdue_since" in completions("overdue_s")


def test_words_complete_on_a_terminal(three: World) -> None:
    assert completions("b.overdue_s") == ["b.overdue_since"]
    pty = pytest.importorskip("pty", reason="there are no terminals here")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "sql", "--shell", "--ledger", str(three.path)],
        stdin=theirs, stdout=theirs, stderr=theirs, env={**environment(), "TERM": "dumb"},
    ) as process:  # fmt: skip
        os.close(theirs)
        stopped = threading.Timer(30, process.kill)
        stopped.start()
        _until(ours, b"sql> ")
        os.write(ours, b"SELECT curr\t FROM balan\t_a\t('2025-02-10', 'head') AS b ")
        os.write(ours, b"WHERE b.accou\t = 'kwd';\n")
        seen = _until(ours, b"1 row")
        os.write(ours, b".quit\n")
        assert process.wait(20) == 0
        stopped.cancel()
    os.close(ours)
    assert b"KWD" in seen


def _until(terminal: int, wanted: bytes) -> bytes:
    """Read a terminal until something stands on it; one whose program has gone cannot be read."""
    seen = b""
    while wanted not in seen:
        try:
            seen += os.read(terminal, 4096)
        except OSError:
            pytest.fail(f"never saw {wanted!r} in {seen!r}")
    return seen


def test_names_in_texts_and_comments_are_not_relations() -> None:
    read = read_query(
        "select 'balances', \"x\" -- events\n/* bills */ from coupons_at('a''b', '2')", RELATIONS
    )
    assert read.relations == frozenset()
    assert read.calls == (Call("coupons", "a'b", "2"),)
    assert "point_0_coupons" in read.text


ATTEMPTS = [
    "", " ", ";", "-- nothing", "DROP TABLE balances", "DELETE FROM balances",
    "UPDATE balances SET cash = 0", "INSERT INTO balances VALUES (1)", "CREATE TABLE x (i INT)",
    "CREATE VIEW v AS SELECT 1", "CREATE MACRO m() AS 1", "ALTER TABLE balances ADD x INT",
    "TRUNCATE balances", "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE balances",
    "WITH x AS (SELECT 1) INSERT INTO balances SELECT * FROM x",
    "WITH x AS (SELECT 1) DELETE FROM balances", "ATTACH 'x.db'", "ATTACH ':memory:' AS y",
    "DETACH memory", "USE memory", "COPY balances TO 'x.csv'", "COPY balances FROM 'x.csv'",
    "COPY (SELECT 1) TO '/tmp/x'", "EXPORT DATABASE 'x'", "IMPORT DATABASE 'x'",
    "INSTALL httpfs", "LOAD httpfs", "FORCE INSTALL sqlite", "PRAGMA database_list",
    "PRAGMA enable_profiling", "SET memory_limit = '10GB'", "SET GLOBAL threads = 1",
    "RESET memory_limit", "SET enable_external_access = true", "CALL pragma_version()",
    "CHECKPOINT", "VACUUM", "ANALYZE", "BEGIN", "COMMIT", "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT 1", "DESCRIBE balances", "SUMMARIZE balances", "SHOW TABLES",
    "PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE p", "PIVOT balances ON account",
    "CREATE SECRET s (TYPE s3)", "COMMENT ON TABLE balances IS 'x'",
    "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')", "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('x.parquet')", "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'x.csv'", "FROM glob('/*')", "FROM parquet_metadata('x')",
    "FROM sniff_csv('/etc/passwd')", "SELECT * FROM 'https://example.org/x.csv'",
    "SELECT * FROM read_csv('s3://x/y.csv')", "SELECT * FROM sqlite_scan('t.db', 'meta')",
    "SELECT * FROM postgres_scan('', '', '')", "SELECT getenv('HOME')",
    "FROM query('DROP TABLE balances')", "FROM duckdb_secrets()", "SELECT * FROM session",
    "SELECT * FROM held", "FROM arrow_scan(1, 2, 3)", "SELECT load_extension('x')",
    "SELECT * FROM balances_at('2025-01-01')", "SELECT * FROM balances_at(1, 2)",
    "SELECT * FROM balances_at(account, account)", "SELEC 1", "SELECT", "SELECT 'open",
    "SELECT \x00", "WITH RECURSIVE", "(((((SELECT 1)",
]  # fmt: skip


@pytest.mark.parametrize("query", ATTEMPTS, ids=range(len(ATTEMPTS)))
def test_nothing_but_one_select_over_the_relations(three: World, query: str) -> None:
    before = three.path.read_bytes()
    done = three.run("sql", query)
    assert done.code == 2, done
    assert len(done.err.splitlines()) == 1
    assert "Traceback" not in done.err
    assert three.path.read_bytes() == before


def test_there_are_sixty_attempts() -> None:
    assert len(set(ATTEMPTS)) >= 60


def test_time_and_memory_are_bounded(three: World) -> None:
    long = "SELECT count(*) FROM range(100000000000) a, range(100000) b"
    done = three.run("sql", long, "--timeout", 1)
    assert (done.code, "took longer than 1 s" in done.err) == (2, True)
    wide = "SELECT list(a.range || 'x') FROM range(30000000) a"
    done = three.run("sql", wide, "--memory", "30MB", "--timeout", 20)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert three.run("sql", "select 1", "--memory", "much").code == 2


def test_bad_calls_are_one_clear_line(three: World) -> None:
    assert three.run("sql").code == 2
    assert three.run("sql", "select 1", "-f", "x.sql").code == 2
    assert three.run("sql", "-f", "absent.sql").code == 2
    future = three.run("sql", "FROM balances_at('2035-01-01', '2025-01-02')")
    assert future.code == 3
    assert "blances" in three.run("sql", "from blances").err


# --- the recipes of docs/SQL.md -------------------------------------------------------------------

_RECIPE = re.compile(r"```sql\n(.*?)```", re.DOTALL)


def recipes() -> list[str]:
    return _RECIPE.findall((ROOT / "docs" / "SQL.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("number", range(15))
def test_each_recipe_of_the_page_runs_and_gives_columns(year: World, number: int) -> None:
    answer: Json = valid(year.done("sql", recipes()[number], "--json").json)
    assert answer["columns"]


def test_there_are_fifteen_recipes() -> None:
    assert len(recipes()) == 15
