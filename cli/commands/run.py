"""``tally run``: keep a system-clock ledger caught up."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import click

from cli.event_lines import event_line
from cli.options import Output, tally_command
from cli.points import read_start
from cli.render import flush, write
from ledger import clock as clocks
from ledger.errors import WrongClock
from ledger.periods import SECOND, format_instant
from projections.answers import Formatter, event_json

if TYPE_CHECKING:
    from cli.bootstrap import Session

POLL_SECONDS = 60  # another process may record something that is due sooner


class _Stopped(Exception):  # not an error: a signal asked for the end
    """SIGTERM asks for a clean end."""


def _stop(_signal: int, _frame: object) -> None:
    raise _Stopped


@click.command("run")
@click.option("--once", is_flag=True, help="Catch up and stop.")
@click.option("--until", metavar="T", help="Stop at T.")
@tally_command(rows=True)
def command(session: Session, output: Output, *, once: bool, until: str | None) -> None:
    """Keep a system-clock ledger caught up: sleep until the next transition, record it, print it.

    \b
    Examples:
      tally run
      tally run --once --ndjson
    """
    ledger = session.ledger
    if ledger.catalog.clock != clocks.SYSTEM:
        raise WrongClock(what="tally run", clock=ledger.catalog.clock)
    offset = ledger.catalog.policy.calendar_offset
    end = None if until is None else read_start(until, offset)
    signal.signal(signal.SIGTERM, _stop)
    every: list[dict[str, Any]] = []
    try:
        while True:
            made = ledger.advance()
            if made:
                session.views()
            written = Formatter(offset=offset, currency=ledger.catalog.currency)
            rows = [event_json(recorded, written) for recorded in made]
            every += rows if output.form == "json" else []
            _print(output, rows)
            if once or (end is not None and ledger.now() >= end):
                break
            flush()
            if made:
                ledger.store.settle()
            ledger.store.reader.wait(_pause(ledger.next_deadline(), ledger.now(), end))
    except _Stopped:
        pass
    if output.form == "json":
        output.object({"schema": "tally.run/1", "events": every})
    elif output.human:
        following = ledger.next_deadline()
        when = "nothing is due" if following is None else (
            f"next due: {following[1]} at {format_instant(following[0], offset)}"
        )
        write(f"caught up; {when}")


def _print(output: Output, rows: list[dict[str, Any]]) -> None:
    if output.form in ("ndjson", "csv"):
        output.rows(rows)
    elif output.human:
        for row in rows:
            write(event_line(row))


def _pause(following: tuple[int, str] | None, now: int, end: int | None) -> int:
    """Give how many seconds to sleep: until what is due next, but never long."""
    limits = [POLL_SECONDS]
    due_at = following[0] if following is not None else None
    limits += [(instant - now) // SECOND for instant in (due_at, end) if instant is not None]
    return max(1, min(limits))
