"""Completion in the real shells: what is typed, a tab, and what then stands on the line."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.program import ROOT, World, environment, tally

if TYPE_CHECKING:
    from collections.abc import Callable

LINES = {
    "tally bala": "tally balances",
    "tally report statem": "tally report statement",
    "tally state ac": "tally state acme",
    "tally why acme.outst": "tally why acme.outstanding",
    "tally trace acme avai": "tally trace acme available",
    "tally log acme --instance i-": "tally log acme --instance i-77",
    "tally state acme --at tag:clo": "tally state acme --at tag:closing",
    "tally record cancel --account acme --instance i": (
        "tally record cancel --account acme --instance i-77"
    ),
    "tally record set-policy --key reten": "tally record set-policy --key retention",
    "tally verify-pack pac": "tally verify-pack pack.zip",
    "tally close 2025-": "tally close 2025-01",
    "tally balances --sort outs": "tally balances --sort outstanding",
}
# Ctrl-G writes the line as it stands and empties it; a prompt says that the shell waits.
SETUP = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        r"""bind 'set bell-style none'; source {script}
dump() {{ printf '%s\n' "$READLINE_LINE" >> {out}; READLINE_LINE=; READLINE_POINT=0; }}
bind -x '"\C-g": dump'""",
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        r"""unsetopt beep prompt_sp; autoload -Uz compinit; compinit -u -D; source {script}
dump() {{ print -r -- "$BUFFER" >> {out}; zle kill-buffer }}
zle -N dump; bindkey '^G' dump""",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ledger, a file, and a program called tally on the path."""
    made = tmp_path_factory.mktemp("shells")
    world = World(made / "tally.db")
    world.take(
        {"do": "set-price", "sku": "std", "monthly_price": "500"},
        {"do": "open-account", "account": "acme"},
        {"do": "open-account", "account": "zeta"},
        {"do": "top-up", "account": "acme", "amount": "900", "channel": "c", "serial": "1"},
        {"do": "purchase", "account": "acme", "instance": "i-77", "sku": "std", "months": 1},
    )
    world.done("tag", "add", "closing")
    bank = ROOT / "fixtures" / "statements" / "bank.xml"
    world.done("reconcile", bank, "--source", "camt053", "--record", code=1)
    (made / "pack.zip").touch()
    (made / "bin").mkdir()
    program = made / "bin" / "tally"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m cli.main "$@"\n')
    program.chmod(0o755)
    for shell in ("bash", "zsh", "fish"):
        (made / f"tally.{shell}").write_text(tally("completion", shell).out)
    return made


def in_a_shell(folder: Path, shell: str) -> dict[str, str]:
    """Type each line and a tab into a shell on a terminal; return what then stands there."""
    command, setup = SETUP[shell]
    out = folder / f"{shell}.out"
    leader, follower = pty.openpty()
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    settings = {**environment(), "PATH": path, "TERM": "xterm", "PS1": "> ", "HOME": str(folder)}
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, cwd=folder, env=settings,
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(follower)
        script = setup.format(script=folder / f"tally.{shell}", out=out)
        os.write(leader, f"{script}; touch {out}\n".replace("\n", "\r").encode())
        wait_for(leader, out.exists)
        for number, line in enumerate(LINES, 1):
            os.write(leader, f"{line}\t\x07".encode())
            wait_for(leader, partial(has_lines, out, number))
        process.kill()
    os.close(leader)
    return dict(zip(LINES, out.read_text().splitlines(), strict=True))


def has_lines(path: Path, count: int) -> bool:
    """Return whether a file has a number of lines."""
    return path.read_text().count("\n") == count


def wait_for(leader: int, done: Callable[[], bool]) -> None:
    """Read what the shell prints until something is so."""
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        if select.select([leader], [], [], 0.02)[0]:
            os.read(leader, 65536)


@pytest.mark.parametrize("shell", SETUP)
def test_a_shell_completes(folder: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    seen = in_a_shell(folder, shell)
    assert {line: there.rstrip() for line, there in seen.items()} == LINES


def offered(folder: Path, line: str) -> list[str]:
    """Ask the program, as the script of bash does, what could stand next on a line."""
    done = subprocess.run(
        [folder / "bin" / "tally"], capture_output=True, text=True, check=True, cwd=folder,
        env={**environment(), "COMP_WORDS": line, "_TALLY_COMPLETE": "bash_complete"},
    )  # fmt: skip
    return [part.partition(",")[2] for part in done.stdout.split()]


def test_breaks_their_lines_positions_and_periods_complete(folder: Path) -> None:
    found = World.at(folder / "tally.db").json("breaks", "list")["rows"]
    names = sorted(row["break"] for row in found)
    assert offered(folder, "tally breaks show ") == names
    [run, *_] = set(offered(folder, "tally breaks sign-off ")) - set(names)
    assert len(run) == 12
    lines = offered(folder, f"tally breaks match {names[0]} ")
    assert lines
    whole = World.at(folder / "tally.db").json("breaks", "show", names[0])
    assert lines == [one["name"] for one in (*whole["lines"], *whole["near"])]
    assert offered(folder, "tally breaks match none ") == []
    head = World.at(folder / "tally.db").json("status")["head"]
    assert offered(folder, "tally show ")[0] == str(head)
    assert len(offered(folder, "tally show @")) == min(head, 20)
    assert offered(folder, "tally pack --period ") == ["2025-01"]


def test_fish_completes(folder: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    asked = "\n".join(f"complete -C '{line}'" for line in LINES)
    done = subprocess.run(
        [str(shutil.which("fish")), "--no-config", "-c", f"source tally.fish\n{asked}"],
        capture_output=True, text=True, check=True, cwd=folder,
        env={**environment(), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
             "HOME": str(folder)},
    )  # fmt: skip
    offered = [line.partition("\t")[0] for line in done.stdout.splitlines()]
    assert offered == [line.rpartition(" ")[2] for line in LINES.values()]
