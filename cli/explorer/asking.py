"""Asks the program itself: the bytes of ``tally NAME ARGUMENTS --json``, in this process.

Invariant: only commands that read are known here, and none of their options that write or wait.
Questions run beside each other, each printing into a buffer of its own thread. This module must
not know a page.
"""

from __future__ import annotations

import io
import json
import sys
import threading
from contextlib import contextmanager
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final

import click

from cli.bootstrap import Session
from cli.main import tally
from cli.options import json_line
from projections.answers.results import ErrorShown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Json = dict[str, Any]
# What may be asked; a group is named with its command.
READING: Final = (
    "balances", "bisect", "blame", "breaks list", "breaks show", "diff", "instances", "last",
    "log", "lots", "periods", "projections status", "prove", "report coupons", "report deferred",
    "report lots", "report overdue", "report reconciliation", "report restatements",
    "report rollforward", "report statement", "report timeline", "report trial-balance", "show",
    "sql", "state", "status", "tag list", "trace", "verify", "why", "why-not",
)  # fmt: skip
# Options that write, wait, or lead elsewhere.
_CLOSED: Final = frozenset((
    "ledger", "as_json", "as_ndjson", "as_csv", "as_html", "file", "shell", "follow", "engine",
    "workers", "cluster", "key_place", "policy_place", "memory", "timeout",
    "consistency", "since",
))  # fmt: skip
SQL_SECONDS: Final = 15
ANSWER_MAX: Final = 64 << 20  # bytes; what is longer is for a file
_AT_ONCE: Final = threading.BoundedSemaphore(4)  # each may take what a command takes


class Reply:
    """What a command printed, and its exit code."""

    def __init__(self, code: int, body: bytes) -> None:
        """Keep both."""
        self.code = code
        self.body = body

    @cached_property
    def json(self) -> Json:
        """The object that it printed."""
        found: Json = json.loads(self.body)
        return found


@cache
def options_of(name: str) -> dict[str, tuple[str, bool]] | None:
    """Return what may be given to a command: parameter -> (option, is it a flag); None if not it.

    A command that this version does not have is not there either.
    """
    if name not in READING:
        return None
    context = click.Context(tally)
    command: click.Command | None = tally
    for word in name.split():
        group = command
        command = group.get_command(context, word) if isinstance(group, click.Group) else None
    if command is None:
        return None
    return {
        parameter.name: (max(parameter.opts, key=len), bool(getattr(parameter, "is_flag", False)))
        for parameter in command.params
        if isinstance(parameter, click.Option) and parameter.name
        and parameter.name not in _CLOSED and not _writes(parameter)
    }  # fmt: skip


def _writes(parameter: click.Parameter) -> bool:
    return parameter.type.name == "output"


def words_of(
    name: str, arguments: Sequence[str], given: Iterable[tuple[str, str]]
) -> list[str] | str:
    """Return the words of a command line, or what is wrong with the question."""
    known = options_of(name)
    if known is None:
        return f"{name!r} is not available here; choose from: {', '.join(READING)}"
    words = name.split()
    for key, text in given:
        option = known.get(key.replace("-", "_"))
        if option is None:
            return f"{name!r} has no option {key!r} here"
        spelled, flag = option
        if flag and text in ("", "1", "true"):
            words.append(spelled)
        elif not flag and text:
            words.append(f"{spelled}={text}")
    if name == "sql":
        words.append(f"--timeout={SQL_SECONDS}")
    return [*words, "--json", "--", *arguments]


def read_only() -> None:
    """Let nothing be written by this process, not even a stored view."""
    Session.may_write = False


class _TooLong(Exception):
    """An answer is longer than a page or a client of the API takes."""


class _Buffer(io.StringIO):
    """Holds what one question prints, up to a bound."""

    def write(self, text: str) -> int:
        """Take more, or end the question."""
        if self.tell() + len(text) > ANSWER_MAX:
            raise _TooLong
        return super().write(text)


class _PerThread(io.TextIOBase):
    """A stream that is each thread's own buffer, and the process's stream for all others."""

    def __init__(self, name: str) -> None:
        """Stand in for ``sys.stdout`` or ``sys.stderr``."""
        self._own = threading.local()
        self._name = name
        self._before: Any = None
        self._users = 0
        self._lock = threading.Lock()

    @contextmanager
    def into(self, buffer: io.StringIO) -> Iterator[None]:
        """Let this thread print into a buffer."""
        with self._lock:
            if not self._users:
                self._before = getattr(sys, self._name)
                setattr(sys, self._name, self)
            self._users += 1
        self._own.buffer = buffer
        try:
            yield
        finally:
            del self._own.buffer
            with self._lock:
                self._users -= 1
                if not self._users:
                    setattr(sys, self._name, self._before)

    def write(self, text: str) -> int:
        """Print for whoever runs."""
        return int(getattr(self._own, "buffer", self._before).write(text))

    def flush(self) -> None:
        """Flush for whoever runs."""
        getattr(self._own, "buffer", self._before).flush()


_OUT: Final = _PerThread("stdout")
_ERR: Final = _PerThread("stderr")


def ask(location: str, words: Sequence[str]) -> Reply:
    """Run a command and return what it printed. Nothing of it reaches this process's stdout."""
    ahead, behind = list(words[: words.index("--")]), list(words[words.index("--") :])
    out, code = _Buffer(), 0
    with _AT_ONCE, _OUT.into(out), _ERR.into(io.StringIO()):
        try:
            arguments = [*ahead, "--ledger", location, *behind]
            tally.main(arguments, prog_name="tally", standalone_mode=False)
        except click.exceptions.Exit as done:
            code = done.exit_code
        except click.ClickException as error:
            return refused(error.format_message())
        except _TooLong:
            return refused(f"the answer is longer than {ANSWER_MAX >> 20} MB",
                           hint="ask the command itself, or for less")  # fmt: skip
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 2
    return Reply(code, out.getvalue().encode())


def refused(message: str, *, hint: str = "see: tally --help") -> Reply:
    """Return the answer to a question that cannot be asked."""
    error = ErrorShown(code="USAGE", exit=2, message=message, hint=hint)
    return Reply(2, json_line(error).encode())
