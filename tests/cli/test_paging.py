"""What is longer than a terminal goes through the pager; nothing else does."""

from __future__ import annotations

import os
import pty
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.program import COMMAND, World, environment, tally_process


def on_a_terminal(*arguments: object, **more: str) -> str:
    """What a command prints on a terminal of 24 lines."""
    leader, follower = pty.openpty()
    settings = {**environment(), "TERM": "xterm", "LINES": "24", **more}
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=follower, stdout=follower, stderr=follower, env=settings,
    ) as process:  # fmt: skip
        os.close(follower)
        parts = []
        with suppress(OSError):  # what a terminal says at its end
            while part := os.read(leader, 65536):
                parts.append(part)
        assert process.wait(30) == 0
    os.close(leader)
    return b"".join(parts).decode().replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("arguments", "is_paged"),
    [
        (("log",), True), (("help", "import"), True), (("log", "-n", "3"), False),
        (("--no-pager", "log"), False), (("log", "--ndjson"), False), (("state", "a-1"), False),
    ],
)  # fmt: skip
def test_what_is_longer_than_the_terminal_is_paged(
    looked_at: World, tmp_path: Path, arguments: tuple[str, ...], is_paged: bool
) -> None:
    seen, ledger = tmp_path / "seen", {"TALLY_LEDGER": str(looked_at.path)}
    shown = on_a_terminal(*arguments, PAGER=f"sh -c 'cat > {seen}'", **ledger)
    assert seen.exists() is is_paged
    assert bool(shown) is not is_paged
    plain = tally_process(*arguments, cwd=None, **ledger).out
    assert (seen.read_text() if is_paged else shown) == plain


def test_a_pager_that_is_left_early_ends_the_command_well(looked_at: World) -> None:
    ledger = {"TALLY_LEDGER": str(looked_at.path)}
    assert on_a_terminal("log", PAGER="head -n 1", **ledger).startswith("@1 ")
    plain = tally_process("log", cwd=None, **ledger).out
    for none in ("nowhere-to-be-found", "cat", "'"):
        assert on_a_terminal("log", PAGER=none, **ledger) == plain
