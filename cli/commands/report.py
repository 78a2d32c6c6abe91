"""``tally report``: pages that are read off the books. Each report is a module of cli/reports."""

from __future__ import annotations

import click

from cli.groups import Lazy
from ledger.errors import LedgerError
from projections import reports as registered

# name -> (module of cli/reports, short help): only the report that is asked for is loaded.
REPORTS: dict[str, tuple[str, str]] = {
    name: (name.replace("-", "_"), one.said) for name, one in registered.REPORTS.own.items()
}


class Reports(Lazy):
    """A group that loads a report when it is called."""

    noun = "report"
    package = "cli.reports"
    member = "report"
    table = {"Reports": REPORTS}  # noqa: RUF012 - nothing writes to it

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name our reports, then those of installed packages."""
        return [*super().list_commands(ctx), *self._others()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a report by name."""
        if cmd_name in REPORTS or cmd_name not in self._others():
            return super().get_command(ctx, cmd_name)
        from cli.reports.registered import command_of  # noqa: PLC0415 - for such a report alone

        try:
            return command_of(cmd_name, registered.REPORTS.load(cmd_name))
        except LedgerError as error:
            raise click.UsageError(str(error), ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List ours, then those of installed packages, without loading them."""
        super().format_commands(ctx, formatter)
        if others := self._others():
            with formatter.section("Of installed packages"):
                formatter.write_dl([(name, registered.REPORTS.said(name)) for name in others])

    @staticmethod
    def _others() -> list[str]:
        return [name for name in registered.REPORTS.others() if name not in REPORTS]


@click.group("report", cls=Reports)
def command() -> None:
    """Print a report: a page, --json, --ndjson, --csv or --html, on stdout or -o to a file.

    \b
    Examples:
      tally report trial-balance --at 2025-03-31
      tally report statement a-1 --period 2025-03
      tally report overdue --csv -o overdue.csv
      tally report timeline a-1 --html -o a-1.html
    """
