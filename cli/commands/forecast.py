"""``tally forecast``: the same rules run ahead of the clock, on a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.cluster import Work, cluster_options, place
from cli.options import Output, account_argument, tally_command
from cli.outputs import html_options, page_target
from cli.points import read_instant
from cli.progress import Progress
from cli.render import table, write
from ledger.errors import InvalidInput
from ledger.periods import format_instant
from ledger.quoting import plural
from projections.pages import Figure, Sheet, short
from projections.point import Asked

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.outputs import Target
    from projections.answers.rehearsing import Ahead, ForecastShown, OutlookShown

HEADER = ("account", "expire", "stop", "release", "overdue since", "renewals", "cash", "")


@click.command("forecast")
@account_argument(required=False)
@click.option("--to", "to", required=True, metavar="T", help="Run ahead up to this instant.")
@click.option("--all", "outlook", is_flag=True, help="Summarise every account, one row each.")
@html_options
@cluster_options
@tally_command(rows=True)
def command(  # noqa: PLR0913 - one option a parameter
    session: Session, output: Output, *, account: str | None, to: str, outlook: bool,
    as_html: bool, target: Target | None, workers: int | None, cluster: str | None,
) -> None:  # fmt: skip
    """Run the rules ahead of the clock on a copy; nothing is written.

    Lists the coming events if nobody does anything, and the accounts at the end.
    With --all: who will expire, stop, be released or become overdue, and what automatic
    renewals will take, day by day.

    \b
    Examples:
      tally forecast --to 2026-01-31
      tally forecast a-1 --to 2026-03-01T08:00:00 --json
      tally forecast --to 2026-01-31 --all --csv
      tally forecast --to 2026-01-31 --all --html -o outlook.html
    """
    from projections.rehearsing.forecast import forecast_of  # noqa: PLC0415 - the write side

    instant = read_instant(to, session.offset)
    if instant < session.now:
        now = format_instant(session.now, session.offset)
        msg = f"--to {to} lies before the ledger's clock {now}"
        raise InvalidInput(msg, hint="to read the past: tally state ACCOUNT --at T")
    if account is not None:
        session.state(account, session.point(Asked()))
    page = page_target(output, target, as_html=as_html)
    if outlook:
        work = Work(workers=workers, cluster=cluster)
        _outlook(session, output, work, account=account, to=instant, page=page)
        return
    if page is not None or workers is not None or cluster is not None:
        msg = "--html, --workers and --cluster need --all"
        raise InvalidInput(msg, hint="add --all")
    with Progress("forecast") as progress:
        answer = forecast_of(session, instant, account, progress)
    if not output.answered(answer, "events"):
        _page(answer)


def _page(answer: ForecastShown) -> None:
    write(f"from {short(answer.from_)} to {short(answer.to)}, if nobody does anything")
    for event in answer.events:
        where = f" {event.instance}" if event.instance else ""
        write(f"  {short(event.effective_at):<19}  {event.account}  {event.type}{where}")
    write(f"{plural(len(answer.events), 'event')} to come; nothing is written")
    if answer.states:
        header = ("account", "cash", "outstanding", "available", "overdue_since")
        table(header, [[getattr(state, name) for name in header] for state in answer.states])


# --- everybody: --all ---------------------------------------------------------------------------


def _outlook(
    session: Session, output: Output, work: Work, *, account: str | None, to: int,
    page: Target | None,
) -> None:  # fmt: skip
    from projections.rehearsing.forecast import outlook_of, outlook_tasks  # noqa: PLC0415 - as above

    tasks = outlook_tasks(session, place(session.location), to, account)
    with Progress("forecast") as progress:
        answer = outlook_of(session, to, work.run(tasks, progress))
    work.say()
    if page is not None:
        _write_outlook(page, session, answer)
        if page.stdout:
            return
    if not output.answered(answer):
        _outlook_page(answer)


def _outlook_page(answer: OutlookShown) -> None:
    """Print a row for each account for which something is to come, then the days."""
    write(f"from {short(answer.from_)} to {short(answer.to)}, if nobody does anything")
    if not answer.rows:
        write("nothing is to come; nothing is written")
        return
    table(HEADER, map(_cells, answer.rows))
    write(f"{plural(len(answer.rows), 'account')}; nothing is written")
    if answer.days:
        write()
        write("Cash that automatic renewals will take")
        rows = [(day.date, day.renewal_cash, day.currency) for day in answer.days]
        table(("date", "cash", ""), rows)


def _cells(row: Ahead) -> list[object]:
    return [
        row.account, len(row.expire), len(row.stop), len(row.release),
        Figure(short(row.overdue_since)), row.renewals, row.renewal_cash, row.currency,
    ]  # fmt: skip


def _write_outlook(target: Target, session: Session, answer: OutlookShown) -> None:
    """Write the same as a page. Raises: OSError."""
    from projections.html.page import Source  # noqa: PLC0415 - for --html alone
    from projections.html.sheets import sheets_page  # noqa: PLC0415 - the same

    now, until, position = answer.from_.isoformat(), answer.to.isoformat(), answer.position
    command, root = f"tally forecast --to {until} --all", session.root(position)
    days = [(day.date, day.currency, day.renewal_cash) for day in answer.days]
    parts: list[Sheet | str] = [
        Sheet(HEADER, [_cells(row) for row in answer.rows]),
        "Cash that automatic renewals will take, by day", Sheet(("date", "", "cash"), days),
    ]  # fmt: skip
    target.write(sheets_page("Forecast", now, parts, Source(command, until, now, position, root)))
