"""A PostgreSQL ledger: the same bytes as a file's, many writers, killed clients, a server gone."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from ledger.connection import highest_given
from ledger.proof.nodes import Nodes
from ledger.store import create_store, open_reader, open_store, shown
from ledger.store.copying import copy
from ledger.store.errors import (
    LedgerBusy,
    LedgerExists,
    LedgerNotFound,
    NotALedger,
    ServerUnreachable,
    StoreError,
)
from ledger.store.postgres import PostgresStore
from projections.runner import Views
from tests.application.worlds import new_ledger, record, reopen
from tests.cli.program import COMMAND, ROOT, World, environment, tally
from tests.cli.test_closing import CLOSERS, closed_once, race
from tests.store.test_contract import row

if TYPE_CHECKING:
    from tests.servers import Server

YEAR = ROOT / "fixtures" / "year.ndjson"


def part(count: int) -> list[bytes]:
    """Return the first lines of the committed year."""
    with YEAR.open("rb") as year:
        return list(islice(year, count))


def test_a_server_keeps_the_bytes_and_the_views_of_a_file(database: str, tmp_path: Path) -> None:
    file, server = new_ledger(tmp_path / "a.db"), new_ledger(database)
    for ledger in (file, server):
        record(ledger, part(1200))
        Views(ledger.store.reader, ledger.store).catch_up()
    readers = file.store.reader, server.store.reader
    one, other = (list(reader.rows()) for reader in readers)
    assert one == other
    size = len(one)
    assert size > 2500
    assert len({Nodes(reader.connection).root(size) for reader in readers}) == 1
    for view in ("balances", "coupons", "bills", "instances", "overdue", "deadlines"):
        assert list(Views(readers[0]).rows(view)) == list(Views(readers[1]).rows(view))
    assert Views(readers[1]).compare()[1] is None
    at = one[size // 2].effective_at
    for call in ("bodies_by_effect",):
        assert list(getattr(readers[0], call)(until=size - 5, at=at)) == list(
            getattr(readers[1], call)(until=size - 5, at=at)
        )
    topic = "BillPosted/1"
    assert list(readers[0].bodies_of(topic, until=size)) == list(
        readers[1].bodies_of(topic, until=size)
    )
    for ledger in (file, server):
        ledger.store.close()


def test_many_writers_lose_nothing_and_no_reader_passes_a_position_by(database: str) -> None:
    create_store(database)
    program = textwrap.dedent(
        """
        import sys
        from ledger.store import open_store
        from tests.store.test_contract import row
        store = open_store(sys.argv[1])
        for number in range(1, 41):
            with store.writing() as writer:
                head = writer.head.position
                writer.append_rows([
                    row(head + 1 + i, f"account:{sys.argv[2]}", 2 * number - 1 + i)
                    for i in range(2)
                ])
        store.close()
        """
    )
    reader = open_reader(database)
    writers = [
        subprocess.Popen([sys.executable, "-c", program, database, str(name)], cwd=ROOT)
        for name in range(3)
    ]
    seen: list[int] = []
    while len(seen) < 3 * 80:
        fresh = [one.position for one in reader.rows(after=seen[-1] if seen else 0)]
        seen += fresh
        if not fresh:
            reader.wait(0.2)
            alive = any(writer.poll() is None for writer in writers)
            assert alive or len(seen) < reader.head().position, "the writers ended early"
    assert seen == list(range(1, 3 * 80 + 1)), "a reader that follows never passes one by"
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    for name in range(3):
        versions = [
            one.version for one in reader.rows() if one.stream == f"account:{name}"
        ]
        assert versions == list(range(1, 81))
    reader.close()


def test_who_waits_too_long_is_told_that_the_ledger_is_busy(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_store(database)
    monkeypatch.setattr("ledger.store.postgres_recorder.BUSY_SECONDS", 1)
    one, two = open_store(database), open_store(database)
    with one.writing() as writer:
        writer.append_rows([row(1)])
        with pytest.raises(LedgerBusy), two.writing():
            pass
    with two.writing() as other:
        assert other.head.position == 1
    one.close()
    two.close()


@pytest.mark.slow
def test_a_killed_client_leaves_a_prefix_and_resumes_to_the_same_bytes(
    database: str, tmp_path: Path
) -> None:
    lines = tmp_path / "part.ndjson"
    lines.write_bytes(b"".join(part(1500)))
    whole = new_ledger(tmp_path / "whole.db")
    record(whole, part(1500))
    expected = list(whole.store.reader.bodies())
    whole.store.close()
    new_ledger(database).store.close()
    command = [sys.executable, "-m", "tests.application.import_worker", database, str(lines)]
    done = 0
    for kill in range(8):
        worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert worker.stdout is not None
        worker.stdout.readline()
        time.sleep(0.02 * kill)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        worker.stdout.close()
        reader = open_reader(database)
        there = list(reader.bodies())
        reader.close()
        assert there == expected[: len(there)]
        assert len(there) >= done
        done = len(there)
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    ledger = reopen(database)
    assert list(ledger.store.reader.bodies()) == expected
    ledger.store.close()


@pytest.mark.slow
def test_a_server_that_restarts_loses_nothing(server: Server, database: str) -> None:
    ledger = new_ledger(database)
    record(ledger, part(200))
    before = list(ledger.store.reader.bodies())
    with pytest.raises(StoreError), ledger.store.writing() as writer:
        head = writer.head
        writer.append_rows([row(head.position + 1, "account:x", 1, at=head.recorded_at)])
        server.restart()
    ledger.store.close()
    ledger = reopen(database)
    assert list(ledger.store.reader.bodies()) == before, "what was not committed was never there"
    record(ledger, part(400), resume=True)
    assert list(ledger.store.reader.bodies())[: len(before)] == before
    assert ledger.store.reader.head().position > len(before)
    ledger.store.close()


def test_the_server_refuses_to_change_what_is_recorded(database: str) -> None:
    create_store(database)
    store = open_store(database)
    with store.writing() as writer:
        writer.append_rows([row(1), row(2)])
    store.close()
    with psycopg.connect(database, autocommit=True) as connection:
        for table in ("stored_events", "tree_nodes", "seals", "requests"):
            for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                    connection.execute(statement)
        connection.execute("DROP TRIGGER stored_events_append_only ON stored_events")
        connection.execute("DELETE FROM stored_events WHERE position = 2")
    reader = open_reader(database)
    assert highest_given(reader.connection, "stored_events") == 2, "it was there once"
    reader.close()


def test_a_place_that_is_no_ledger_is_a_clear_error(database: str) -> None:
    with pytest.raises(LedgerNotFound, match="no ledger at"):
        open_reader(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE stored_events (x int)")
    with pytest.raises(NotALedger, match="another program"):
        open_reader(database)
    with pytest.raises(LedgerExists):
        create_store(database)
    with pytest.raises(LedgerNotFound) as caught:
        open_reader(database.replace("/t", "/no", 1))
    assert "createdb" in str(caught.value.hint)
    with pytest.raises(ServerUnreachable, match="cannot be used"):
        open_reader("postgresql://someone:secret@127.0.0.1:1/ledger")
    done = tally("status", "--ledger", "postgresql://someone:secret@127.0.0.1:1/ledger")
    assert done.code == 6
    assert "secret" not in done.err
    assert "someone:***@127.0.0.1:1" in done.err


def test_a_password_is_never_shown() -> None:
    known = "postgresql://u:***@h:1/d?connect_timeout=9"
    assert shown("postgresql://u:p@h:1/d?connect_timeout=9") == known
    assert shown("postgresql://u:p@h:1/d?x=y") == "postgresql://***"  # the driver knows no x
    assert shown("postgresql://h/d") == "postgresql://h/d"
    assert shown("a:b@c.db") == "a:b@c.db"


@pytest.mark.slow
def test_every_kind_of_command_works_on_a_server(database: str, tmp_path: Path) -> None:
    """What a file answers, a server answers: the journey of a day on both."""
    places = str(tmp_path / "l.db"), database
    lines = tmp_path / "part.ndjson"
    lines.write_bytes(b"".join(part(1500)))
    looks = (
        ("balances", "--ndjson"), ("instances", "--ndjson"), ("log", "--ndjson", "-n", "50"),
        ("state", "a-003", "--json"), ("state", "a-003", "--at", "2025-02-01", "--json"),
        ("replay", "--compare", "--json"), ("recheck", "--json"), ("why", "a-003.cash", "--json"),
        ("diff", "2025-01-20", "2025-03-01", "a-003", "--bridge", "--json"),
        ("blame", "a-003", "--json"), ("bisect", "--expr", "overdue", "a-003", "--json"),
        ("report", "trial-balance", "--json"), ("forecast", "--to", "2025-12-31", "a-003"),
        ("projections", "rebuild", "--json"), ("tag", "add", "x"), ("tag", "list", "--json"),
    )  # fmt: skip
    told: list[list[str]] = []
    for number, place in enumerate(places):
        at = ("--ledger", place)
        folder = tmp_path / str(number)
        folder.mkdir()
        start = "2025-01-01T00:00:00+08:00"
        assert tally("init", "--clock", "simulated", "--start", start, *at).code == 0
        assert tally("import", lines, *at).code == 4
        answers = [tally(*look, *at) for look in looks]
        assert [answer.code for answer in answers] == [0] * len(looks), answers
        told.append([answer.out for answer in answers])
        for command in (
            ("keys", "new"), ("seal", "-o", "s.checkpoint"), ("verify", "--deep"),
            ("close", "2025-01", "--actor", "lin"), ("prove", "7", "-o", "7.proof"),
            ("check-proof", "7.proof"),
            ("verify", "--since", "s.checkpoint"), ("pack", "--period", "2025-01"),
            ("export", "--format", "hledger", "-o", "x.journal"), ("verify-export", "x.journal"),
            ("projections", "list"), ("status",),
        ):  # fmt: skip
            done = tally(*command, *at, cwd=folder)
            assert done.code == 0, (command, done)
    assert told[0] == told[1]


def test_of_closers_that_race_on_a_server_one_wins(database: str, tmp_path: Path) -> None:
    """R61: the server's lock decides, as the file's does."""
    ledger = new_ledger(database)
    record(ledger, part(40))
    ledger.store.close()
    assert tally("clock", "advance", "--to", "2025-06-01", "--ledger", database).code == 0
    assert race(database, tmp_path) == [0, *[4] * (CLOSERS - 1)]
    closed_once(database)


def test_what_is_followed_is_told_at_once(database: str) -> None:
    start = "2025-01-01T00:00:00+08:00"
    at = ("--ledger", database)
    assert tally("init", "--clock", "simulated", "--start", start, *at).code == 0
    with subprocess.Popen(
        [*COMMAND, "log", "--follow", "-n", "1", "--ndjson", *at],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert '"position": 1,' in process.stdout.readline()
        assert tally("record", "open-account", "--account", "a-1", *at).code == 0
        assert "AccountOpened" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def test_a_copy_has_the_same_bytes_root_seals_and_notes(database: str, tmp_path: Path) -> None:
    world = World.at(tmp_path / "l.db")
    world.done("init", "--clock", "simulated", "--start", "2025-01-01T00:00:00+08:00")
    lines = tmp_path / "part.ndjson"
    lines.write_bytes(b"".join(part(600)))
    world.done("import", lines, code=4)
    world.done("keys", "new")
    world.done("seal")
    there, back = database, str(tmp_path / "back.db")
    answer = tally("copy", world.path, there, "--json").json
    assert tally("copy", there, back, "--json").json["root"] == answer["root"]
    readers = [open_reader(place) for place in (str(world.path), there, back)]
    for text in (
        ("SELECT position, originator_id, originator_version, topic, recorded_at, effective_at, "
        "state FROM stored_events ORDER BY position"),
        "SELECT number, size, root, note FROM seals ORDER BY number",
        ("SELECT scope, key, digest, first_position, last_position FROM requests "
        "ORDER BY scope, key"),
        "SELECT key, value FROM meta ORDER BY key",
    ):
        first, *others = (list(reader.connection.execute(text)) for reader in readers)
        assert first
        assert all(first == other for other in others)
    policy = world.path.with_suffix(".policy")
    for place in (there, back):
        assert tally("verify", "--deep", "--ledger", place, "--policy", policy).code == 0
        again = tally("import", lines, "--resume", "--json", "--ledger", place)
        assert again.code in (0, 4)
    assert {reader.head().position for reader in readers} == {answer["events"]}
    for reader in readers:
        reader.close()
    assert tally("copy", world.path, there).code == 6
    assert tally("copy", tmp_path / "none.db", tmp_path / "new.db").code == 3


def test_a_copy_moves_every_key_both_ways(database: str, tmp_path: Path) -> None:
    """With NUL in it; and, of an earlier version, long and kept as it is."""
    world = World.at(tmp_path / "l.db")
    world.done("init", "--clock", "simulated", "--start", "2025-01-01T00:00:00+08:00")
    world.take({"do": "open-account", "account": "a"})
    top_up = {"do": "top-up", "account": "a", "amount": "5", "channel": "c"}
    world.take(*({**top_up, "serial": f"s{i}", "token": f"{i}\0{i}"} for i in range(3)))
    connection = sqlite3.connect(world.path)
    name, text = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE name = 'requests_no_update'"
    ).fetchone()
    connection.execute(f"DROP TRIGGER {name}")
    raw = "UPDATE requests SET key = ? WHERE first_position = 4 AND scope LIKE 'token%'"
    assert connection.execute(raw, ("1\x001",)).rowcount == 1
    connection.execute(text)
    connection.commit()
    connection.close()
    assert world.done("verify").code == 0
    back = tmp_path / "back.db"
    for origin, target in ((world.path, database), (database, back)):
        assert tally("copy", origin, target).code == 0
        assert tally("verify", "--deep", "--ledger", target).code == 0
    again = {**top_up, "serial": "s1", "token": "1\x001"}
    for place in (world.path, database, back):
        told = tally("import", "-", "--ndjson", "--ledger", place, stdin=json.dumps(again))
        assert (told.rows[0]["duplicate"], told.rows[0]["positions"]) == (True, [4])


def test_a_copy_that_fails_leaves_the_target_empty(database: str, tmp_path: Path) -> None:
    source = new_ledger(tmp_path / "a.db")
    record(source, part(300))
    create_store(database)
    target = open_store(database)
    assert isinstance(target, PostgresStore)

    def stop(done: int, _: int) -> None:
        assert done
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(source.store.reader, target, stop)
    assert target.reader.head().position == 0
    assert copy(source.store.reader, target).events == source.store.reader.head().position
    with pytest.raises(LedgerExists):
        copy(source.store.reader, target)
    target.close()
    source.store.close()


def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text(
        "raise ModuleNotFoundError('no', name='psycopg')\n", encoding="utf-8"
    )
    done = subprocess.run(
        [*COMMAND, "status", "--ledger", "postgresql://h/d"],
        capture_output=True, text=True, check=False,
        env={**environment(), "PYTHONPATH": f"{tmp_path}:{ROOT}"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "tallystick[postgres]" in done.stderr
    assert "Traceback" not in done.stderr
