"""The command line as a page and as man pages, from what click knows of each command.

Commands stand in the groups of `tally --help`. An option of several commands is explained once.
"""

from __future__ import annotations

from collections import Counter
from inspect import cleandoc
from typing import TYPE_CHECKING, Final

import click

from cli.listing import GROUPS
from cli.main import tally
from docs.pages import NOTICE, raw, table

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED_FROM: Final = 4  # an option of more commands than this is explained once


def options(command: click.Command) -> list[click.Option]:
    """List the options of a command, --help aside."""
    return [one for one in command.params if isinstance(one, click.Option) and not one.hidden]


def cli_commands() -> list[tuple[str, click.Command]]:
    """List every command of the program by its path, such as `tally clock show`."""
    found: list[tuple[str, click.Command]] = []

    def walk(path: str, command: click.Command) -> None:
        if isinstance(command, click.Group):
            context = context_of(command, path)
            if path == "tally record":  # its commands are those of the first part
                found.append((path, command))
                return
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                if inner is not None and not inner.hidden:
                    walk(f"{path} {name}", inner)
        else:
            found.append((path, command))

    walk("tally", tally)
    return found


def context_of(command: click.Command, path: str) -> click.Context:
    """Ask a command about itself with the program's settings: click keeps what it first finds."""
    return click.Context(command, info_name=path, **tally.context_settings)


def _option_row(option: click.Option) -> tuple[str, ...]:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    context = click.Context(click.Command("tally"))
    takes = "" if option.is_flag else f" `{option.make_metavar(context)}`"
    return (names + takes, (option.help or "").rstrip("."))


def _help(text: str | None, path: str) -> Iterator[str]:
    """Yield a help text; what click must not wrap stays as it is."""
    for paragraph in cleandoc(raw(text, path)).split("\n\n"):
        if paragraph.startswith("\b"):
            head, *lines = paragraph.removeprefix("\b").strip().splitlines()
            yield from (head, "", "```", *(line.removeprefix("  ") for line in lines), "```", "")
        else:
            yield from (paragraph, "")


def cli_page() -> Iterator[str]:
    """Write CLI.md: every command of the command line with its options."""
    found = cli_commands()
    rows = {path: [_option_row(option) for option in options(command)] for path, command in found}
    uses = Counter(row for own in rows.values() for row in own)
    shared = [row for row, count in uses.items() if count >= SHARED_FROM]
    yield from (NOTICE, "# Command line", "")
    yield from ("`make man` writes the same as man pages. Options of many commands:", "")
    yield from table(("option", "meaning"), shared)
    yield ""
    for title, section in GROUPS.items():
        yield from (f"## {title}", "")
        for path, command in found:
            if path.split(" ")[1] in section:
                yield from _entry(path, command, rows[path], shared)


def _entry(
    path: str, command: click.Command, rows: list[tuple[str, ...]], shared: list[tuple[str, ...]]
) -> Iterator[str]:
    context = context_of(command, path)
    usage = " ".join((path, *command.collect_usage_pieces(context)))
    yield from (f"### `{usage}`", "", *_help(command.help, path))
    also = [row[0].split(" ")[0].rstrip(",") for row in rows if row in shared]
    if also:
        yield from (f"Also {', '.join(also)}.", "")
    own = [row for row in rows if row not in shared]
    if own:
        yield from table(("option", "meaning"), own)
        yield ""
