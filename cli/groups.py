"""Groups of commands, loaded when they are called; options with an older name.

Invariant: ``--help`` and suggestions read names and short helps alone; no command is imported.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from cli import begin_collecting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from projections.registry import Registry

_FEW = 12  # names that fit into a hint
# heading -> name -> (module, short help)
Table = dict[str, dict[str, tuple[str, str]]]


class Renamed(click.Option):
    """An option that was renamed: its old names are accepted, and not shown."""

    def __init__(self, *declared: Any, old: tuple[str, ...], **settings: Any) -> None:
        """Remember the old names."""
        super().__init__(*declared, **settings)
        self._old = old

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Read the old names like the new one."""
        shown, self.opts = self.opts, [*self.opts, *self._old]
        super().add_to_parser(parser, ctx)
        self.opts = shown


class Registered(click.Choice[str]):
    """A choice among ours; what installed packages add is accepted too, and completed."""

    def __init__(self, names: Iterable[str], registry: Registry[Any]) -> None:
        """Look through the packages only for a name that is not ours."""
        super().__init__(list(names))
        self._registry = registry

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Accept a built-in name, or a package's. Raises: click.BadParameter."""
        if value not in self.choices and value in self._registry:
            return str(value)
        return super().convert(value, param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete ours and those of packages."""
        del ctx, param
        names = dict.fromkeys((*self.choices, *self._registry.names()))
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class Commands(click.Group):
    """A group that suggests the nearest command; ``noun`` is what its members are called."""

    noun = "command"

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or suggest the nearest one. Raises: click.UsageError."""
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            raise self.no_command(ctx, args[0])
        found = super().resolve_command(ctx, args)
        begin_collecting()
        return found

    def no_command(self, ctx: click.Context, name: str) -> click.UsageError:
        """Return the error of a name that no command has: what is near, or all that are there."""
        from cli.usage import WrongWord  # noqa: PLC0415 - only on the way to an error
        from ledger.policy import did_you_mean  # noqa: PLC0415 - as above

        names = self.list_commands(ctx)
        hint = did_you_mean(name, names)
        if hint is None and len(names) <= _FEW:
            hint = f"there are: {', '.join(names)}"
        return WrongWord(f"no {self.noun} {name!r}", ctx, hint)


class Lazy(Commands):
    """A group whose commands are modules of a package, each in the module's variable ``member``."""

    package = "cli.commands"
    member = "command"
    table: Mapping[str, Mapping[str, tuple[str, str]]] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the table."""
        del ctx
        return [name for section in self.table.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command by name."""
        del ctx
        for section in self.table.values():
            if cmd_name in section:
                module = importlib.import_module(f"{self.package}.{section[cmd_name][0]}")
                made: click.Command = getattr(module, self.member)
                return made
        return None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the commands with their short helps, without loading them."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        entries = [entry for section in self.table.values() for entry in section.items()]
        helps = {name: told for name, (_, told) in entries}
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return [CompletionItem(name, help=helps.get(name)) for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by section, all in one pair of columns, without loading them."""
        widest = max(map(len, self.list_commands(ctx)))
        for heading, section in self.table.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [(name.ljust(widest), help_) for name, (_, help_) in section.items()]
                )
