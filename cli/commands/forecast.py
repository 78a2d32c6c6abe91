"""``tally forecast``: the same rules run ahead of the clock, on a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.options import Output, account_argument, tally_command
from cli.points import read_instant
from cli.progress import Progress
from cli.render import short, table, write
from ledger.errors import InvalidInput
from ledger.periods import format_instant
from projections.point import Asked

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.command("forecast")
@account_argument(required=False)
@click.option("--to", "to", required=True, metavar="T", help="Run ahead up to this instant.")
@tally_command(rows=True)
def command(session: Session, output: Output, *, account: str | None, to: str) -> None:
    """Run the rules ahead of the clock on a copy; nothing is written.

    Lists the events to come if nobody does anything, and the accounts as they are then.

    \b
    Examples:
      tally forecast --to 2026-01-31
      tally forecast a-1 --to 2026-03-01T08:00:00 --json
    """
    from cli.rehearsals.answers import forecast_json  # noqa: PLC0415 - loads the write side
    from ledger.rehearsal.forecast import forecast  # noqa: PLC0415 - loaded when needed

    instant = read_instant(to, session.offset)
    if instant < session.now:
        now = format_instant(session.now, session.offset)
        msg = f"--to {to} lies before the ledger's clock {now}"
        raise InvalidInput(msg, hint="the past is there to be read: tally state ACCOUNT --at T")
    if account is not None:
        session.account(account, session.point(Asked()))
    with Progress("forecast") as progress:
        found = forecast(session.reader, instant, account=account, progress=progress)
    answer = forecast_json(
        session.reader, found, to=instant, now=session.now, account=account
    )
    if output.form in ("ndjson", "csv"):
        output.rows(answer["events"])
    elif output.human:
        _page(answer)
    else:
        output.object(answer)


def _page(answer: dict[str, Any]) -> None:
    write(f"from {short(answer['from'])} to {short(answer['to'])}, if nobody does anything")
    for event in answer["events"]:
        where = f" {event['instance']}" if event["instance"] else ""
        write(f"  {short(event['effective_at']):<19}  {event['account']}  {event['type']}{where}")
    write(f"{len(answer['events'])} events to come; nothing is written")
    if answer["states"]:
        table(
            ("account", "cash", "outstanding", "available", "overdue_since"),
            [
                (one["account"], one["cash"], one["outstanding"], one["available"],
                 short(one["overdue_since"]))
                for one in answer["states"]
            ],
        )  # fmt: skip
