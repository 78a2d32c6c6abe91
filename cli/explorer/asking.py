"""Asks the program itself: the bytes of ``tally NAME ARGUMENTS --json``, in this process.

Invariant: only commands that read are known here, and none of their options that write or wait.
One question runs at a time, since a command owns stdout. This module must not know a page.
"""

from __future__ import annotations

import io
import json
import threading
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from cli.bootstrap import Session
from cli.main import tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Json = dict[str, Any]
# What may be asked; a group is named with its command.
READING: Final = (
    "balances", "bisect", "blame", "breaks list", "breaks show", "diff", "instances", "last",
    "log", "lots", "periods", "projections status", "report coupons", "report deferred",
    "report lots", "report overdue", "report reconciliation", "report restatements",
    "report rollforward", "report statement", "report timeline", "report trial-balance", "show",
    "sql", "state", "status", "tag list", "trace", "verify", "why", "why-not",
)  # fmt: skip
# Options that write, wait, or lead elsewhere.
_CLOSED: Final = frozenset((
    "ledger", "as_json", "as_ndjson", "as_csv", "as_html", "file", "shell", "follow", "engine",
    "master", "workers", "cluster", "key_place", "policy_place", "memory", "timeout",
))  # fmt: skip
_LOCK: Final = threading.Lock()


class Reply(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    body: bytes

    @property
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
    return [*words, "--json", "--", *arguments]


def read_only() -> None:
    """Let nothing be written by this process, not even a stored view."""
    Session.may_write = False


def ask(location: str, words: Sequence[str]) -> Reply:
    """Run a command and return what it printed. Nothing of it reaches this process's stdout."""
    ahead, behind = list(words[: words.index("--")]), list(words[words.index("--") :])
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    code = 0
    with _LOCK, redirect_stdout(out), redirect_stderr(io.StringIO()):
        try:
            arguments = [*ahead, "--ledger", location, *behind]
            tally.main(arguments, prog_name="tally", standalone_mode=False)
        except click.exceptions.Exit as done:
            code = done.exit_code
        except click.ClickException as error:
            code = 2
            out.write(json.dumps(_usage(error), ensure_ascii=False) + "\n")
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 2
    buffer = out.buffer
    assert isinstance(buffer, io.BytesIO)  # noqa: S101 - made above
    return Reply(code, buffer.getvalue())


def _usage(error: click.ClickException) -> Json:
    return {
        "schema": "tally.error/1", "code": "USAGE", "exit": 2,
        "message": error.format_message(), "hint": "see: tally --help",
    }  # fmt: skip


