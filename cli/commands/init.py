"""``tally init``: make a new ledger."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.outputs import Target
from cli.render import write
from ledger import clock as clocks
from ledger.errors import InvalidInput
from ledger.periods import parse_instant
from ledger.policy import Policy
from ledger.store import is_server, open_store, shown
from projections.answers.keeping import Made
from projections.answers.terms import Instant

if TYPE_CHECKING:
    from cli.bootstrap import Session


def read_policy(pairs: tuple[str, ...]) -> dict[str, str]:
    """Read ``key=value`` pairs. Raises: InvalidInput."""
    values: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            msg = f"{pair!r} is not key=value"
            raise InvalidInput(msg, hint="e.g. --policy retention=15d")
        values[key] = value
    return values


@click.command("init")
@click.option(
    "--clock", type=click.Choice([clocks.SYSTEM, clocks.SIMULATED]), default=clocks.SYSTEM,
    show_default=True, help="Real time, or a clock that only commands move.",
)  # fmt: skip
@click.option("--start", metavar="T", help="Where a simulated clock starts (default: now).")
@click.option("--currency", default="CNY", show_default=True, help="ISO 4217 code.")
@click.option(
    "--policy", multiple=True, metavar="KEY=VALUE", help="Policy value to set; repeatable."
)
@tally_command()
def command(
    session: Session,
    output: Output,
    *,
    clock: str,
    start: str | None,
    currency: str,
    policy: tuple[str, ...],
) -> None:
    """Make a new ledger.

    \b
    Examples:
      tally init
      tally init --clock simulated --start 2025-01-01
      tally init --policy retention=30d --policy restore_delay=10min
    """
    from ledger.founding import create  # noqa: PLC0415 - loads the write side
    from ledger.money import check_currency  # noqa: PLC0415 - loaded when needed
    from ledger.store.making import new_ledger  # noqa: PLC0415 - loaded when needed

    values = read_policy(policy)
    check_currency(currency)
    readings = Policy()
    readings.check(values)
    readings.adopt(values, at=0)
    if start is not None and clock == clocks.SYSTEM:
        msg = "--start is for a simulated clock"
        raise InvalidInput(msg, hint="add --clock simulated")
    offset = readings.calendar_offset
    begins = clocks.system_now() if start is None else parse_instant(start, offset)
    folder = Path(session.location).absolute().parent
    if not is_server(session.location):
        if not folder.is_dir():
            msg = f"there is not a folder {str(folder)!r}"
            raise InvalidInput(msg, hint="make it first")
        if not Path(session.location).exists():
            Target(session.location).check_new([])
    with new_ledger(session.location) as fresh, closing(open_store(fresh)) as store:
        create(
            store, clock=clock, start=begins, currency=currency, policy=values,
            ledger=os.urandom(16).hex(),
        )  # fmt: skip
    answer = Made(
        ledger=shown(session.location), clock=clock, now=Instant.at(begins, offset),
        currency=currency, policy=readings.values, position=1,
    )  # fmt: skip
    if not output.answered(answer):
        write(f"made {answer.ledger}: {clock} clock at {answer.now.isoformat()}, {currency}")
        write("next: tally record open-account --account a-1, or tally import FILE")
