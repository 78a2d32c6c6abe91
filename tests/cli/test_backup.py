"""A ledger file is complete after every clean end; ``tally backup`` copies one at any time."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.store import open_reader, open_store
from tests.cli.program import COMMAND, ROOT, SMALL, START, Json, World, environment, tally, valid


def alone(world: World, folder: Path) -> World:
    """Copy the file of a ledger and nothing beside it, as people do."""
    folder.mkdir()
    shutil.copyfile(world.path, folder / "copy.db")
    return World.at(folder / "copy.db")


def recorded(world: World) -> None:
    """Record one command."""
    world.record("open-account", "--account", "more")


def sealed(world: World) -> None:
    """Sign a checkpoint."""
    world.done("keys", "new")
    world.done("seal")


WRITERS: dict[str, Callable[[World], object]] = {
    "record": recorded,
    "import": lambda world: world.done("import", SMALL, code=4),
    "clock": lambda world: world.done("clock", "advance", "7d"),
    "views": lambda world: world.done("balances"),
    "rebuild": lambda world: world.done("projections", "rebuild"),
    "tag": lambda world: world.done("tag", "add", "before"),
    "close": lambda world: world.done("close", "2024-12", "--actor", "a", "--reason", "r"),
    "seal": sealed,
    "refused": lambda world: world.done(
        "record", "top-up", "--account", "none", "--amount", "1", "--channel", "c",
        "--serial", "s", code=4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("writer", WRITERS)
def test_the_file_alone_holds_everything_after_a_clean_end(tmp_path: Path, writer: str) -> None:
    world = World(tmp_path / "t.db")
    WRITERS[writer](world)
    copied = alone(world, tmp_path / "alone")
    assert not world.path.with_name("t.db-wal").exists()
    for place in (world, copied):
        assert place.json("status")["journal"] == {"state": "empty", "bytes": 0, "said": None}
    text = "SELECT * FROM stored_events"
    both = [sqlite3.connect(one.path).execute(text).fetchall() for one in (world, copied)]
    assert both[0] == both[1]


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_leaves_the_file_complete(
    tmp_path: Path, ended_by: signal.Signals
) -> None:
    world = World(tmp_path / "t.db", start=None)
    with subprocess.Popen(
        [*COMMAND, "run", "--ledger", str(world.path)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=environment(), text=True,
    ) as process:  # fmt: skip
        for _ in range(20):
            world.record("open-account", "--account", f"a-{_}")
            if _ == 3:
                process.send_signal(ended_by)
        process.communicate(timeout=30)
    copied = alone(world, tmp_path / "alone")
    assert copied.json("status")["head"] == world.json("status")["head"]


def test_who_reads_meanwhile_may_keep_the_journal_and_status_says_so(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    reader = open_reader(str(world.path))
    rows = reader.connection.execute("SELECT position FROM stored_events")
    rows.fetchone()
    store = open_store(str(world.path))
    with store.writing() as writer:
        writer.set_meta("k", "v" * 9000)
    reading = sqlite3.connect(world.path, isolation_level=None)
    reading.execute("BEGIN")
    reading.execute("SELECT * FROM meta").fetchall()
    with store.writing() as writer:
        writer.set_meta("k", "w" * 9000)
    store.close()
    journal = world.json("status")["journal"]
    assert journal["state"] == "needed"
    assert journal["bytes"] > 0
    assert "tally backup" in journal["said"]
    assert world.json("verify")["journal"]["state"] == "needed"
    reading.close()
    reader.close()
    recorded(world)
    assert world.json("status")["journal"]["state"] == "empty"


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from cli.bootstrap import Session
    with Session(sys.argv[1]) as session:
        store = session.store
        for i in range(3):
            with store.writing() as writer:
                writer.set_meta(f"k{i}", "v" * 5000)
        os.kill(os.getpid(), signal.SIGKILL)
    """
)


def killed(world: World) -> Path:
    """Kill a writer, and give its WAL."""
    subprocess.run(
        [sys.executable, "-c", KILLED, str(world.path)], cwd=ROOT, env=environment(), check=False
    )
    wal = world.path.with_name(f"{world.path.name}-wal")
    assert wal.stat().st_size > 0
    return wal


def test_a_file_copied_without_the_journal_of_a_killed_writer_says_so(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    killed(world)
    assert world.json("status")["journal"]["state"] == "needed"
    assert world.json("verify")["ok"]
    copied = alone(world, tmp_path / "alone")
    assert copied.json("status")["journal"]["state"] == "absent"
    answer = copied.json("verify", code=1)
    (check,) = [one for one in answer["checks"] if not one["ok"]]
    assert (check["name"], check["kind"]) == ("journal", "truncated")
    assert "copy.db-wal is not there" in copied.done("status").out
    told = copied.run("record", "open-account", "--account", "more")
    assert told.code == 0
    assert "note: the last writer was cut off" in told.err
    assert copied.json("status")["journal"]["state"] == "empty"
    recorded(world)
    assert world.json("status")["journal"]["state"] == "empty"


@pytest.mark.parametrize("place", ["header", "frame"])
def test_a_damaged_journal_is_no_older_ledger(tmp_path: Path, place: str) -> None:
    world = World(tmp_path / "t.db")
    wal = killed(world)
    raw = bytearray(wal.read_bytes())
    raw[17 if place == "header" else 32 + 24 + 100] ^= 1
    wal.write_bytes(bytes(raw))
    wal.with_name("t.db-shm").unlink(missing_ok=True)
    assert world.json("status")["journal"]["state"] == "damaged"
    answer = world.json("verify", code=5)
    assert [check["kind"] for check in answer["checks"] if not check["ok"]] == ["truncated"]
    told = world.run("record", "open-account", "--account", "more", "--json")
    assert (told.code, told.json["code"]) == (5, "LEDGER_DAMAGED")
    assert wal.read_bytes() == bytes(raw), "nothing of it was moved or dropped"


# --- tally backup -------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A ledger with a history, its key and policy."""
    world = World(tmp_path / "t.db")
    world.done("import", SMALL, code=4)
    sealed(world)
    return world


def test_a_backup_is_the_whole_ledger_in_one_file(world: World, tmp_path: Path) -> None:
    target = tmp_path / "other" / "b.db"
    target.parent.mkdir()
    answer = valid(world.json("backup", target))
    assert [path.name for path in target.parent.iterdir()] == ["b.db"]
    assert answer["bytes"] == target.stat().st_size
    verified = valid(tally("verify", "--ledger", target, "--policy", tmp_path / "t.policy",
                           "--json").json)  # fmt: skip
    assert (verified["ok"], verified["root"]) == (True, answer["root"])
    assert verified["events"] == answer["events"] == world.json("status")["head"]
    assert verified["journal"]["state"] == "empty"
    shown = world.done("backup", tmp_path / "c.db").out
    assert f"backed up {answer['events']} events" in shown


def test_a_backup_while_a_writer_is_at_work(world: World, tmp_path: Path) -> None:
    store = open_store(str(world.path))
    with store.writing() as writer:
        writer.set_meta("k", "v")
        assert world.json("backup", tmp_path / "b.db")["events"] == writer.head.position
    store.close()
    policy = tmp_path / "t.policy"
    assert tally("verify", "--ledger", tmp_path / "b.db", "--policy", policy).code == 0


def test_a_backup_overwrites_nothing_unasked(world: World, tmp_path: Path) -> None:
    target = tmp_path / "b.db"
    target.write_text("mine")
    assert world.run("backup", target).code == 6
    assert target.read_text() == "mine"
    world.done("backup", target, "--force")
    assert tally("status", "--ledger", target).code == 0
    target.with_name("b.db-wal").write_text("of somebody who writes")
    assert world.run("backup", target, "--force").code == 6


def content(folder: Path) -> dict[str, bytes]:
    """Read every file but those that a reader leaves empty."""
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".db-shm"
        and path.stat().st_size
    }  # fmt: skip


@pytest.mark.parametrize("name", ["t.db", "t.db-wal", "t.db-journal", "t.key", "t.policy", "link"])
def test_a_backup_never_overwrites_the_ledger_or_what_belongs_to_it(
    world: World, tmp_path: Path, name: str
) -> None:
    if name == "link":
        (tmp_path / "link").symlink_to(world.path)
    before = content(tmp_path)
    for spelled in (tmp_path / name, tmp_path / "x" / ".." / name):
        (tmp_path / "x").mkdir(exist_ok=True)
        told = world.run("backup", spelled, "--force", "--json")
        assert (told.code, told.json["code"]) == (2, "INVALID_INPUT")
        (tmp_path / "x").rmdir()
    assert content(tmp_path) == before


def test_a_backup_that_cannot_be_written_leaves_nothing(world: World, tmp_path: Path) -> None:
    assert world.run("backup", tmp_path / "no" / "b.db").code == 2
    assert world.run("backup", tmp_path).code == 2
    assert not [path for path in tmp_path.iterdir() if ".part" in path.name]


def test_a_ledger_made_before_there_was_a_journal_note_opens(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start=START)
    connection = sqlite3.connect(world.path)
    connection.execute("DELETE FROM meta WHERE key IN ('journal', 'guard')")
    connection.commit()
    connection.close()
    answer: Json = world.json("verify", code=1)
    assert [check["name"] for check in answer["checks"] if not check["ok"]] == ["settings"]
    recorded(world)
    assert world.json("verify")["ok"]
