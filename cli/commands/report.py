"""``tally report``: pages that are read off the books. Each report is a module of cli/reports."""

from __future__ import annotations

import click

from cli.groups import Lazy

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


class Reports(Lazy):
    """A group that loads a report when it is called."""

    noun = "report"
    package = "cli.reports"
    member = "report"
    table = {"Reports": REPORTS}  # noqa: RUF012 - nothing writes to it


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
