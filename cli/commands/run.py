"""``tally run``: keep a system-clock ledger caught up."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from cli.event_lines import event_line
from cli.notices.options import delivery, notice_options
from cli.options import Output, tally_command
from cli.render import flush, write
from ledger import clock as clocks
from ledger.errors import WrongClock
from ledger.periods import SECOND, format_instant
from projections.answers.keeping import Ran
from projections.history.points import read_start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.bootstrap import Session
    from cli.notices.delivery import DeliveryLoop
    from ledger.events import RecordedEvent
    from projections.answers.events import Event

DELIVERING = 5 * SECOND
POLL_SECONDS = 60  # another process may record something that is due sooner


class _Stopped(Exception):  # not an error: a signal asked for the end
    """SIGTERM asks for a clean end."""


def _stop(_signal: int, _frame: object) -> None:
    raise _Stopped


@click.command("run")
@click.option("--once", is_flag=True, help="Catch up and stop.")
@click.option("--until", metavar="T", help="Stop at T.")
@click.option("--notify", "to", metavar="URL", help="Deliver notices here: see tally notify.")
@notice_options
@tally_command(rows=True)
def command(
    session: Session, output: Output, *, once: bool, until: str | None, to: str | None,
    **options: Any,
) -> None:  # fmt: skip
    """Keep a system-clock ledger caught up: sleep until the next transition, record it, print it.

    \b
    Examples:
      tally run
      tally run --once --ndjson
      tally run --notify https://hooks.example.com/billing
    """
    ledger = session.ledger
    if ledger.config.clock != clocks.SYSTEM:
        raise WrongClock(what="tally run", clock=ledger.config.clock)
    offset = ledger.config.policy.calendar_offset
    end = None if until is None else read_start(until, offset)
    work = None if to is None else delivery(session, to, **options)
    signal.signal(signal.SIGTERM, _stop)
    with _printing(output) as show:
        _catch_up(session, show, work, once=once, end=end)
    if output.human:
        following = ledger.next_deadline()
        when = "nothing is due" if following is None else (
            f"next due: {following[1]} at {format_instant(following[0], offset)}"
        )
        write(f"caught up; {when}")


def _for_a_while(delivering: Iterator[RecordedEvent]) -> list[RecordedEvent]:
    """Deliver for some seconds, so that what falls due meanwhile does not wait."""
    made: list[RecordedEvent] = []
    end = clocks.system_now() + DELIVERING
    for recorded in delivering:
        made.append(recorded)
        if clocks.system_now() >= end:
            break
    return made


def _catch_up(
    session: Session,
    show: Callable[[Event], None],
    work: DeliveryLoop | None,
    *,
    once: bool,
    end: int | None,
) -> None:
    """Record what falls due and show it, until the end, or until a signal asks for one."""
    ledger = session.ledger
    try:
        while True:
            made = ledger.advance()
            sent: list[RecordedEvent] = []
            if work is not None:
                sent = list(work.once()) if once else _for_a_while(work.ready())
            if made or sent:
                session.catch_views_up()
            for recorded in chain(ledger.recorded(made), sent):
                show(session.currencies.event(recorded))
            if once or (end is not None and ledger.now() >= end):
                break
            flush()
            if made or sent:
                ledger.store.settle()
            following = ledger.next_deadline()
            instants = [end, following[0] if following is not None else None]
            instants += [work.wait_until()] if work is not None else []
            ledger.store.reader.wait(_pause(ledger.now(), instants))
    except _Stopped:
        pass


@contextmanager
def _printing(output: Output) -> Iterator[Callable[[Event], None]]:
    """Yield what prints an event as it comes; nothing is gathered."""
    if output.form == "json":
        with output.object_with(Ran(events=[])) as give:
            yield give
    elif output.human:
        yield lambda row: write(event_line(row))
    else:
        yield lambda row: output.rows([row])


def _pause(now: int, instants: list[int | None]) -> int:
    """Return how many seconds to sleep: until the first of these instants, but never long."""
    limits = [(instant - now) // SECOND for instant in instants if instant is not None]
    return max(1, min([POLL_SECONDS, *limits]))
