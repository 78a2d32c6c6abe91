"""Each place that holds no ledger, or takes no writes, has its own words; no secret is shown."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from ledger.errors import InvalidInput
from ledger.store.places import name_of, parts, place, shown, without_secrets
from tests.cli.program import COMMAND, World, environment, tally, tally_process

HUSH: Final = "S3cretPw"
MOUNT, UMOUNT = (shutil.which(name) or f"/bin/{name}" for name in ("mount", "umount"))
URLS: Final = [
    f"postgresql://bob:{HUSH}@127.0.0.1:1/led",
    f"POSTGRESQL://bob:{HUSH}@127.0.0.1:1/led",
    f"postgresql:///led?host=127.0.0.1&port=1&password={HUSH}",
    f"postgresql://127.0.0.1:1/led?user=bob&password={HUSH}&sslpassword={HUSH}",
    f"postgresql://bob:{HUSH}@/led?host=/nonexistent&passfile={HUSH}",
    f"postgresql://bob:a%3A{HUSH}@127.0.0.1:1,127.0.0.1:2/led",
    f"postgresql://bob:a#{HUSH}@127.0.0.1:1/led",
    f"postgresql://bob:a?{HUSH}@127.0.0.1:1/led",
    f"postgresql://127.0.0.1:1/led?options=-c%20x.y%3D{HUSH}",
]
# None of these is a ledger: exit 2, and no file of that name is made.
NO_PLACES: Final = [
    f"postgresql://bob:a@{HUSH}@127.0.0.1:1/led", f"postgresql://bob:a/{HUSH}@127.0.0.1:1/led",
    f"postgresql://bob:{HUSH}@127.0.0.1:port/led", f"postgresql://bob:{HUSH}@[::1/led",
    f"postgresql://bob:{HUSH}%zz@h/led", f"postgresql://bob:{HUSH}@h/led?bogus={HUSH}",
    f"postgresql://bob:{HUSH}@h:99999/led", f"postgresql://bob:{HUSH} x@h/led",
    f"postgresql://bob:{HUSH}@h/led?connect_timeout=abc",
    f"mysql://bob:{HUSH}@h/led", f"postgresql+psycopg://bob:{HUSH}@h/led",
    f" postgresql://bob:{HUSH}@h/led", f"postgresql:bob:{HUSH}@h/led",
    f"host=h user=bob password={HUSH} dbname=led", f"password = {HUSH}",
    f"dbname=led host={HUSH}", f"file:{HUSH}?mode=rwc", f"sqlite:///{HUSH}.db",
    f"https://{HUSH}/x", ":memory:", "",
]  # fmt: skip


@pytest.mark.parametrize("url", URLS)
def test_a_url_is_shown_without_its_secrets(url: str) -> None:
    read = place(url)
    assert read.startswith("postgresql://")
    assert HUSH not in shown(read)
    for name in set(parts(read)) & {"password", "sslpassword", "passfile", "options"}:
        assert parts(read)[name] not in without_secrets(f"bad {parts(read)[name]} there", read)
    assert name_of(read) == "led"
    assert parts(shown(read).replace("***", "x")).get("dbname") == "led"


def test_a_url_without_secrets_is_shown_as_it_is() -> None:
    url = "postgresql://bob@127.0.0.1:5432/led?application_name=x"
    assert shown(place(url)) == url
    assert name_of("postgresql://h/..%2F..%2Fetc%2Fx") == "_.._etc_x"
    assert name_of("postgresql://h") == "tally"


@pytest.mark.parametrize("text", NO_PLACES)
def test_what_is_no_place_is_refused_and_becomes_no_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        place(text)
    assert HUSH not in f"{refused.value} {refused.value.hint}"
    for words in (
        ("status", "--ledger", text), ("init", "--ledger", text), ("copy", text, "x.db"),
        ("copy", "x.db", text), ("keys", "new", "--ledger", text),
    ):  # fmt: skip
        told = tally(*words, cwd=tmp_path)
        assert told.code == 2, (words, told)
        assert HUSH not in told.out + told.err
        assert told.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_away_is_named_without_secrets(tmp_path: Path) -> None:
    for url in URLS[:2]:
        told = tally("status", "--ledger", url, cwd=tmp_path)
        assert told.code == 6, told
        assert "bob:***@127.0.0.1:1/led" in told.err
        assert HUSH not in told.err


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "nothing", "long", "circle"])
def test_what_is_no_file_has_its_own_words(tmp_path: Path, kind: str) -> None:
    path, code, says = tmp_path / "x", 2, kind
    commands: list[tuple[str, ...]] = [("status",), ("record", "open-account", "--account", "a")]
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/null")
    elif kind == "nothing":
        code, says = 3, "no ledger at"
    elif kind == "long":
        path, says = tmp_path / ("x" * 5000), "file name too long"
    else:
        path.symlink_to(path)
        says = "symbolic links"
    for words in commands:
        told = tally(*words, "--ledger", path)
        assert told.code == code, told
        assert says in told.err
        assert "damaged" not in told.err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small file system, where that is allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        [MOUNT, "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run([UMOUNT, "-l", folder], check=False)


def remount(folder: Path, mode: str) -> None:
    subprocess.run([MOUNT, "-o", f"remount,{mode}", folder], check=True)


@pytest.mark.parametrize("left", ["nothing", "a WAL", "a WAL and its index"])
def test_a_read_only_place_can_be_read(small_disk: Path, tmp_path: Path, left: str) -> None:
    world = World(tmp_path / "t.db")
    world.done("record", "open-account", "--account", "a-1")
    keeper = sqlite3.connect(world.path)
    if left == "nothing":
        keeper.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    keeper.execute("SELECT COUNT(*) FROM stored_events").fetchone()
    world.done("record", "open-account", "--account", "a-2")
    if left == "nothing":
        keeper.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ends = {"nothing": [""], "a WAL": ["", "-wal"]}.get(left, ["", "-wal", "-shm"])
    for end in ends:
        shutil.copy(f"{world.path}{end}", small_disk)
    keeper.close()
    remount(small_disk, "ro")
    there = World.at(small_disk / "t.db")
    assert [row["account"] for row in there.rows("balances")] == ["a-1", "a-2"]
    reading: list[tuple[str, ...]] = [
        ("state", "a-2"), ("log",), ("verify",), ("status",), ("instances",),
        ("report", "trial-balance"), ("why", "a-2.cash"),
    ]  # fmt: skip
    for words in reading:
        told = there.run(*words)
        assert told.code == 0, (words, told)
    world.done("keys", "new")
    key = str(world.path.with_suffix(".key"))
    writing: list[tuple[str, ...]] = [
        ("record", "open-account", "--account", "z"), ("clock", "advance", "1d"),
        ("seal", "--key", key),
    ]  # fmt: skip
    for words in writing:
        told = there.run(*words)
        assert told.code == 6, (words, told)
        assert "is read-only" in told.err
        assert "damaged" not in told.err


# Whatever writes anything: on a full disk each is one line and exit 6, and leaves nothing.
FULL: list[tuple[str, ...]] = [
    ("record", "open-account", "--account", "a-2"), ("keys", "rotate"),
    ("keys", "new", "--key", "{}/n.key", "--policy", "{}/n.policy"),
    ("seal", "-o", "{}/c", "--key", "{}/t.key"), ("columns", "build"),
    ("export", "--format", "beancount", "-o", "{}/books"),
    ("export", "--format", "parquet", "-o", "{}/e.parquet"),
    ("export", "--format", "events", "-o", "/dev/full"),
    ("pack", "--period", "2025-01", "-o", "{}/p.zip"),
    ("prove", "1", "-o", "{}/1.proof"), ("tiles", "{}/tiles"),
    ("witness", "{}/c1", "--key", "{}/w.key", "-o", "{}/w"),
    ("report", "trial-balance", "--csv", "-o", "{}/tb.csv"),
    ("report", "timeline", "a-1", "--html", "-o", "{}/page.html"),
    ("backup", "{}/b.db"), ("copy", "{}/t.db", "{}/copy.db"), ("init", "--ledger", "{}/new.db"),
    ("projections", "rebuild"), ("close", "2025-01", "--actor", "x"),
]  # fmt: skip


def fill(disk: Path) -> None:
    """Leave no room on a disk."""
    with suppress(OSError), (disk / "filler").open("ab", buffering=0) as filler:
        while filler.write(b"x" * 4096):
            pass


def test_a_full_disk_says_so_and_looking_goes_on(small_disk: Path) -> None:
    world = World(small_disk / "t.db")
    world.done("record", "open-account", "--account", "a-1")
    top_up = ("--account", "a-1", "--amount", "5", "--channel", "bank", "--serial", "1")
    world.done("record", "top-up", *top_up)
    world.done("clock", "advance", "--to", "2025-02-02")
    world.done("keys", "new")
    world.done("seal", "-o", small_disk / "c1")
    world.done("keys", "new", "--witness", "--name", "a.example/x", "--key", small_disk / "w.key")
    fill(small_disk)
    before = {path.name for path in small_disk.iterdir()}
    head = world.json("status")["head"]
    for words in FULL:
        given = [word.replace("{}", str(small_disk)) for word in words]
        fill(small_disk)  # what the previous command has freed
        told = tally(*given) if words[0] in {"copy", "init"} else world.run(*given)
        assert told.code == 6, (words, told)
        assert told.err.startswith("error: no room to write "), (words, told)
        assert told.err.count("\n") == 1, (words, told)
        assert {path.name for path in small_disk.iterdir()} <= before | {"t.db-wal", "t.db-shm"}
        assert world.done("state", "a-1")
    told = world.run("seal", "--key", small_disk / "no.key", "--json")
    assert told.code == 3
    (small_disk / "filler").unlink()
    assert world.json("verify")["events"] == head
    for words in FULL:
        given = [word.replace("{}", str(small_disk)) for word in words if word != "/dev/full"]
        if words[0] not in {"record", "keys", "export", "witness"}:
            told = tally(*given) if words[0] in {"copy", "init"} else world.run(*given)
            assert told.code == 0, (words, told)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_file_that_may_not_be_read_is_not_damaged(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    world.path.chmod(0o600)
    for folder in [*[*tmp_path.parents][:3], tmp_path]:
        folder.chmod(folder.stat().st_mode | 0o055)
    program = (
        "import os, sys; sys.argv[0] = 'x'; from cli.main import main; "
        "import cli.commands.status, ledger.rehearsal, projections.runner, ledger.application; "
        "os.setgid(65534); os.setuid(65534); main()"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, "status", "--ledger", str(world.path)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert told.returncode == 6, told
    assert "cannot be read" in told.stderr


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    for words in ("--help", "schema command", "log", "state --help", "status"):
        running = subprocess.Popen(
            [*COMMAND, *shlex.split(words), "--ledger", world.path],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
        )  # fmt: skip
        assert running.stdout is not None
        running.stdout.close()  # before anything is written
        assert running.stderr is not None
        with running.stderr as told:
            assert told.read() == b"", words
        assert running.wait() == 0, words


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    told = tally_process("status", cwd=tmp_path, TALLY_LEDGER="")
    assert told.code == 3
    assert "'./tally.db'" in told.err
