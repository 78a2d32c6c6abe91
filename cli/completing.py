"""What the shells complete: commands, files, accounts, fields, instances, tags, choices.

An option or argument that says itself what it completes is asked first; otherwise what it is
called decides, so a new FILE or ``--instance`` completes without a word here. Invariant: nothing
is written, no error is shown, and a ledger that cannot be read completes nothing.
"""

from __future__ import annotations

import os
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING

import click
from click import shell_completion
from click.shell_completion import CompletionItem

from cli.bootstrap import Session
from cli.settings import ledger_setting
from ledger.errors import LedgerError
from ledger.policy import KEYS
from ledger.reconciling import register as breaks_register
from projections.history.fields import names_of
from projections.history.points import TAG, WORDS
from projections.history.register import months_at
from projections.history.tags import read_tags
from projections.point import Asked
from projections.snapshots import look_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ledger.state import AccountState

    Source = Callable[[Session, click.Context, str], Iterable[str]]

MOST = 500  # names that a shell is given at once
POSITIONS = 20  # of the log


def _accounts(session: Session, _ctx: click.Context, start: str) -> list[str]:
    found = session.reader.streams(f"account:{start}")
    return [stream.removeprefix("account:") for stream in islice(found, MOST)]


def _account(ctx: click.Context) -> str:
    """Return the account that the words so far name, if any."""
    words = ctx.params.get("words") or ctx.params.get("account") or ()
    return words if isinstance(words, str) else next(iter(words), "")


def _state(session: Session, account: str) -> AccountState | None:
    return look_at(session.reader, account, session.point(Asked()))


def _names(kept: Callable[[AccountState], Mapping[str, object]], *more: str) -> Source:
    """Complete the names of what an account keeps."""

    def found(session: Session, ctx: click.Context, _start: str) -> list[str]:
        state = _state(session, _account(ctx))
        return [*more, *(sorted(kept(state)) if state is not None else ())]

    return found


def _fields(session: Session, ctx: click.Context, start: str) -> list[str]:
    """List ACCOUNT, then ACCOUNT.FIELD where the account is whole."""
    found = _accounts(session, ctx, start)
    for place, letter in enumerate(start):
        state = _state(session, start[:place]) if letter == "." else None
        if state is not None:
            found += [f"{start[:place]}.{name}" for name in names_of(state)]
    if found == [start]:  # the whole account: go on with its fields
        state = _state(session, start)
        found = [f"{start}.{name}" for name in names_of(state)] if state is not None else found
    return found


def _expressions(session: Session, ctx: click.Context, start: str) -> list[str]:
    """List accounts, then fields for an expression about the one that was given."""
    if not _account(ctx):
        return _accounts(session, ctx, start)
    state = _state(session, _account(ctx))
    return list(names_of(state)) if state is not None else []


def _points(session: Session, _ctx: click.Context, start: str) -> list[str]:
    """List the words of a point, and the ledger's tags, for either part of AT::KNOWN."""
    head, pair, _ = start.rpartition("::")
    words = [*WORDS, *(TAG + name for name in read_tags(session.reader))]
    return [head + pair + word for word in words]


def _breaks(session: Session, _ctx: click.Context, _start: str) -> list[str]:
    return sorted(breaks_register(session.reader).breaks)


def _breaks_and_runs(session: Session, ctx: click.Context, start: str) -> list[str]:
    return [*_breaks(session, ctx, start), *breaks_register(session.reader).runs]


def _lines_of_a_break(session: Session, ctx: click.Context, _start: str) -> list[str]:
    one = breaks_register(session.reader).breaks[str(ctx.params.get("break_id"))].event
    return [line.name for line in (*one.lines, *one.near)]


def _positions(session: Session, _ctx: click.Context, start: str) -> Iterable[str]:
    """List the last positions, the latest first; those that begin with the digits so far."""
    mark = "@" if start.startswith("@") else ""
    found = (mark + str(number) for number in range(session.reader.head().position, 0, -1))
    return islice((one for one in found if one.startswith(start)), POSITIONS)


def _periods(session: Session, _ctx: click.Context, _start: str) -> list[str]:
    months = months_at(session.reader, session.point(Asked()), session.offset)
    return [month.name for month in reversed(months)]


def _commands_below(_session: Session, ctx: click.Context, _start: str) -> list[str]:
    """List the commands of the group that the words so far name."""
    there = ctx.find_root()
    for word in ctx.params.get("words") or ():
        group = there.command
        found = group.get_command(there, word) if isinstance(group, click.Group) else None
        if found is None:
            return []
        there = click.Context(found, parent=there, info_name=word)
    group = there.command
    return group.list_commands(there) if isinstance(group, click.Group) else []


_INSTANCES = _names(lambda state: state.instances)
BY_METAVAR: dict[str, Source] = {
    "ACCOUNT": _accounts, "[ACCOUNT]...": _accounts,
    "ACCOUNT.FIELD": _fields, "ACCOUNT[.FIELD]": _fields,
    "ACCOUNT [EXPR]": _expressions, "EXPR": _expressions, "I": _INSTANCES,
    "T": _points, "POINT": _points, "[POINT]": _points, "A": _points, "B": _points,
    "BREAK": _breaks, "BREAK|RUN": _breaks_and_runs, "LINE...": _lines_of_a_break,
    "POSITION": _positions, "PERIOD": _periods,
    "KEY=VALUE": lambda *_: [f"{key}=" for key in sorted(KEYS)],
    "[COMMAND]...": _commands_below,
}  # fmt: skip
BY_NAME: dict[str, Source] = {
    "account": _accounts, "at": _points, "effective_at": _points,
    "instance": _INSTANCES, "instances": _INSTANCES, "bill": _names(lambda state: state.bills),
    "coupon": _names(lambda state: state.coupons, "auto", "none"),
    "sku": lambda session, *_: sorted(session.config.prices), "key": lambda *_: sorted(KEYS),
}  # fmt: skip
FILES = ("FILE", "CHECKPOINT", "OLD", "TOML", "FROM", "PATH")
FOLDERS = ("DIR", "FOLDER")


def completions(
    ctx: click.Context, param: click.Parameter, start: str
) -> list[CompletionItem[str]]:
    """Complete a value by what its option or argument is called."""
    metavar = param.metavar or (param.name or "").upper()
    if metavar.startswith(FOLDERS):
        return [CompletionItem(start, type="dir")]
    source = BY_METAVAR.get(metavar) or BY_NAME.get(param.name or "")
    if source is None:
        named = metavar.startswith(FILES) or (param.name or "") in ("file", "target")
        return [CompletionItem(start, type="file")] if named else []
    head, comma, last = start.rpartition(",") if param.multiple else ("", "", start)
    try:
        with Session(str(ledger_setting(ctx.params.get("ledger"), ctx).value)) as session:
            session.may_write = False
            found = [one for one in source(session, ctx, last) if one.startswith(last)]
    except (LedgerError, OSError, KeyError):
        return []
    return [CompletionItem(head + comma + one) for one in found]


class _Ours(shell_completion.ShellComplete):
    """Asks the option or argument itself first, then by its name."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Complete a word after the words before it."""
        # An option that waits for its value would keep click from reading what stands before it.
        before = args[:-1] if args and args[-1].startswith("-") else args
        ctx = shell_completion._resolve_context(  # noqa: SLF001 - click has no other way in
            self.cli, self.ctx_args, self.prog_name, before
        )
        there, start = shell_completion._resolve_incomplete(ctx, args, incomplete)  # noqa: SLF001 - as above
        found = there.shell_complete(ctx, start)
        if not found and isinstance(there, click.Parameter):
            found = completions(ctx, there, start)
        return found


class Bash(_Ours, shell_completion.BashComplete):
    """Bash: the whole line up to the cursor, for bash cuts words at colons and equal signs."""

    source_template = files("cli").joinpath("completion.bash").read_text()

    def get_completion_args(self) -> tuple[list[str], str]:
        """Split the line up to the cursor."""
        line = os.environ["COMP_WORDS"]
        words = shell_completion.split_arg_string(line)[1:]
        if os.environ.get("COMP_CWORD"):  # as click's own script calls
            place = int(os.environ["COMP_CWORD"])
            return words[: place - 1], words[place - 1] if place <= len(words) else ""
        if not words or (line.endswith((" ", "\t")) and not line.endswith("\\ ")):
            return words, ""
        return words[:-1], words[-1]


class Zsh(_Ours, shell_completion.ZshComplete):
    """Zsh, with click's own script."""


class Fish(_Ours, shell_completion.FishComplete):
    """Fish, with click's own script."""


def register() -> None:
    """Let click find our three shells."""
    for made in (Bash, Zsh, Fish):
        shell_completion.add_completion_class(made)
