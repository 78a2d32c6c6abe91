"""``tally lots``: which receipt paid what, of one account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from msgspec import UNSET

from cli.options import Output, account_argument, tally_command
from cli.render import WIDTH, point_line, strong, table, write
from cli.restatements import say_restated
from projections.reports.lots import lot_rows, lots_shown

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.history.points import Point

@click.command("lots")
@account_argument()
@tally_command(rows=True, point=True)
def command(session: Session, output: Output, account: str, when: Point | None) -> None:
    """Show which receipt paid what: cash is spent first in, first out.

    A chargeback takes from its own top-up's lot first. What remains adds up to the cash.

    \b
    Examples:
      tally lots a-1
      tally lots a-1 --at 2025-03-31 --json
    """
    point = session.at(when)
    found = lots_shown(session, point, account)
    session.note_what_is_due()
    if not output.answered(found, "lots"):
        write(strong(point_line(found.point, account)))
        if found.lots:
            header = ("lot", "received", "what", "reference", "amount", "remaining")
            table(header, lot_rows(found.lots), page=WIDTH)
        for one in () if found.uncovered is UNSET else found.uncovered:
            write(f"no receipt covers {one.amount} of {one.item} [@{one.position}] yet")
        write(f"cash {found.total} {found.currency}, the sum of what remains")
        say_restated(found.restated)
