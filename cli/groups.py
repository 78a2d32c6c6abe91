"""Groups of commands, loaded when they are called; options with an older name.

Invariant: ``--help`` and suggestions read names and short helps alone; no command is imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from cli import begin_collecting
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from projections.registry import Registry

_FEW = 12  # names that fit into a hint


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
    """The one group: it loads a command when it is called, and suggests the nearest one.

    ``sections`` are a heading, then name and short help of each command that ``load`` gives; the
    commands of decorators are listed as click does. ``noun`` is what its members are called.
    """

    def __init__(
        self, *given: Any, noun: str = "command",
        sections: Callable[[], Mapping[str, Mapping[str, str]]] = dict,
        load: Callable[[str], click.Command | None] = lambda _name: None, **settings: Any,
    ) -> None:  # fmt: skip
        """Load nothing yet."""
        super().__init__(*given, **settings)
        self._noun = noun
        self._sections = sections
        self._load = load
        self._loaded: dict[str, click.Command | None] = {}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or suggest the nearest one. Raises: click.UsageError."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise self._no_command(ctx, args[0])
        found = super().resolve_command(ctx, args)
        begin_collecting()
        return found

    def _no_command(self, ctx: click.Context, name: str) -> click.UsageError:
        """Return the error of a name that no command has: what is near, or all that are there."""
        from cli.usage import WrongWord  # noqa: PLC0415 - only on the way to an error
        from ledger.policy import did_you_mean  # noqa: PLC0415 - as above

        names = self.list_commands(ctx)
        hint = did_you_mean(name, names)
        if hint is None and len(names) <= _FEW:
            hint = f"there are: {', '.join(names)}"
        return WrongWord(f"no {self._noun} {name!r}", ctx, hint)

    def _helps(self) -> dict[str, str]:
        return {name: said for own in self._sections().values() for name, said in own.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the sections."""
        return [*self._helps(), *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command by name, once. Raises: click.UsageError."""
        if cmd_name not in self._loaded:
            try:
                self._loaded[cmd_name] = self._load(cmd_name)
            except LedgerError as error:
                raise click.UsageError(str(error), ctx) from error
        return self._loaded[cmd_name] or super().get_command(ctx, cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the commands with their short helps, without loading them."""
        helps = self._helps()
        if incomplete.startswith("-") or not helps:
            return super().shell_complete(ctx, incomplete)
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return [CompletionItem(name, help=helps.get(name)) for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by section, all in one pair of columns, without loading them."""
        sections = self._sections()
        if not sections:
            super().format_commands(ctx, formatter)
            return
        widest = max(map(len, self.list_commands(ctx)))
        for heading, section in sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(widest), said) for name, said in section.items()])
