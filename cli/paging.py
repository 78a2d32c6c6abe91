"""A pager for pages that are longer than the terminal: PAGER, else less; never for a program.

Invariant: what fits is written as it is, and what goes to a pipe or a file never passes here.
"""

from __future__ import annotations

import io
import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

VARIABLE: Final = "PAGER"
# Commands that show and end; those that ask, follow or write are not among them.
PAGED: Final = frozenset((
    "backtest", "balances", "bisect", "blame", "breaks", "check", "diff", "forecast", "help",
    "instances", "last", "log", "lots", "periods", "recheck", "reconcile", "report", "show",
    "sql", "state", "trace", "whatif", "why", "why-not",
))  # fmt: skip
_OFF: Final = "tally.no_pager"  # of click's context: --no-pager before the command


def switch_off(ctx: click.Context) -> None:
    """Keep that --no-pager was given."""
    ctx.meta[_OFF] = True


def pager() -> list[str] | None:
    """Return the program that pages, with its arguments; None where there is none."""
    if os.environ.get("TERM") == "dumb":
        return None
    with suppress(ValueError):  # a quotation that is not closed
        words = shlex.split(os.environ.get(VARIABLE, "less"))
        if words and words != ["cat"] and shutil.which(words[0]) is not None:
            return words
    return None


@contextmanager
def paged(ctx: click.Context, options: dict[str, Any], *, human: bool) -> Iterator[None]:
    """Show what the body writes through the pager, where a person reads it on a terminal."""
    words = ctx.command_path.split()
    shows = human and words[1:2] and words[1] in PAGED and not ctx.meta.get(_OFF)
    asks = options.get("follow") or options.get("shell")
    program = pager() if shows and not asks and sys.stdout.isatty() else None
    if program is None:
        yield
        return
    screen = _Screen(sys.stdout, program, shutil.get_terminal_size().lines)
    with redirect_stdout(screen):
        try:
            yield
        finally:
            screen.finish()


class _Screen(io.TextIOBase):
    """Holds the first lines; when they are more than a screen, everything goes to the pager."""

    def __init__(self, out: TextIO, program: list[str], lines: int) -> None:
        """Write to a terminal of this height."""
        self._out = out
        self._program = program
        self._room = lines - 1  # the prompt that follows takes one
        self._held: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """As the terminal's."""
        return self._out.encoding

    @property
    def buffer(self) -> Any:
        """The terminal itself: bytes are not paged."""
        return self._out.buffer

    def isatty(self) -> bool:
        """A person reads it, in colour."""
        return True

    def fileno(self) -> int:
        """As the terminal's."""
        return self._out.fileno()

    def write(self, text: str) -> int:
        """Write a piece."""
        if self._process is not None:
            assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
            self._process.stdin.write(text)
            return len(text)
        self._held.append(text)
        self._room -= text.count("\n")
        if self._room < 0:
            self._start()
        return len(text)

    def _start(self) -> None:
        settings = {"LESS": "FRX", **os.environ}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the pager that the person chose
                self._program, stdin=subprocess.PIPE, env=settings, text=True, encoding="utf-8"
            )
        except OSError:  # it went away, or cannot be run
            self._room = sys.maxsize
            return
        held, self._held = self._held, []
        self.write("".join(held))

    def finish(self) -> None:
        """Write what was held, or wait until the person has left the pager."""
        if self._process is None:
            self._out.write("".join(self._held))
            self._out.flush()
            return
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the pager answers it
        try:
            with suppress(BrokenPipeError):
                assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
                self._process.stdin.close()
            self._process.wait()
        finally:
            signal.signal(signal.SIGINT, before)
