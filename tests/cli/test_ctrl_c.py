"""Ctrl-C at any moment from the program's first line to its last: 130, and at most one word.

What the interpreter does before that first line is its own: it says what it says.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.program import environment

# Sends the key to itself while a module is being looked for, the count of which is given.
AT_AN_IMPORT = """
import _signal, os, runpy, sys
class Key:
    left = int(sys.argv[1])
    def find_spec(self, name, path=None, target=None):
        Key.left -= "cli" in sys.modules
        if not Key.left:
            os.kill(os.getpid(), _signal.SIGINT)
sys.meta_path.insert(0, Key())
sys.argv[:] = ["tally", *sys.argv[2:]]
runpy.run_module("cli.main", run_name="__main__")
"""
# The same once the answer is printed, while the interpreter ends.
AT_THE_END = """
import _signal, atexit, os, runpy, sys
atexit.register(lambda: os.kill(os.getpid(), _signal.SIGINT))
sys.argv[:] = ["tally", *sys.argv[2:]]
runpy.run_module("cli.main", run_name="__main__")
"""


def interrupted(program: str, count: int, *words: str) -> tuple[int, str]:
    """Run the program with a key that comes of itself."""
    done = subprocess.run(
        [sys.executable, "-c", program, str(count), *words], capture_output=True, text=True,
        env=environment(), check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.parametrize("count", [1, 2, 3, 9, 20, 40, 60])
def test_while_it_is_loaded(count: int) -> None:
    assert interrupted(AT_AN_IMPORT, count, "status", "--ledger", "none.db") in (
        (130, ""), (130, "interrupted\n"), (130, "\ninterrupted\n"),
    )  # fmt: skip


@pytest.mark.parametrize(("words", "code"), [(("--version",), 0), (("no-such",), 2)])
def test_while_it_ends(words: tuple[str, ...], code: int) -> None:
    ended, said = interrupted(AT_THE_END, 0, *words)
    assert ended == code
    assert "Traceback" not in said
    assert "KeyboardInterrupt" not in said
