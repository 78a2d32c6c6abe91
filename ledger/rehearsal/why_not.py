"""Why not: a command decided on a copy, and what it would take to have it accepted.

Invariant: the answer is the decider's own, for the instant of the clock; nothing is written.
This module must not know how the answer is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import clock as clocks
from ledger import commands as c
from ledger.errors import (
    AccountOverdue,
    ClockWentBackwards,
    InsufficientBalance,
    NoSuchThing,
    Refused,
    WrongClock,
)
from ledger.events import CommandRefused, RecordedEvent
from ledger.loading import load_config
from ledger.periods import DAY, format_instant
from ledger.rehearsal.flip import Flip, Gift, money_flips
from ledger.rehearsal.fork import Fork
from ledger.rehearsal.whatif import recorded_event
from ledger.repeats import Duplicate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.store import Reader

_MONEY_CODES = frozenset((AccountOverdue.code, InsufficientBalance.code))


class Tried(NamedTuple):
    """What would become of a command now.

    Attributes:
        made: the events it would record; none of a repeat.
        refused: the rule's error, None if it would be accepted.
        duplicate: it repeats a command that was accepted.
        before: cash and outstanding of its account, in minor units, when it was decided.
        after: the same afterwards.

    """

    made: Sequence[RecordedEvent]
    refused: Refused | None
    duplicate: bool
    currency: str
    before: tuple[int, int] | None = None
    after: tuple[int, int] | None = None


def try_now(
    reader: Reader, command: c.AnyCommand, *, now: int, first: Sequence[c.AnyCommand] = ()
) -> Tried:
    """Decide a command on a copy at an instant, after others, as if it were given then.

    Raises: InvalidInput.
    """
    fork = Fork(reader)
    currency = fork.config.currency
    if isinstance(command, c.AccountCommand):
        state = fork.load(command.account)
        if state is not None:
            currency = state.currency
            fork.reschedule(state)
    fork.run_due(until=now)
    for earlier in first:
        fork.take(earlier, now=now)
    before = _money(fork, command)
    try:
        made, refused = fork.take(command, now=now)
    except Duplicate:
        return Tried((), None, duplicate=True, currency=currency)
    after = _money(fork, command)
    return Tried(
        made, refused, duplicate=False, currency=currency, before=before, after=after
    )


def _money(fork: Fork, command: c.AnyCommand) -> tuple[int, int] | None:
    """Return cash and outstanding of the account that a command is to, where it is there."""
    if not isinstance(command, c.AccountCommand):
        return None
    state = fork.load(command.account)
    return None if state is None else (state.cash, state.outstanding)


def dry_run(reader: Reader, command: c.AnyCommand, *, clock: int) -> Tried:
    """Decide a normalised command as recording it would; it may move a simulated clock.

    Raises: InvalidInput, WrongClock, ClockWentBackwards.
    """
    if command.at is None:
        return try_now(reader, command, now=clock)
    config, at = load_config(reader), command.at
    if config.clock == clocks.SYSTEM:
        raise WrongClock(what='"at" given', clock=clocks.SYSTEM)
    answer = try_now(reader, command, now=max(at, clock))
    if at < clock and not answer.duplicate:
        offset = config.policy.calendar_offset
        raise ClockWentBackwards(
            at=format_instant(at, offset), clock=format_instant(clock, offset)
        )
    return answer


def cures(reader: Reader, command: c.AnyCommand, answer: Tried, *, now: int) -> list[Flip]:
    """Return the least top-up, and the least coupon, with which the command would be accepted."""
    refused = answer.refused
    if refused is None or refused.code not in _MONEY_CODES:
        return []
    if not isinstance(command, c.AccountCommand):
        return []

    def accepted(at: int, payment: c.AnyCommand) -> bool:
        return try_now(reader, command, now=at, first=(payment,)).refused is None

    gift = Gift(command.account, answer.currency, name=f"flip-{now}", ends=now + DAY)
    short = (refused.needed or 0) - (refused.available or 0)
    return list(money_flips(gift, accepted, starts=(now,), last=now, near=short))


def recorded_refusal(reader: Reader, position: int) -> RecordedEvent:
    """Return a refusal of the past. Raises: NoSuchThing."""
    recorded = recorded_event(reader, position)
    if not isinstance(recorded.event, CommandRefused):
        kind = type(recorded.event).__name__
        msg = f"@{position} is not a refusal but {kind}"
        raise NoSuchThing(msg, hint="find refusals with: tally log --type CommandRefused")
    return recorded
