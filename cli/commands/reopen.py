"""``tally reopen``: let a closed period take facts again; the latest closed one first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.render import write
from projections.answers.closing import MonthReopened, Reopened

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.command("reopen")
@click.argument("period")
@click.option("--actor", help="Who reopens it.")
@click.option("--reason", help="Why.")
@tally_command()
def command(
    session: Session, output: Output, *, period: str, actor: str | None, reason: str | None
) -> None:
    """Reopen the latest closed period; both closes stay in the log.

    Facts recorded about it until it is closed again are not restatements; the next
    close lists them.

    \b
    Examples:
      tally reopen 2025-03 --actor ops/lin --reason "late bank file"
    """
    from ledger.decisions.closing import reopen  # noqa: PLC0415 - loads the write side
    from ledger.periods import read_period  # noqa: PLC0415 - as above

    term = read_period(period, session.offset)
    made = reopen(session.ledger, term, actor=actor, reason=reason)
    months = [
        MonthReopened(
            period=getattr(one.event, "period", ""), close=getattr(one.event, "close", 0),
            position=one.position,
        )
        for one in made
    ]  # fmt: skip
    if output.answered(Reopened(period=term.name, position=made[0].position, months=months)):
        return
    for month in months:
        write(f"reopened {month.period}, closed at @{month.close} [@{month.position}]")
    write("when it is complete: tally close")
