"""Every exit code of INTERFACE section 1, command by command; errors are one line or one object."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from ledger.store.sqlite import FileStore
from tests.cli.program import (
    COMMAND,
    SMALL,
    START,
    World,
    environment,
    lines,
    tally,
    tally_process,
    valid,
)

LOOKS = ("state a-1", "balances", "instances", "log", "show 5", "status", "replay --compare",
         "projections list", "projections status", "clock show", "schema",
         "schema state")  # fmt: skip
BAD_USAGE = (
    "state", "state a-1 --foo", "state a-1 b-2", "state a-1 --position x", "state a-1 --at x",
    "state a-1 --position -1", "state a-1 --as-of 2025-01-05 --at 2025-01-05",
    "balances --below x", "balances --below NaN", "balances --below 1_000",
    "balances --below 1e3", "balances --at 2025-02-30",
    "instances --state runing", "instances --expiring-before 2025-13-01", "log --type nope",
    "log -n x", "log -n -1", "log --from x", "log --to 2025-1-1", "show", "show x", "show 1.5",
    "status x",
    "replay --comparee", "projections", "projections statu", "projections list x",
    "projections rebuild balances bills", "clock", "clock advance", "clock advance 7",
    "clock advance 99999999999d", "clock advance 2600000d",
    "clock advance 7d --to 2025-06-01", "clock advance --to x", "clock advance --to 2024-01-01",
    "import", "import nofile", "import - extra", "record", "record top-upp", "record top-up",
    "record top-up --account a-1 --amount x --channel c --serial s",
    "record renew --account a-1 --instances i-1 --months one",
    "record set-policy --key retention --value soon", "record set-policy --key x --value 1",
    "init --clock sundial", "init --start 2025-01-01", "init --currency cny",
    "init --policy retention", "init --policy retentoin=30d", "init --policy retention=x",
    "run", "demo --ledgerr x", "completion", "completion tcsh", "schema a b", "statee", "--foo",
)  # fmt: skip
NO_SUCH = (
    "state a-9", "state a-1 --position 0", "state a-1 --position 999", "state a-1 --at 2030-01-01",
    "state a-1 --known-at 2030-01-01", "state a-1 --as-of 2025-02-21", "state a-1 --position 1",
    "balances --at 2030-01-01", "balances --position 0", "instances --as-of 2030-01-01",
    "log a-9", "log --position 999", "show 0", "show 999", "show head~99",
    "show 99999999999999999999",
    "projections rebuild balence", "schema stat",
)  # fmt: skip
REFUSED = (
    "record top-up --account a-9 --amount 1 --channel c --serial s",
    "record purchase --account a-2 --instance i-9 --sku std --months 1",
    "record purchase --account a-1 --instance i-9 --sku std --months 11",
    "record top-up --account a-1 --amount 0.001 --channel c --serial s",
    "record set-alert --account a-1 --threshold 1 --expected-version 1",
)
ON_A_LEDGER = ("state a-1", "balances", "instances", "log", "show 1", "status", "replay",
               "replay --compare", "projections status", "projections rebuild", "clock show",
               "clock advance 1d", "import -", "run --once",
               "record open-account --account a-1")  # fmt: skip


def one_error(world: World, command: str, code: int) -> None:
    """The same error as one line on stderr, and as one object on stdout."""
    told = world.run(*command.split())
    assert told.code == code, told
    assert told.out == ""
    assert told.err.startswith("error: "), told
    assert told.err.count("\n") == 1
    assert "Traceback" not in told.err
    error = world.run(*command.split(), "--json")
    assert error.err == ""
    answer = valid(error.json)
    assert answer["schema"] == "tally.error/1"
    assert (error.code, answer["exit"]) == (code, code)


@pytest.mark.parametrize("command", LOOKS)
def test_0_done(looked_at: World, command: str) -> None:
    assert looked_at.done(*command.split()).err == ""
    assert looked_at.done(*command.split(), "--json").err == ""


@pytest.mark.parametrize("command", BAD_USAGE)
def test_2_usage(looked_at: World, command: str) -> None:
    if command in ("projections", "clock", "record"):  # their help says what is missing
        told = tally(command)
        assert (told.code, told.out) == (2, "")
        assert told.err.startswith(f"Usage: tally {command}")
        assert "Examples:" in told.err
    elif command == "--foo":
        assert valid(tally("--foo", "--json").json)["exit"] == 2
    elif command.startswith("init"):
        one_error(World.at(looked_at.path.with_name("none.db")), command, 2)
        assert not looked_at.path.with_name("none.db").exists()
    else:
        one_error(looked_at, command, 2)


@pytest.mark.parametrize("command", NO_SUCH)
def test_3_no_such_thing(looked_at: World, command: str) -> None:
    one_error(looked_at, command, 3)


@pytest.mark.parametrize("command", ON_A_LEDGER)
def test_3_no_ledger_and_how_to_make_one(tmp_path: Path, command: str) -> None:
    world = World.at(tmp_path / "none.db")
    one_error(world, command, 3)
    assert "tally init" in world.run(*command.split()).err
    assert not world.path.exists()


@pytest.mark.parametrize("command", REFUSED)
def test_4_refused_by_a_rule(world: World, command: str) -> None:
    result = world.record(*command.split()[1:], code=4)
    assert result["ok"] is False
    assert len(result["positions"]) == 1
    told = world.run(*command.split())
    assert (told.code, told.err) == (4, "")
    assert told.out.startswith(f"refused {result['code']} ({result['rule']}): ")


def test_4_an_import_with_a_refused_line(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    answer = world.json("import", SMALL, code=4)
    assert answer["refusals"] == {"ACCOUNT_OVERDUE": 1}
    assert (answer["lines"], answer["accepted"], answer["refused"]) == (14, 13, 1)


@pytest.mark.parametrize("command", ON_A_LEDGER)
def test_5_a_file_that_is_no_ledger(tmp_path: Path, command: str) -> None:
    foreign = tmp_path / "foreign.db"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE sales (amount REAL)")
    connection.commit()
    connection.close()
    text = tmp_path / "text.db"
    text.write_text("this is not a database\n" * 100)
    for path in (foreign, text):
        before = path.read_bytes()
        one_error(World.at(path), command, 5)
        assert path.read_bytes() == before
    one_error(World.at(tmp_path), command, 2)


def test_5_an_event_whose_bytes_are_broken(world: World) -> None:
    connection = sqlite3.connect(world.path)
    names = [row[0] for row in connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger'")]  # fmt: skip
    for name in names:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("UPDATE stored_events SET state = x'00' WHERE position = 5")
    connection.commit()
    connection.close()
    one_error(world, "state a-1", 5)
    one_error(world, "show 5", 5)
    one_error(world, "replay", 5)


def test_6_a_ledger_is_never_overwritten(world: World) -> None:
    before = world.path.read_bytes()
    one_error(world, "init", 6)
    assert world.path.read_bytes() == before
    folder = World.at(world.path.parent)
    one_error(folder, "init", 6)


def test_6_a_ledger_that_another_process_writes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = FileStore.__init__.__kwdefaults__
    assert patience == {"busy_seconds": 30}
    monkeypatch.setitem(patience, "busy_seconds", 1)
    connection = sqlite3.connect(world.path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    done = world.run("record", "open-account", "--account", "a-3", "--json")
    waited = time.monotonic() - begun
    connection.execute("ROLLBACK")
    connection.close()
    assert done.code == 6
    assert valid(done.json)["code"] == "LEDGER_BUSY"
    assert 1 <= waited < 30
    assert world.record("open-account", "--account", "a-3")["ok"]


def test_1_where_there_is_nothing_to_replay(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    assert world.json("replay", "--compare", code=1)["accounts"] == 0


def test_130_interrupted(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    with subprocess.Popen(
        [*COMMAND, "import", "-", "--ndjson", "--ledger", str(world.path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines({"at": START, "do": "open-account", "account": "a-1"}).encode())
        process.stdin.flush()
        assert b'"ok": true' in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b"interrupted; nothing recorded is lost\n"
    assert world.state("a-1")["cash"] == "0.00"


def test_an_unwritable_place_for_a_new_ledger(tmp_path: Path) -> None:
    one_error(World.at(tmp_path / "no" / "folder.db"), "init", 2)
    one_error(World.at(Path("/proc/t.db")), "init", 6)  # there, and takes no file


def test_the_exit_code_is_that_of_the_process(looked_at: World, tmp_path: Path) -> None:
    ledger = ("--ledger", looked_at.path)
    assert tally_process("status", *ledger).code == 0
    assert tally_process("statuss", *ledger).code == 2
    assert tally_process("state", "a-9", *ledger).code == 3
    assert tally_process("status", "--ledger", tmp_path).code == 2
    assert tally_process("init", *ledger).code == 6
