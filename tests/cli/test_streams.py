"""stdin, stdout and stderr as they come: slow pipes, full disks, closed ends, other encodings."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from threading import Timer
from typing import IO

import click
import pytest

from cli.commands.record import options_of
from ledger import commands as c
from tests.cli.program import COMMAND, START, World, environment, lines, tally_process

LOOK = "status"
NO_TEXT = b"a-\xff"


def shell(script: str, world: World, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in which `tally` is the program and the ledger is the world's."""
    tally = f"tally() {{ {' '.join(COMMAND)} \"$@\"; }}; set -o pipefail; "
    return subprocess.run(
        ["/bin/bash", "-c", tally + script],
        capture_output=True, check=False, timeout=60,
        env={**environment(), "TALLY_LEDGER": str(world.path), **more},
    )  # fmt: skip


def line_of(stream: IO[str] | None) -> str:
    """The next line, as soon as it is there."""
    assert stream is not None
    return stream.readline()


def test_what_is_followed_comes_at_once_even_when_the_clock_moves_on(world: World) -> None:
    with subprocess.Popen(
        [*COMMAND, "log", "--follow", "-n", "1", "--ndjson", "--ledger", str(world.path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True,
    ) as process:  # fmt: skip
        watchdog = Timer(30, process.kill)
        watchdog.start()
        last = json.loads(line_of(process.stdout))
        assert last["position"] == world.json("status")["head"]
        for days, account in ((1, "b-1"), (40, "b-2")):
            world.done("clock", "advance", f"{days}d")
            world.done("record", "open-account", "--account", account)
            assert json.loads(line_of(process.stdout))["account"] == account
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        watchdog.cancel()


def test_the_results_of_an_import_do_not_wait_for_the_next_line(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    with subprocess.Popen(
        [*COMMAND, "import", "-", "--ndjson", "--ledger", str(world.path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True,
    ) as process:  # fmt: skip
        watchdog = Timer(30, process.kill)
        watchdog.start()
        assert process.stdin is not None
        whole = lines({"at": START, "do": "open-account", "account": "a-1"})
        process.stdin.write(whole + whole[:20])  # and a line that is not there yet
        process.stdin.flush()
        assert json.loads(line_of(process.stdout))["line"] == 1
        process.stdin.write(whole[20:].replace("a-1", "a-2"))
        process.stdin.close()
        assert json.loads(line_of(process.stdout))["line"] == 2
        assert process.wait(20) == 0
        watchdog.cancel()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "command", [LOOK, "state a-1 --json", "log --ndjson", "balances --csv", "--help", "show 99"]
)
def test_a_full_disk_behind_stdout(looked_at: World, command: str) -> None:
    done = shell(f"tally {command} > /dev/full", looked_at)
    assert done.stderr.startswith(b"error: ")
    assert done.stderr.count(b"\n") == 1
    assert done.returncode == (3 if command == "show 99" else 6)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_an_error_in_json_that_cannot_be_written_is_said_on_stderr(looked_at: World) -> None:
    done = shell("tally show 99 --json > /dev/full", looked_at)
    assert (done.returncode, done.stderr.count(b"\n")) == (3, 1)
    assert done.stderr.startswith(b"error: ")


@pytest.mark.parametrize("end", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_ends_that_the_caller_closed(looked_at: World, end: str) -> None:
    done = shell(f"tally {LOOK} {end}", looked_at)
    assert (done.returncode, done.stderr) == (0, b"")
    assert bool(done.stdout) is (">&-" not in end.replace("2>&-", ""))


def test_an_import_from_a_closed_stdin_is_an_empty_one(world: World) -> None:
    done = shell("tally import - <&-", world)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"0 commands")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_utf_8_is_written_whatever_the_locale(looked_at: World, encoding: str) -> None:
    for command in ("state a-1", "log --graph", "state é"):
        wanted = shell(f"tally {command}", looked_at)
        done = shell(f"tally {command}", looked_at, PYTHONIOENCODING=encoding)
        assert (done.returncode, done.stdout, done.stderr) == (
            wanted.returncode, wanted.stdout, wanted.stderr,
        )  # fmt: skip


@pytest.mark.parametrize("before", ["state", "log", "record open-account --account", "schema"])
def test_bytes_that_are_no_text(looked_at: World, before: str) -> None:
    done = subprocess.run(
        [*COMMAND, *before.split(), NO_TEXT, "--ledger", str(looked_at.path)],
        capture_output=True, check=False, env=environment(),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"error: 'a-\\udcff' is not UTF-8 text; see: tally --help\n"


@pytest.mark.parametrize("rows", ["log", "log --ndjson", "log --csv"])
def test_a_reader_that_leaves_early_is_no_error(world: World, rows: str) -> None:
    opened = ({"do": "open-account", "account": f"c-{number}"} for number in range(2000))
    world.done("import", "-", stdin=lines(*opened))  # more than a pipe holds
    done = shell(f"tally {rows} | head -n 1", world)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1


def test_a_clock_is_not_moved_to_where_no_calendar_reaches(world: World) -> None:
    before = world.json("clock", "show")
    for duration in ("99999999999d", "2600000d", f"{'9' * 30}d"):
        told = world.json("clock", "advance", duration, code=2)
        assert "1970 to 8999" in told["message"]
    assert world.json("clock", "show") == before


@pytest.mark.parametrize("name", c.COMMANDS)
def test_every_option_of_every_command_says_what_it_means(name: str) -> None:
    for option in options_of(c.COMMANDS[name]):
        assert isinstance(option, click.Option)
        assert option.help, (name, option.name)
    assert tally_process("record", name, "--help").code == 0
