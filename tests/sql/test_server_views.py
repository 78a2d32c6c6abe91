"""Views for a server's own SQL: the rows of ``tally sql``, for a login that can write nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from ledger.store import open_reader
from tests.cli.program import tally
from tests.explorer.generated import generated
from tests.servers import Server
from tests.store.test_server_rights import as_role, run

psycopg = pytest.importorskip("psycopg", reason="the extra 'postgres' is not installed")
pytest.importorskip("duckdb", reason="the extra 'columns' is not installed")

SHARED = {
    "balances": "*", "bills": "*", "coupons": "* EXCLUDE (status)", "accounts": "*",
    "instances": "account, instance, kind, state, sku, expires_at, releases_at, restored_at, "
    "auto_renew.enabled AS auto_renew, auto_renew.months AS auto_months, "
    "auto_renew.next_attempt_at AS next_attempt_at",
    "overdue": "account, currency, outstanding, overdue_since, items[1].item AS oldest, "
    "len(items) AS items",
    "events": "position, account, version, type, effective_at, recorded_at",
}  # fmt: skip


@pytest.fixture(scope="module")
def place(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A ledger of three currencies on a server, with views, and an auditor's login."""
    world = generated(tmp_path_factory.mktemp("views") / "v.db", 5)
    url, role = server.database(), f"auditor_{uuid4().hex}"
    assert tally("copy", world.path, url).code == 0
    assert tally("balances", "--ledger", url).code == 0
    server.run(f"CREATE ROLE {role} LOGIN")
    made = tally("sql", "--views", "--reader", role, "--ledger", url)
    assert made.code == 0, made
    run(url, made.out)
    yield url, role
    run(url, f"DROP OWNED BY {role}")
    server.run(f"DROP ROLE {role}")


def rows_of(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        found: list[tuple[Any, ...]] = connection.execute(statement).fetchall()
        return found


def plain(cell: Any) -> str:
    """Write a cell, whichever engine it is from; amounts without zeros that a column adds."""
    if cell is None or isinstance(cell, bool | int):
        return str(cell)
    if hasattr(cell, "timestamp"):
        return f"{cell.timestamp():.6f}"
    try:
        return str(Decimal(str(cell)).normalize())
    except InvalidOperation:
        return str(cell)


def test_each_view_has_the_rows_of_tally_sql(place: tuple[str, str]) -> None:
    url, role = place
    for name, chosen in SHARED.items():
        told = tally("sql", f"SELECT {chosen} FROM {name} ORDER BY ALL", "--json", "--ledger", url)
        assert told.code == 0, told
        names = [column["name"] for column in told.json["columns"]]
        kinds = [column["type"] for column in told.json["columns"]]
        asked = ", ".join(f'"{one}"' for one in names)
        ours = rows_of(as_role(url, role), f"SELECT {asked} FROM tally.{name}")
        theirs = [
            [_read(row[one], kind) for one, kind in zip(names, kinds, strict=True)]
            for row in told.json["rows"]
        ]
        assert ours, name
        assert sorted([plain(cell) for cell in row] for row in ours) == sorted(
            [plain(cell) for cell in row] for row in theirs
        ), name


def _read(cell: Any, kind: str) -> Any:
    instant = cell is not None and kind.startswith("TIMESTAMP")
    return datetime.fromisoformat(cell) if instant else cell


def test_an_event_is_unpacked_as_it_is_stored(place: tuple[str, str]) -> None:
    url, role = place
    with closing(open_reader(url)) as reader:
        stored = {row.position: msgspec.msgpack.decode(row.body) for row in reader.rows()}
    asked = "SELECT position, tally.event(position) FROM tally.events"
    assert dict(rows_of(as_role(url, role), asked)) == stored
    assert len(stored) > 100
    for value in ({"a": [-1, -33, -(1 << 63), 1 << 63, 255, 65536, None, True]}, ["é" * 40, {}]):
        packed = msgspec.msgpack.encode(value).hex()
        text = f"SELECT (tally.unpacked(decode('{packed}', 'hex'), 0)).made"
        assert rows_of(url, text) == [(value,)]


def test_the_auditor_reads_views_and_can_write_nothing(place: tuple[str, str]) -> None:
    url, role = place
    theirs = as_role(url, role)
    head = rows_of(theirs, "SELECT max(position) FROM tally.events")
    for statement in (
        "INSERT INTO stored_events DEFAULT VALUES", "SELECT * FROM stored_events",
        "SELECT * FROM view_balances", "UPDATE tally.balances SET cash = 0",
        "DELETE FROM tally.events", "DROP VIEW tally.balances", "CREATE TABLE tally.x (i int)",
        "CREATE TABLE x (i int)", "SET default_transaction_read_only = off; CREATE TABLE x (i int)",
        "SET default_transaction_read_only = off; CREATE TABLE tally.x (i int)",
        "SET default_transaction_read_only = off; UPDATE view_balances SET cash = 0",
        "SET default_transaction_read_only = off; DROP FUNCTION tally.read_balances",
        "CREATE FUNCTION tally.f() RETURNS integer LANGUAGE sql AS 'SELECT 0'",
        "SET ROLE postgres", f"ALTER ROLE {role} SUPERUSER",
    ):  # fmt: skip
        with pytest.raises(psycopg.Error):
            run(theirs, *statement.split("; "))
    assert rows_of(theirs, "SELECT max(position) FROM tally.events") == head
    assert rows_of(theirs, "SELECT count(*) FROM tally.standing WHERE position < head") == [(0,)]


def test_the_ledger_still_verifies_and_its_views_can_be_rebuilt(place: tuple[str, str]) -> None:
    url, role = place
    before = rows_of(as_role(url, role), "SELECT * FROM tally.balances ORDER BY account")
    assert tally("projections", "rebuild", "--ledger", url).code == 0
    assert rows_of(as_role(url, role), "SELECT * FROM tally.balances ORDER BY account") == before
    verified = tally("verify", "--json", "--ledger", url)
    assert all(check["ok"] for check in verified.json["checks"] if not check["skipped"]), verified
    made = tally("sql", "--views", "--reader", role, "--ledger", url)
    run(url, made.out)  # again, over what is there


def test_the_auditor_may_be_let_use_tally_as_well(place: tuple[str, str]) -> None:
    url, role = place
    run(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    theirs = as_role(url, role)
    for words in (("balances",), ("report", "trial-balance"), ("sql", "FROM lots")):
        assert tally(*words, "--ledger", theirs).code == 0
    refused = tally("record", "open-account", "--account", "new", "--json", "--ledger", theirs)
    assert refused.code == 6
    run(url, f"REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM {role}")


def test_views_are_for_a_server_and_names_are_plain(
    place: tuple[str, str], tmp_path: Path
) -> None:
    url, _ = place
    generated_file = tmp_path / "f.db"
    assert tally("init", "--ledger", generated_file).code == 0
    for words in (
        ("--views", "--ledger", generated_file), ("--reader", "x", "--ledger", url),
        ("--views", "--reader", "x; DROP TABLE y", "--ledger", url),
        ("SELECT 1", "--views", "--ledger", url),
    ):  # fmt: skip
        done = tally("sql", *words)
        assert (done.code, len(done.err.splitlines())) == (2, 1), done
