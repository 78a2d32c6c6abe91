"""What the shells complete: commands, files, accounts, fields, instances, tags, choices.

An option or argument that says itself what it completes is asked first; otherwise what it is
called decides, so a new FILE or ``--instance`` completes without a word here. Invariant: nothing
is written, no error is shown, and a ledger that cannot be read completes nothing.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import click
from click import shell_completion
from click.shell_completion import CompletionItem

from cli.bootstrap import Session
from cli.settings import ledger_setting
from ledger.errors import LedgerError
from projections.point import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.state import AccountState

MOST = 500  # names that a shell is given at once
POSITIONS = 20  # of the log


@contextmanager
def ledger_of(ctx: click.Context) -> Iterator[Session]:
    """Open the ledger that the words so far name. Raises: LedgerError, OSError."""
    with Session(str(ledger_setting(ctx.params.get("ledger"), ctx).value)) as session:
        session.may_write = False
        yield session


def accounts(ctx: click.Context, start: str) -> list[str]:
    """List accounts that begin so."""
    with ledger_of(ctx) as session:
        found = session.reader.streams(f"account:{start}")
        return [stream.removeprefix("account:") for stream in islice(found, MOST)]


def _state(ctx: click.Context, account: str | None = None) -> AccountState | None:
    from projections.snapshots import look_at  # noqa: PLC0415 - where an account is looked into

    words = ctx.params.get("words") or ctx.params.get("account") or ()
    name = account or (words if isinstance(words, str) else next(iter(words), ""))
    with ledger_of(ctx) as session:
        return look_at(session.reader, name, session.point(Asked()))


def fields(ctx: click.Context, start: str) -> list[str]:
    """List ACCOUNT, then ACCOUNT.FIELD where the account is whole."""
    from projections.history.fields import names_of  # noqa: PLC0415 - as above

    found = accounts(ctx, start)
    for place, letter in enumerate(start):
        state = _state(ctx, start[:place]) if letter == "." else None
        if state is not None:
            found += [f"{start[:place]}.{name}" for name in names_of(state)]
    if len(found) == 1 and found[0] == start:  # the whole account: go on with its fields
        state = _state(ctx, start)
        found = [f"{start}.{name}" for name in names_of(state)] if state is not None else found
    return found


def expressions(ctx: click.Context, start: str) -> list[str]:
    """List accounts, then fields for an expression about the one that was given."""
    from projections.history.fields import names_of  # noqa: PLC0415 - as above

    if not ctx.params.get("words") and not ctx.params.get("account"):
        return accounts(ctx, start)
    state = _state(ctx)
    return list(names_of(state)) if state is not None else []


def _instances(ctx: click.Context, _start: str) -> list[str]:
    state = _state(ctx)
    return sorted(state.instances) if state is not None else []


def _coupons(ctx: click.Context, _start: str) -> list[str]:
    state = _state(ctx)
    return ["auto", "none", *(sorted(state.coupons) if state is not None else ())]


def _bills(ctx: click.Context, _start: str) -> list[str]:
    state = _state(ctx)
    return sorted(state.bills) if state is not None else []


def _skus(ctx: click.Context, _start: str) -> list[str]:
    with ledger_of(ctx) as session:
        return sorted(session.config.prices)


def points(ctx: click.Context, start: str) -> list[str]:
    """List the words of a point, and the ledger's tags, for either part of AT::KNOWN."""
    from projections.history.points import TAG, WORDS  # noqa: PLC0415 - where a point is asked
    from projections.history.tags import read_tags  # noqa: PLC0415 - as above

    head, pair, _ = start.rpartition("::")
    with ledger_of(ctx) as session:
        words = [*WORDS, *(TAG + name for name in read_tags(session.reader))]
    return [head + pair + word for word in words]


def _breaks(ctx: click.Context, _start: str) -> list[str]:
    from ledger.reconciling import register  # noqa: PLC0415 - where breaks are asked

    with ledger_of(ctx) as session:
        return sorted(register(session.reader).breaks)


def _breaks_and_runs(ctx: click.Context, start: str) -> list[str]:
    from ledger.reconciling import register  # noqa: PLC0415 - as above

    with ledger_of(ctx) as session:
        return [*_breaks(ctx, start), *register(session.reader).runs]


def _lines_of_a_break(ctx: click.Context, _start: str) -> list[str]:
    from ledger.reconciling import register  # noqa: PLC0415 - as above

    with ledger_of(ctx) as session:
        one = register(session.reader).breaks[str(ctx.params.get("break_id"))].event
        return [line.name for line in (*one.lines, *one.near)]


def _positions(ctx: click.Context, start: str) -> list[str]:
    """List the last positions, the latest first; those that begin with the digits so far."""
    mark = "@" if start.startswith("@") else ""
    with ledger_of(ctx) as session:
        head = session.reader.head().position
    found = (mark + str(one) for one in range(head, 0, -1))
    return list(islice((one for one in found if one.startswith(start)), POSITIONS))


def _periods(ctx: click.Context, _start: str) -> list[str]:
    from projections.history.register import months_at  # noqa: PLC0415 - where a period is asked

    with ledger_of(ctx) as session:
        months = months_at(session.reader, session.point(Asked()), session.offset)
    return [one.name for one in reversed(months)]


def _policy_keys(_ctx: click.Context, _start: str) -> list[str]:
    from ledger.policy import KEYS  # noqa: PLC0415 - where a policy is asked

    return sorted(KEYS)


def _policy_pairs(ctx: click.Context, start: str) -> list[str]:
    return [f"{key}=" for key in _policy_keys(ctx, start)]


def _commands_below(ctx: click.Context, _start: str) -> list[str]:
    """List the commands of the group that the words so far name."""
    there = ctx.find_root()
    for word in ctx.params.get("words") or ():
        if not isinstance(there.command, click.Group):
            return []
        found = there.command.get_command(there, word)
        if found is None:
            return []
        there = click.Context(found, parent=there, info_name=word)
    group = there.command
    return group.list_commands(there) if isinstance(group, click.Group) else []


BY_METAVAR: dict[str, Any] = {
    "ACCOUNT": accounts, "[ACCOUNT]...": accounts,
    "ACCOUNT.FIELD": fields, "ACCOUNT[.FIELD]": fields,
    "ACCOUNT [EXPR]": expressions, "EXPR": expressions, "I": _instances,
    "T": points, "POINT": points, "[POINT]": points, "A": points, "B": points,
    "BREAK": _breaks, "BREAK|RUN": _breaks_and_runs, "LINE...": _lines_of_a_break,
    "POSITION": _positions, "PERIOD": _periods,
    "KEY=VALUE": _policy_pairs, "[COMMAND]...": _commands_below,
}  # fmt: skip
BY_NAME: dict[str, Any] = {
    "account": accounts, "instance": _instances, "instances": _instances, "coupon": _coupons,
    "bill": _bills, "sku": _skus, "key": _policy_keys, "at": points, "effective_at": points,
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
        files = metavar.startswith(FILES) or (param.name or "") in ("file", "target")
        return [CompletionItem(start, type="file")] if files else []
    head, comma, last = start.rpartition(",") if param.multiple else ("", "", start)
    try:
        found = source(ctx, last)
    except (LedgerError, OSError, KeyError):
        return []
    return [CompletionItem(head + comma + one) for one in found if one.startswith(last)]


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


_BASH = r"""
%(complete_func)s() {
    local line="${COMP_LINE:0:COMP_POINT}" type value mark head
    local word="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=()
    while IFS=',' read -r type value; do
        case "$type" in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                [[ "$value" == *= ]] && compopt -o nospace
                # Inside quotes a name is written as it is; outside what the shell reads is escaped.
                case "$word" in
                    [\"\']*) ;;
                    *) printf -v value '%%q' "$value" ;;
                esac
                COMPREPLY+=("$value") ;;
        esac
    done < <(env COMP_WORDS="$line" %(complete_var)s=bash_complete "$1" 2>/dev/null)
    # Readline ends a word at these too: what stands before the last of them is typed already.
    head="${line##* }"
    for mark in : =; do
        if [[ "$COMP_WORDBREAKS" == *"$mark"* && "$head" == *"$mark"* ]]; then
            COMPREPLY=("${COMPREPLY[@]#"${head%%"${head##*"$mark"}"}"}")
            head="${head##*"$mark"}"
        fi
    done
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class Bash(_Ours, shell_completion.BashComplete):
    """Bash: the whole line up to the cursor, for bash cuts words at colons and equal signs."""

    source_template = _BASH.lstrip()

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
