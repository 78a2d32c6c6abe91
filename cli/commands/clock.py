"""``tally clock``: show the ledger's clock, or move a simulated one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.groups import Commands
from cli.options import Output, tally_command
from cli.points import read_duration
from cli.render import write
from ledger.certain import certain
from ledger.errors import InvalidInput
from ledger.periods import check_year, parse_instant
from ledger.quoting import plural
from projections.answers.events import Event
from projections.answers.keeping import ClockShown
from projections.answers.terms import Instant
from projections.pages import short

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.group("clock", cls=Commands)
def command() -> None:
    """Show the ledger's clock, or move a simulated one.

    \b
    Examples:
      tally clock show
      tally clock advance 7d
      tally clock advance --to 2025-06-21
    """


@command.command("show")
@tally_command()
def show(session: Session, output: Output) -> None:
    """Show the ledger's clock and its time.

    \b
    Example:
      tally clock show
    """
    answer = ClockShown(clock=session.config.clock, now=Instant.at(session.now, session.offset))
    if not output.answered(answer):
        write(f"{answer.clock} clock at {answer.now.isoformat()}")


@command.command("advance", short_help="Move a simulated clock and run what falls due.")
@click.argument("duration", required=False)
@click.option("--to", metavar="T", help="The instant to move to.")
@tally_command(rows=True)
def advance(session: Session, output: Output, *, duration: str | None, to: str | None) -> None:
    """Move a simulated clock, running everything that falls due on the way.

    \b
    Examples:
      tally clock advance 7d
      tally clock advance --to 2025-06-21T08:00:00+08:00
    """
    ledger = session.ledger
    offset = ledger.config.policy.calendar_offset
    if (duration is None) == (to is None):
        msg = "say how far: a duration or --to"
        raise InvalidInput(msg, hint="tally clock advance 7d, or --to 2025-06-21")
    if to is not None:
        target = parse_instant(to, offset)
    else:
        length = read_duration(certain(duration))
        if length is None:
            msg = f"{duration!r} is not a duration"
            hint = "write it like 7d, 12h, 30min or 45s; an instant is given with --to"
            raise InvalidInput(msg, hint=hint)
        target = check_year(ledger.now() + length, certain(duration))
    made = ledger.advance(target)
    session.catch_views_up()
    rows = map(session.currencies.event, ledger.recorded(made))
    now = Instant.at(ledger.now(), offset)
    if output.form in ("ndjson", "csv"):
        output.rows(rows, like=Event)
    elif output.human:
        for row in rows:
            write(f"@{row.position:<6} {short(row.effective_at)}  {row.account}  "
                  f"{row.type} {row.instance or ''}".rstrip())  # fmt: skip
        write(f"clock at {now.isoformat()}, {plural(len(made), 'event')} recorded")
    else:
        answer = ClockShown(clock=ledger.config.clock, now=now, events=[])
        with output.object_with(answer) as give:
            for row in rows:
                give(row)
