"""``tally report``: pages that are read off the books. Each report is a module of cli/reports."""

from __future__ import annotations

import importlib

import click

# name -> (module of cli/reports, short help): only the report that is asked for is loaded.
REPORTS: dict[str, tuple[str, str]] = {
    "trial-balance": ("trial_balance", "Every account of the books: debit, credit."),
    "rollforward": ("rollforward", "Opening + movements = closing, by event type."),
    "statement": ("statement", "One customer: dated lines, running balance."),
    "overdue": ("overdue", "Who owes since when, by age."),
    "deferred": ("deferred", "Cash of terms: earned, and not yet."),
    "timeline": ("timeline", "One customer through time, with a slider."),
    "coupons": ("coupons", "Every coupon: used, forfeited, left."),
    "restatements": ("restatements", "What late facts changed in a closed period."),
    "lots": ("lots", "Which receipt paid what, first in, first out."),
    "reconciliation": ("reconciliation", "Runs against statements, and open breaks."),
}


class Reports(click.Group):
    """A group that loads a report when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the reports in the order of the table."""
        del ctx
        return list(REPORTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a report by name."""
        del ctx
        if cmd_name not in REPORTS:
            return None
        module = importlib.import_module(f"cli.reports.{REPORTS[cmd_name][0]}")
        made: click.Command = module.report
        return made

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the report, or suggest the nearest one."""
        if args and args[0] not in REPORTS and not args[0].startswith("-"):
            from ledger.policy import did_you_mean  # noqa: PLC0415 - only on the way to an error

            near = did_you_mean(args[0], list(REPORTS)) or f"there are: {', '.join(REPORTS)}"
            msg = f"no report {args[0]!r}; {near}"
            raise click.UsageError(msg, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the reports without loading them."""
        del ctx
        with formatter.section("Reports"):
            formatter.write_dl([(name, help_) for name, (_, help_) in REPORTS.items()])


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
