"""``tally completion``: the script that completes commands, accounts and event types."""

from __future__ import annotations

import sys

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    It completes commands, options, files, accounts, fields, instances, tags and reports.

    \b
    Examples:
      eval "$(tally completion bash)"     (in ~/.bashrc; zsh: ~/.zshrc)
      tally completion fish > ~/.config/fish/completions/tally.fish
    """
    from cli.completing import register  # noqa: PLC0415 - what is written for each shell
    from cli.main import tally  # noqa: PLC0415 - the group, to ask it for its words

    register()
    kind = get_completion_class(shell)
    if kind is not None:
        sys.stdout.write(kind(tally, {}, "tally", "_TALLY_COMPLETE").source() + "\n")
