"""``tally close``: commit the derived state of a period to the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.progress import Progress
from cli.render import plural, write
from ledger import clock as clocks

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.command("close")
@click.argument("period")
@click.option("--actor", help="Who closes it.")
@click.option("--reason", help="Why.")
@tally_command()
def command(
    session: Session, output: Output, *, period: str, actor: str | None, reason: str | None
) -> None:
    """Close a period: an event keeps the digests of trial balance and instance states at its end.

    A replay must give the same digests; tally verify --deep checks it.

    \b
    Examples:
      tally close 2025-03 --actor ops/lin
    """
    from ledger.closing import check_ended, read_period, record_close  # noqa: PLC0415 - writes
    from ledger.events import PeriodClosed  # noqa: PLC0415 - as above
    from projections.evidence.digests import digests, point_of  # noqa: PLC0415 - as above

    month = read_period(period, session.offset)
    check_ended(month, now=session.now, offset=session.offset)
    if session.catalog.clock == clocks.SYSTEM:
        session.ledger.advance()  # what is due belongs to the period
    reader = session.store.reader
    position = reader.head().position
    with Progress("close") as progress:
        found = digests(reader, point_of(reader, at=month.last, position=position), progress)
    recorded = record_close(
        session.store,
        PeriodClosed(
            period=month.name, at=month.last, known_position=position, **found._asdict()
        ),
        now=session.now, actor=actor, reason=reason,
    )  # fmt: skip
    if output.human:
        said = f"{plural(found.accounts, 'account')}, {plural(found.instances, 'instance')}"
        write(f"closed {month.name} [@{recorded.position}]: {said}, as known at @{position}")
        write(f"  trial balance    {found.trial_balance}")
        write(f"  instance states  {found.instance_states}")
        write("next: tally seal")
        return
    output.object(
        {
            "schema": "tally.close/1", "period": month.name, "position": recorded.position,
            "known_position": position, **found._asdict(),
        }
    )  # fmt: skip
