"""``tally status``: where the ledger stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.render import table, write
from ledger.events import PeriodClosed
from ledger.proof.seals import last_seal
from ledger.quoting import plural
from ledger.store import shown
from projections.answers.keeping import (
    JournalShown,
    LastCheck,
    LastSeal,
    NextDue,
    Status,
    ViewStanding,
)
from projections.answers.terms import Instant
from projections.deadlines import stored_next
from projections.history.closes import recorded_closes
from projections.pages import short
from projections.runner import Views

if TYPE_CHECKING:
    from cli.bootstrap import Session

_KINDS = {
    1: "coupon start", 2: "coupon end", 3: "bill posting", 4: "legacy stop",
    5: "service restored", 6: "auto-renewal slot", 7: "expiry", 8: "release", 9: "reminder",
}  # fmt: skip


@click.command("status")
@tally_command()
def command(session: Session, output: Output) -> None:
    """Show head position, clock, views and their lag, and what is due next.

    \b
    Examples:
      tally status
      tally status --json
    """
    offset = session.offset
    head = session.reader.head()
    views = Views(session.reader).status()
    known = any(view.name == "deadlines" and view.position for view in views)
    due = stored_next(session.reader) if known else None
    session.note_what_is_due()
    answer = Status(
        ledger=shown(session.location),
        id=session.config.ledger,
        currency=session.config.currency,
        head=head.position,
        recorded_at=Instant.at(head.recorded_at, offset),
        clock=session.config.clock,
        now=Instant.at(session.now, offset),
        policy=session.config.policy.values,
        views=[ViewStanding(**view._asdict()) for view in views],
        last_seal=_last_seal(session),
        last_check=_last_check(session),
        journal=JournalShown.of(session.reader),
        next_due=None if due is None else NextDue(
            account=due[0], at=Instant.at(due[1], offset), what=_KINDS[due[2]], key=due[3],
        ),
    )  # fmt: skip
    if not output.answered(answer):
        _page(answer)


def _page(answer: Status) -> None:
    now = answer.now.isoformat()
    write(f"{answer.ledger}: head @{answer.head}, {answer.clock} clock at {now}")
    due, seal, check = answer.next_due, answer.last_seal, answer.last_check
    if due is not None:
        write(f"next due: {f'{due.what} of {due.account} {due.key}'.rstrip()} at {short(due.at)}")
    said = "none" if seal is None else f"@{seal.size}, {plural(seal.unsealed, 'event')} since"
    write(f"last seal: {said}")
    if check is not None:
        met = ", ".join(check.open_points)
        write(f"last check: close of {check.period} @{check.position}, "
              f"{f'not met: {met}' if met else 'every point met'}")
    if answer.journal is not None and answer.journal.said:
        write(f"journal: {answer.journal.said}")
    table(
        ("view", "version", "position", "lag", "state"),
        [(view.name, view.version, view.position, view.lag, view.state) for view in answer.views],
    )


def _last_check(session: Session) -> LastCheck | None:
    """Return what the last close says of its checklist."""
    for recorded in recorded_closes(session.reader)[-1:]:
        event = recorded.event
        if isinstance(event, PeriodClosed):
            return LastCheck(
                position=recorded.position, period=event.period, open_points=event.open_points,
                at=Instant.at(recorded.recorded_at, session.offset),
            )  # fmt: skip
    return None


def _last_seal(session: Session) -> LastSeal | None:
    """Return the position up to which the log is sealed."""
    seal = last_seal(session.reader.connection)
    if seal is None:
        return None
    unsealed = session.reader.head().position - seal.size
    return LastSeal(number=seal.number, size=seal.size, unsealed=unsealed)
