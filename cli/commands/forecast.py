"""``tally forecast``: the same rules run ahead of the clock, on a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.cluster.running import Work, cluster_options
from cli.options import Output, account_argument, tally_command
from cli.outputs import html_options, page_target
from cli.points import read_instant
from cli.progress import Progress
from cli.render import short, table, write
from ledger.errors import InvalidInput
from ledger.periods import format_instant
from ledger.quoting import plural
from projections.answers.events import Planned
from projections.point import Asked

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.outputs import Target


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
    from cli.rehearsals.answers import forecast_json  # noqa: PLC0415 - loads the write side
    from ledger.rehearsal.forecast import forecast  # noqa: PLC0415 - loaded when needed

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
        found = forecast(
            session.reader, instant, accounts=None if account is None else {account},
            progress=progress,
        )  # fmt: skip
    answer = forecast_json(
        session.reader, found, to=instant, now=session.now, account=account
    )
    if output.form in ("ndjson", "csv"):
        output.rows(answer["events"], like=Planned)
    elif output.human:
        _page(answer)
    else:
        output.object(answer)


def _outlook(
    session: Session, output: Output, work: Work, *, account: str | None, to: int,
    page: Target | None,
) -> None:  # fmt: skip
    from cli.rehearsals import outlook  # noqa: PLC0415 - loads the write side

    with Progress("forecast") as progress:
        found = outlook.look_ahead(session, work, account=account, to=to, progress=progress)
    if page is not None:
        outlook.write_page(page, session, found, to)
        if page.stdout:
            return
    if output.form in ("ndjson", "csv"):
        output.rows(outlook.row_json(row, session.offset) for row in found)
    elif output.human:
        outlook.print_page(session, found, to)
    else:
        output.object(outlook.answer(session, found, to))


def _page(answer: dict[str, Any]) -> None:
    write(f"from {short(answer['from'])} to {short(answer['to'])}, if nobody does anything")
    for event in answer["events"]:
        where = f" {event['instance']}" if event["instance"] else ""
        write(f"  {short(event['effective_at']):<19}  {event['account']}  {event['type']}{where}")
    write(f"{plural(len(answer['events']), 'event')} to come; nothing is written")
    if answer["states"]:
        table(
            ("account", "cash", "outstanding", "available", "overdue_since"),
            [
                (one["account"], one["cash"], one["outstanding"], one["available"],
                 short(one["overdue_since"]))
                for one in answer["states"]
            ],
        )  # fmt: skip
