"""The program as a whole: what it loads, colours, completion, its first page, the demo."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from cli.listing import COMMANDS, GROUPS
from cli.main import tally as program
from tests.cli.program import COMMAND, ROOT, World, environment, tally, tally_process

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAVY = ("eventsourcing", "rich", "duckdb", "pyarrow", "textual", "asyncio", "cryptography")
LOADED = """
import atexit, sys
sys.argv = {argv!r}
atexit.register(lambda: sys.stderr.write("\\n".join(sorted(sys.modules))))
from cli.main import main
main()
"""


# What a look at one account can do without, outside closed periods.
BESIDE = {
    "projections.history.diff", "projections.history.restated", "projections.history.walk",
    "projections.journal", "projections.columns.asking", "projections.runner",
    "projections.reconciliation", "ledger.application", "ledger.commands", "copy",
}  # fmt: skip


def modules(*arguments: object) -> set[str]:
    """The modules that a run of the program has imported at its end."""
    script = LOADED.format(argv=["tally", *map(str, arguments)])
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=True, env=environment(),
    )  # fmt: skip
    return set(done.stderr.split())


def loaded(*arguments: object) -> set[str]:
    """The packages of these modules."""
    return {name.partition(".")[0] for name in modules(*arguments)}


@pytest.mark.parametrize(
    "arguments",
    ["--help", "state a-1", "state a-1 --as-of 2025-01-08 --json", "balances", "log", "show 12",
     "instances", "status", "clock show", "replay --compare"],
)  # fmt: skip
def test_a_look_loads_nothing_heavy(looked_at: World, arguments: str) -> None:
    ledger = () if arguments == "--help" else ("--ledger", looked_at.path)
    assert not loaded(*arguments.split(), *ledger) & set(HEAVY)


def test_one_account_is_looked_at_with_little(looked_at: World) -> None:
    found = modules("state", "a-1", "--ledger", looked_at.path)
    assert "projections.view" in found
    assert not found & BESIDE


def test_the_collector_leaves_alone_what_is_loaded_and_works_for_the_rest() -> None:
    script = (
        "import gc, sys; sys.argv = ['tally']; import cli; before = gc.isenabled(); "
        "cli.begin_collecting(); print(before, gc.isenabled(), gc.get_freeze_count() > 1000)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          check=True, env=environment())  # fmt: skip
    assert done.stdout.split() == ["False", "True", "True"]
    worker = f"import multiprocessing; {script}"
    done = subprocess.run([sys.executable, "-c", worker], capture_output=True, text=True,
                          check=True, env=environment())  # fmt: skip
    assert done.stdout.split() == ["True", "True", "False"]


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
    assert own.json("demo", code=2)["hint"].startswith("choose another path")
    assert own.json("demo", "--force", code=2)
    assert own.json("status") == before

    demo = World.at(tmp_path / "demo.db")
    made = demo.json("demo")
    assert made["equal"] is True
    assert made["ledger"] == str(demo.path)
    assert demo.json("demo", code=2)["hint"] == "add --force to build it again"
    assert demo.json("replay", "--compare")["events"] == made["events"]


# One spelling that means two things, because docs/INTERFACE.md and the rules give it both.
TWO_MEANINGS = {
    "--at": "a reading point, and the instant of a command (INTERFACE 2 and 3)",
    "--coupon": "the coupon of an order, and what a backtest changes of a coupon",
    "--from": "the beginning of a span, and the vendor of an import (INTERFACE 4 and 6)",
    "--to": "an instant, and where notices go (INTERFACE 3)",
    "--since": "a checkpoint (INTERFACE 5), and a position (R67)",
    "--key": "a private key, and the field of set-policy (INTERFACE 3)",
    "--parquet": "a file of rows, and the form of an export that -o names",
    "--seal": "sign a checkpoint, and the older form of close (INTERFACE 3)",
    "--token": "the token of a command (R28), and what tally serve asks of a browser",
}


def walked(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """A command and all beneath it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from walked(inner, f"{path} {name}")


def test_every_command_has_help_with_examples_first() -> None:
    """In 80 columns, and no short help is cut off."""
    for path, command in walked(program, "tally"):
        told = tally(*path.split()[1:], "--help")
        assert (told.code, told.err) == (0, ""), path
        lines = told.out.splitlines()
        assert max(map(len, lines)) <= 80, path
        assert not [line for line in lines[1:] if line.endswith("...")], path
        if command is not program:
            assert "Example" in told.out, path
            assert told.out.index("Example") < told.out.index("Options:"), path


def test_an_option_takes_the_same_thing_everywhere() -> None:
    takes: dict[str, dict[str, str]] = {}
    for path, command in walked(program, "tally"):
        for option in command.params:
            if isinstance(option, click.Option) and option.opts[0].startswith("--"):
                kind = "nothing" if option.is_flag else option.metavar or option.type.name
                takes.setdefault(option.opts[0], {})[kind] = path
    loose = {"text", "choice", "integer", "T", "A,B"}  # a field of record has no more to say
    several = {name for name, kinds in takes.items() if len(set(kinds) - loose) > 1}
    assert set(TWO_MEANINGS) <= set(takes)
    assert several <= set(TWO_MEANINGS), {name: takes[name] for name in several}


def test_accounts_come_first(looked_at: World) -> None:
    same: dict[tuple[str, ...], list[tuple[str, ...]]] = {
        ("trace", "a-1", "cash"): [("trace", "cash", "a-1"), ("trace", "a-1", "--expr", "cash")],
        ("bisect", "a-1", "overdue"): [("bisect", "a-1", "--expr", "overdue"),
                                       ("bisect", "overdue", "a-1")],
        ("diff", "a-1", "2025-01-05", "2025-01-08"): [("diff", "2025-01-05", "2025-01-08", "a-1")],
        ("whatif", "a-1", "--skip", "9"): [("whatif", "--skip", "9", "--account", "a-1")],
    }  # fmt: skip
    for first, others in same.items():
        answer = looked_at.json(*first)
        assert all(looked_at.json(*other) == answer for other in others)
    for wrong in (("trace", "a-1"), ("trace", "a-1", "cash", "--expr", "cash")):
        assert "write them like a-1" in looked_at.done(*wrong, code=2).err
    assert "did you mean a-1" in looked_at.done("trace", "a1", "cash", code=3).err


def test_an_older_name_of_an_option_is_read_and_not_shown(looked_at: World) -> None:
    told = looked_at.done("verify", "--policy", "nowhere", code=3).err
    assert told == looked_at.done("verify", "--trust", "nowhere", code=3).err
    assert "--policy" not in tally("verify", "--help").out
