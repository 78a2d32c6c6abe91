"""The line debugger on a terminal: Ctrl-C, and the lines that it remembers."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
from pathlib import Path

from tests.cli.program import COMMAND, environment, small

CTRL_C, UP = b"\x03", b"\x10"


def typed(folder: Path, *lines: bytes) -> bytes:
    """Type lines, each when the debugger asks for one; return what it showed."""
    mine, theirs = pty.openpty()
    settings = {**environment(), "TERM": "dumb", "XDG_STATE_HOME": str(folder / "state")}
    shown = b""
    with subprocess.Popen(
        [*COMMAND, "debug", "a-1", "--ledger", str(folder / "t.db")],
        stdin=theirs, stdout=theirs, stderr=theirs, env=settings,
    ) as process:  # fmt: skip
        os.close(theirs)
        for line in lines:
            asked = b""
            while not asked.rstrip().endswith(b"%)"):
                assert select.select([mine], [], [], 60)[0], asked
                asked += os.read(mine, 65536)
            shown += asked
            if line == CTRL_C:
                # One that comes between the prompt and the wait for a key is seen at the next key.
                process.send_signal(signal.SIGINT)
                while not select.select([mine], [], [], 2)[0]:
                    process.send_signal(signal.SIGINT)
            else:
                os.write(mine, line + b"\r")
        assert process.wait(30) == 0
        shown += os.read(mine, 65536)
    os.close(mine)
    return shown


def test_ctrl_c_drops_the_line_and_typed_lines_are_kept(tmp_path: Path) -> None:
    small(tmp_path / "t.db")
    first = typed(tmp_path, CTRL_C, b"p currency", b"q")
    assert b"currency = -" in first
    kept = tmp_path / "state" / "tally" / "debug"
    assert kept.read_text().splitlines() == ["p currency", "q"]
    assert kept.stat().st_mode & 0o077 == 0
    assert b"currency = -" in typed(tmp_path, UP * 2, b"q")
