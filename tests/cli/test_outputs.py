"""No output may name the ledger, what lies beside it, a key or a policy, by whatever spelling."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Final

import click
import pytest

from cli.listing import COMMANDS
from cli.main import tally as program
from cli.outputs import Target
from tests.cli.program import ROOT, START, Done, World, tally, tally_process

# Every command that writes a file: how it is called; OUT is replaced by the target.
WRITERS: Final[dict[str, tuple[str, ...]]] = {
    "seal": ("seal", "-o", "OUT"),
    "prove": ("prove", "2", "-o", "OUT"),
    "prove --event": ("prove", "2", "-o", "p", "--event", "OUT"),
    "prove's event": ("prove", "2", "-o", "EVENT"),
    "prove --consistency": ("prove", "--consistency", "c1", "-o", "OUT"),
    "pack": ("pack", "--period", "2025-01", "-o", "OUT"),
    "export": ("export", "--format", "hledger", "-o", "OUT"),
    "export parquet": ("export", "--format", "parquet", "-o", "OUT"),
    "report": ("report", "trial-balance", "--csv", "-o", "OUT"),
    "reconcile": ("reconcile", str(ROOT / "fixtures" / "statements" / "bank.xml"), "--source",
                  "camt053", "--html", "-o", "OUT"),
    "report html": ("report", "timeline", "a-1", "--html", "-o", "OUT"),
    "witness": ("witness", "c1", "--key", "w.key", "-o", "OUT"),
    "keys new --key": ("keys", "new", "--key", "OUT", "--policy", "n.policy"),
    "keys new --policy": ("keys", "new", "--key", "n.key", "--policy", "OUT"),
    "keys rotate --policy": ("keys", "rotate", "--policy", "OUT"),
    "backtest --html": ("backtest", "--html", "-o", "OUT"),
    "backtest --parquet": ("backtest", "--parquet", "OUT"),
    "backtest --keep": ("backtest", "--keep", "OUT"),
    "forecast --html": ("forecast", "--to", "2025-03-01", "--all", "--html", "-o", "OUT"),
    "tiles": ("tiles", "OUT"),
    "close": ("close", "2025-01", "--actor", "lin", "--seal", "--pack", "-o", "OUT"),
    "sql": ("sql", "SELECT 1", "--csv", "-o", "OUT"),
    "backup": ("backup", "OUT"),
    "notify": ("notify", "--once", "--to", "URL"),
    "copy": ("copy", "t.db", "OUT"),
    "demo": ("demo", "--force", "--ledger", "OUT"),
}
PLACES: Final = {
    "the ledger": "t.db",
    "its WAL": "t.db-wal",
    "its index of the WAL": "t.db-shm",
    "its journal": "t.db-journal",
    "its columns": "t.db.columns",
    "a file in its columns": "t.db.columns/x",
    "its key": "t.key",
    "its policy": "t.policy",
    "another spelling": "./x/../t.db",
    "a symbolic link": "link",
    "a link to the key": "key-link",
    "a hard link": "hard",
    "another ledger": "other.db",
    "another ledger's WAL": "other.db-wal",
    "another private key": "w.key",
    "what the witness has seen": "w.key.seen",
}
# A policy may be written to a policy, a witness's notes only by that witness.
FITTING: Final = {("keys new --policy", "its policy"), ("keys rotate --policy", "its policy")}
OTHERS: Final = {"what the witness has seen"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a ledger with a key, a policy, seals, columns, links, and a witness's key."""
    folder = tmp_path_factory.mktemp("outputs")
    world = World(folder / "t.db")
    world.done("record", "open-account", "--account", "a-1", "--at", START)
    world.done("keys", "new")
    world.done("seal", "-o", folder / "c1")
    world.done("record", "open-account", "--account", "a-2", "--at", START)
    world.done("clock", "advance", "--to", "2025-02-21T12:00:00+08:00")
    world.done("seal")
    world.done("keys", "new", "--witness", "--name", "w.example/w", "--key", folder / "w.key",
               "--policy", folder / "w.policy")  # fmt: skip
    World(folder / "other.db")
    for name in ("t.db", "other.db"):
        with sqlite3.connect(folder / name) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    (folder / "t.db.columns").mkdir()
    return folder


def laid_out(made: Path, folder: Path) -> Path:
    """Copy it, so that a link is a link and each test has its own."""
    shutil.copytree(made, folder)
    (folder / "link").symlink_to("t.db")
    (folder / "key-link").symlink_to("t.key")
    (folder / "hard").hardlink_to(folder / "t.db")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file that must stay, with its bytes; side files may come and go."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def called(folder: Path, writer: str, place: str) -> Done:
    target = str(folder / place) if not place.startswith(".") else place
    words = [
        {"OUT": target, "EVENT": target.removesuffix(".event"),
         "URL": f"file://{Path(folder, target)}"}.get(word, word)
        for word in WRITERS[writer]
    ]
    ledger = [] if "--ledger" in words else ["--ledger", "t.db"]
    return tally(*words, *ledger, cwd=folder)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("writer", [name for name in WRITERS if name != "prove's event"])
def test_an_output_never_names_what_must_be_kept(
    made: Path, tmp_path: Path, writer: str, place: str
) -> None:
    if (writer, place) in FITTING or (place in OTHERS and writer != "witness"):
        return
    if writer == "demo" and "columns" in place:
        return  # a new ledger may have any name that no ledger's file has
    folder = laid_out(made, tmp_path / "w")
    before = contents(folder)
    told = called(folder, writer, PLACES[place])
    assert told.code == 2 or (writer in {"demo", "copy", "backup"} and told.code == 6), told
    assert told.err.startswith("error: "), told
    assert contents(folder) == before


def test_a_derived_name_is_checked_as_well(made: Path, tmp_path: Path) -> None:
    folder = laid_out(made, tmp_path / "w")
    (folder / "p.event").symlink_to("t.db")
    before = contents(folder)
    assert called(folder, "prove's event", "p.event").code == 2
    assert contents(folder) == before


def test_every_option_that_writes_is_tried_here() -> None:
    """Walk the commands: an option that writes has the type that is checked."""
    found = set()

    def walk(command: click.Command, path: tuple[str, ...]) -> None:
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                walk(inner, (*path, name))
            return
        for parameter in command.params:
            if parameter.type.name == "output":
                found.add(path[0])
            assert "-o" not in parameter.opts or parameter.type.name == "output", path

    walk(program, ())
    assert found <= {words[0] for words in WRITERS.values()}
    assert {"seal", "prove", "pack", "export", "report", "witness", "tiles"} <= found
    assert found <= set(COMMANDS)


@pytest.mark.parametrize("writer", ["seal", "prove", "pack", "export", "report"])
def test_an_output_replaces_an_ordinary_file_and_leaves_nothing_beside(
    made: Path, tmp_path: Path, writer: str
) -> None:
    folder = laid_out(made, tmp_path / "w")
    (folder / "out").write_text("before")
    (folder / "out").chmod(0o640)
    names = {path.name for path in folder.iterdir()} | {"out.event"}
    assert called(folder, writer, "out").code == 0
    assert (folder / "out").read_bytes() != b"before"
    assert (folder / "out").stat().st_mode & 0o777 == 0o640
    left = {path.name for path in folder.iterdir()} - names
    assert not {name for name in left if not name.startswith("t.db-")}


def test_a_link_stays_a_link_and_what_it_leads_to_is_replaced(made: Path, tmp_path: Path) -> None:
    folder = laid_out(made, tmp_path / "w")
    (folder / "elsewhere").mkdir()
    (folder / "latest").symlink_to("elsewhere/c")
    assert called(folder, "seal", "latest").code == 0
    assert (folder / "latest").is_symlink()
    assert (folder / "elsewhere" / "c").read_text().startswith("tally.local/")


def test_an_output_goes_to_stdout_and_what_is_said_about_it_does_not(
    made: Path, tmp_path: Path
) -> None:
    folder = laid_out(made, tmp_path / "w")
    plain = called(folder, "seal", "out")
    for place in ("-", "/dev/stdout"):
        told = tally_process("seal", "-o", place, "--ledger", "t.db", cwd=folder)
        assert (told.code, told.out) == (0, (folder / "out").read_text()), told
        assert "was sealed already" in told.err
        assert plain.code == 0
    refused = tally_process("seal", "--json", "-o", "-", "--ledger", "t.db", cwd=folder)
    assert refused.code == 2
    assert refused.json["hint"] == "name a file with -o, or omit --json"


def test_a_pipe_takes_an_output(made: Path, tmp_path: Path) -> None:
    folder = laid_out(made, tmp_path / "w")
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert called(folder, "seal", "pipe").code == 0
        assert os.read(reader, 1 << 16).startswith(b"tally.local/")
        assert pipe.is_fifo()
    finally:
        os.close(reader)


@pytest.mark.parametrize("place", ["no/such/folder", ".", "c1/below"])
def test_a_place_that_takes_no_file_is_one_clear_line(
    made: Path, tmp_path: Path, place: str
) -> None:
    folder = laid_out(made, tmp_path / "w")
    told = called(folder, "seal", str(folder / place))
    assert told.code == 2
    assert told.err.count("\n") == 1
    assert repr(str(folder / place)) in told.err  # what was asked for, not the name beside it


def test_an_error_in_the_middle_leaves_what_was_there(made: Path, tmp_path: Path) -> None:
    del made
    (tmp_path / "out").write_bytes(b"before")
    target = Target(str(tmp_path / "out"))
    target.check([])
    with pytest.raises(RuntimeError), target.opened() as file:
        file.write(b"half")
        raise RuntimeError
    assert contents(tmp_path) == {"out": b"before"}
    folder = Target(str(tmp_path / "new"))
    folder.check([])
    with pytest.raises(RuntimeError), folder.folder() as inside:
        (inside / "half").write_bytes(b"x")
        raise RuntimeError
    assert contents(tmp_path) == {"out": b"before"}


def test_a_rotation_passes_over_what_an_interrupted_one_left(made: Path, tmp_path: Path) -> None:
    folder = laid_out(made, tmp_path / "w")
    world = World.at(folder / "t.db")
    kept = folder / f"t.key.{world.json('keys', 'show')['key_id']}"
    kept.touch()
    before = (folder / "t.key").read_text()
    world.done("keys", "rotate")
    assert kept.read_text() == before
    assert (folder / "t.key").read_text() != before
    assert (folder / "t.key").stat().st_mode & 0o777 == 0o600
    world.done("verify")


def test_a_demo_that_was_changed_is_replaced_only_by_force(tmp_path: Path) -> None:
    assert tally("demo", cwd=tmp_path).code == 0
    assert tally("demo", cwd=tmp_path).code == 0
    world = World.at(tmp_path / "tally-demo.db")
    world.done("record", "open-account", "--account", "mine")
    told = tally("demo", cwd=tmp_path)
    assert told.code == 2
    assert "was changed since it was made" in told.err
    assert world.state("mine")["cash"] == "0.00"
    assert tally("demo", "--force", cwd=tmp_path).code == 0
    world.done("state", "mine", code=3)
