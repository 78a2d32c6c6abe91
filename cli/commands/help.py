"""``tally help``: the same pages as ``--help``, asked for by name."""

from __future__ import annotations

import sys

import click

from cli.render import write_lines


@click.command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def command(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of tally, or of a command.

    \b
    Examples:
      tally help
      tally help state
      tally help record top-up
    """
    there = ctx.find_root()
    for word in words:
        group = there.command
        if not isinstance(group, click.Group):
            msg = f"{there.command_path} has no commands of its own"
            raise click.UsageError(msg, there)
        name, found, _ = group.resolve_command(there, [word])
        assert found is not None  # noqa: S101 - an unknown word was refused
        there = click.Context(found, parent=there, info_name=name)
    shown = there.get_help()
    if not sys.stdout.isatty():
        write_lines(shown)
        return
    from cli.paging import paged  # noqa: PLC0415 - for a terminal alone

    with paged(ctx, {}, human=True):
        write_lines(shown)
