"""The program as a whole: what it loads, colours, completion, its first page, the demo."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from cli.listing import COMMANDS, GROUPS
from tests.cli.program import COMMAND, ROOT, World, environment, tally, tally_process

HEAVY = ("eventsourcing", "rich", "duckdb", "pyarrow", "textual", "asyncio", "cryptography")
LOADED = """
import atexit, sys
sys.argv = {argv!r}
atexit.register(lambda: sys.stderr.write("\\n".join(sorted(sys.modules))))
from cli.main import main
main()
"""


def loaded(*arguments: object) -> set[str]:
    """The packages that a run of the program has imported at its end."""
    script = LOADED.format(argv=["tally", *map(str, arguments)])
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=True, env=environment(),
    )  # fmt: skip
    return {name.partition(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize(
    "arguments",
    ["--help", "state a-1", "state a-1 --as-of 2025-01-08 --json", "balances", "log", "show 12",
     "instances", "status", "clock show", "replay --compare"],
)  # fmt: skip
def test_a_look_loads_nothing_heavy(looked_at: World, arguments: str) -> None:
    ledger = () if arguments == "--help" else ("--ledger", looked_at.path)
    assert not loaded(*arguments.split(), *ledger) & set(HEAVY)


def test_help_loads_no_command() -> None:
    assert not loaded("--help") & {"msgspec", "sqlite3", "projections"}


def test_the_first_page_names_every_command() -> None:
    told = tally("--help")
    assert (told.code, told.err) == (0, "")
    for name, (_, about) in COMMANDS.items():
        assert name in told.out
        assert about in told.out
    assert "tally demo" in told.out
    alone = tally()
    assert (alone.code, alone.out, alone.err) == (2, "", told.out)
    assert tally("-h").out == told.out


def test_commands_are_listed_by_what_they_are_for() -> None:
    shown = [line[:-1] for line in tally("--help").out.splitlines() if line[:1] not in ("", " ")]
    assert shown[2:] == list(GROUPS)
    assert sum(map(len, GROUPS.values())) == len(COMMANDS)
    assert {name for name, _ in COMMANDS.values()} == {
        path.stem for path in (ROOT / "cli" / "commands").glob("[!_]*.py")
    }


def test_help_by_name_is_the_help_of_the_command() -> None:
    for words in ((), ("state",), ("record",), ("record", "top-up"), ("clock", "advance")):
        assert tally("help", *words) == tally(*words, "--help")
    assert tally("help", "state", "a-1").err == (
        "error: tally state has no commands of its own; see: tally state --help\n"
    )


def test_the_version() -> None:
    told = tally("--version")
    assert told.code == 0
    assert told.out.startswith("tally")


def on_a_terminal(world: World, **more: str) -> str:
    """What `tally state` prints on a terminal."""
    settings = {name: text for name, text in environment().items() if name != "NO_COLOR"}
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "state", "a-1", "--ledger", str(world.path)],
        stdout=follower, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**settings, "TERM": "xterm", **more},
    ) as process:  # fmt: skip
        os.close(follower)
        parts = []
        while True:
            try:
                part = os.read(leader, 4096)
            except OSError:
                break
            if not part:
                break
            parts.append(part)
        assert process.wait(20) == 0
    os.close(leader)
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_colour_only_on_a_terminal_and_not_with_no_color(looked_at: World) -> None:
    plain = tally_process("state", "a-1", "--ledger", looked_at.path, NO_COLOR="").out
    assert "\x1b" not in plain
    assert "\x1b[1m" in on_a_terminal(looked_at)
    assert on_a_terminal(looked_at, NO_COLOR="1") == plain
    assert on_a_terminal(looked_at, TERM="dumb") == plain


def complete(words: str, place: int, **more: str) -> list[str]:
    """What bash is offered."""
    done = tally_process(
        cwd=None, _TALLY_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(place), **more
    )
    assert done.code == 0, done
    return [line.partition(",")[2] for line in done.out.splitlines() if line]


def test_completion(looked_at: World) -> None:
    ledger = {"TALLY_LEDGER": str(looked_at.path)}
    assert sorted(complete("tally st", 1)) == ["state", "status"]
    assert complete("tally state a", 2, **ledger) == ["a-1", "a-2"]
    assert complete(f"tally state --ledger {looked_at.path} a", 4) == ["a-1", "a-2"]
    assert complete("tally state a", 2, TALLY_LEDGER="/nowhere") == []
    assert complete("tally log --type Overdue", 3, **ledger) == [
        "OverdueStarted", "OverdueReanchored", "OverdueCleared",
    ]  # fmt: skip
    assert "top-up" in complete("tally record t", 2)
    assert complete("tally projections rebuild bal", 3) == ["balances"]
    assert complete("tally schema bal", 2) == ["balances"]
    assert complete("tally record top-up --account a-", 4, **ledger) == ["a-1", "a-2"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(shell: str) -> None:
    told = tally("completion", shell)
    assert told.code == 0
    assert "_TALLY_COMPLETE" in told.out


def test_the_demo_is_made_where_one_stands_and_spares_what_is_none(tmp_path: Path) -> None:
    own = World(tmp_path / "own.db")
    before = own.json("status")
    assert own.json("demo", code=2)["hint"].startswith("choose another place")
    assert own.json("demo", "--force", code=2)
    assert own.json("status") == before

    demo = World.at(tmp_path / "demo.db")
    made = demo.json("demo")
    assert made["equal"] is True
    assert made["ledger"] == str(demo.path)
    assert demo.json("demo", code=2)["hint"] == "add --force to make it anew"
    assert demo.json("replay", "--compare")["events"] == made["events"]
