"""Every option and argument of every command takes hostile values: one clear line, no traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
import pytest

from cli.bootstrap import Session
from cli.main import tally as program
from tests.cli.program import World, small, tally

DIGITS: Final = "9" * 23
HOSTILE: Final = (
    "", " ", "-1", DIGITS, f"@{DIGITS}", "9" * 5000, f"-{DIGITS}d", "1e999", "NaN", "\uff11",
    "\u202ex\x1b[31m", "\udcff", "a" * 5000, "[" * 3000, "9999-12-31", "0001-01-01", "2025-02-30",
    ".", "/dev/null", "no/such/file", "binary", "nested", '{"do":' * 2000, "k=v", f"tag:{DIGITS}",
    "%s{0}$(x)", "account.cash", "head~" + DIGITS, "::", "PRIVATE+KEY+x+1+y",
)  # fmt: skip
# What a command needs before its other options are looked at.
NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "run": ("--once",), "notify": ("--once",), "init": ("--ledger", "n.db"),
    "serve": ("--port", "0", "--token", "t"),
}  # fmt: skip
GIVEN: Final = {
    "account": "a-1", "position": "3", "point": "@3", "a": "@1", "b": "@3", "path": "a-1.cash",
    "file": "binary", "period": "2025-01", "duration": "1d", "name": "x", "expr": "cash",
    "expression": "cash", "words": "renew", "origin": "t.db", "target": "c.db", "folder": "f",
    "checkpoint": "binary", "query": "SELECT 1", "command": "renew", "break_id": "x",
    "text": "overdue", "form": "hledger", "source": "csv", "to": "2025-06-01",
    "cycle_start": "2025-01-01", "cycle_end": "2025-01-02",
}  # fmt: skip
# Most commands of record share their readers: a few take every value, the others each tenth.
RECORDED: Final = {"record top-up", "record record-usage", "record renew", "record set-policy"}
# Few commands are tried with a hostile place of the ledger: all share one reader of it.
LEDGERS: Final = {"status", "init", "record top-up", "serve"}


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> dict[str, click.Command]:
    """Return every command that is not a group, by its words."""
    if not isinstance(command, click.Group):
        return {" ".join(path): command}
    context = click.Context(command)
    found: dict[str, click.Command] = {}
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        found |= leaves(inner, (*path, name))
    return found


COMMANDS: Final = leaves(program)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Make a ledger with a little of everything, and files of the kinds that are named."""
    folder = tmp_path_factory.mktemp("hostile")
    made = small(folder / "t.db")
    made.done("keys", "new")
    made.done("seal", "-o", folder / "checkpoint")
    (folder / "binary").write_bytes(b"\xff\xfe\x00\x01" * 100)
    (folder / "nested").write_text("[" * 100_000)
    return made


def _arguments(command: click.Command, tried: click.Parameter, value: str) -> list[str]:
    words, needed = [], []
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.required and parameter is not tried:
            needed += [parameter.opts[0], GIVEN.get(parameter.name or "", "1")]
        if isinstance(parameter, click.Argument):
            given = value if parameter is tried else GIVEN.get(parameter.name or "", "x")
            if parameter.required or parameter is tried:
                words.append(given)
    if isinstance(tried, click.Option):
        return [*needed, tried.opts[0], *[value] * tried.nargs, "--", *words]
    return [*needed, "--", *words]


@pytest.mark.parametrize("name", COMMANDS)
def test_no_value_ends_in_a_traceback(
    world: World, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = COMMANDS[name]
    if name == "serve":  # whatever it is told, it comes to listening or does not
        uvicorn = pytest.importorskip("uvicorn", reason="the extra 'serve' is not installed")
        monkeypatch.setattr(uvicorn.Server, "run", lambda _, sockets: sockets[0].close())
        monkeypatch.setattr(Session, "may_write", Session.may_write)  # serving ends it for good
    first = name.split(maxsplit=1)[0]
    for place, parameter in enumerate(command.params):
        if getattr(parameter, "is_flag", False):
            continue
        if parameter.name == "ledger" and name not in LEDGERS:
            continue
        for number, value in enumerate(HOSTILE):
            few = name.startswith("record ") and name not in RECORDED
            if (place + number) % (10 if few else 3) and (few or len(value) < 1000):
                continue  # each option takes a third of them, each command all of them
            if parameter.type.name == "output" and value in {"binary", "nested", ""}:
                continue
            needs = [] if parameter.opts[0] in NEEDS.get(first, ()) else NEEDS.get(first, ())
            given = "--ledger" in needs or parameter.name == "ledger"
            ledger = [] if given else ["--ledger", str(world.path)]
            words = [*name.split(), *needs, *ledger, *_arguments(command, parameter, value)]
            told = tally(*words, cwd=world.path.parent)
            assert told.code in range(7), (words, told)
            assert "Traceback" not in told.err
            assert len(told.err) < 4000, (words[:3], "what is quoted is not cut")
            assert told.code in {0, 1} or told.err.count("\n") <= 3, (words, told)
    assert tally("status", "--ledger", world.path, cwd=tmp_path).code == 0
