"""Why not: a command decided on a copy, and what it would take to have it accepted.

Invariant: the answer is the decider's own, for the instant of the clock; nothing is written.
This module must not know how the answer is shown.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from ledger import clock as clocks
from ledger import commands as c
from ledger.engine import find_records
from ledger.errors import ClockWentBackwards, NoSuchThing, Refused, WrongClock
from ledger.events import CommandRefused, RecordedEvent
from ledger.money import format_minor
from ledger.periods import format_instant
from ledger.rehearsal.flip import CHANNEL, COUPON, TOP_UP, Flip
from ledger.rehearsal.forecast import ahead, load
from ledger.rehearsal.search import least_amount
from ledger.rehearsal.whatif import recorded_event
from ledger.repeats import Duplicate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.engine import Engine
    from ledger.store import Reader

_MONEY_CODES = frozenset(("ACCOUNT_OVERDUE", "INSUFFICIENT_BALANCE"))
_DAY = 86_400_000_000


class Answer(NamedTuple):
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
) -> Answer:
    """Decide a command on a copy at an instant, after others, as if it were given then.

    Raises: InvalidInput.
    """
    engine = ahead(reader, simulated=False)
    currency = engine.config.currency
    if isinstance(command, c.AccountCommand):
        state = load(engine, reader, command.account)
        if state is not None:
            currency = state.currency
            engine.reschedule(state)
    engine.run_due(until=now)
    for one in first:
        engine.decide(one, now=now, records=find_records(one, reader.request)[0])
    records, _ = find_records(command, reader.request)
    before = _money(engine, command)
    try:
        made, refused = engine.decide(command, now=now, records=records)
    except Duplicate:
        return Answer((), None, duplicate=True, currency=currency)
    after = _money(engine, command)
    return Answer(
        made, refused, duplicate=False, currency=currency, before=before, after=after
    )


def _money(engine: Engine, command: c.AnyCommand) -> tuple[int, int] | None:
    """Return cash and outstanding of the account that a command is to, where it is there."""
    if not isinstance(command, c.AccountCommand):
        return None
    state = engine.states.get(command.account)
    return None if state is None else (state.cash, state.outstanding)


def dry_run(reader: Reader, command: c.AnyCommand, *, clock: int) -> Answer:
    """Decide a normalised command as recording it would; it may move a simulated clock.

    Raises: InvalidInput, WrongClock, ClockWentBackwards.
    """
    if command.at is None:
        return try_now(reader, command, now=clock)
    config, at = ahead(reader, simulated=False).config, int(command.at)
    if config.clock == clocks.SYSTEM:
        raise WrongClock(what='"at" given', clock=clocks.SYSTEM)
    answer = try_now(reader, command, now=max(at, clock))
    if at < clock and not answer.duplicate:
        offset = config.policy.calendar_offset
        raise ClockWentBackwards(
            at=format_instant(at, offset), clock=format_instant(clock, offset)
        )
    return answer


def cures(reader: Reader, command: c.AnyCommand, answer: Answer, *, now: int) -> list[Flip]:
    """Return the least top-up, and the least coupon, with which the command would be accepted."""
    refused = answer.refused
    if refused is None or refused.code not in _MONEY_CODES:
        return []
    if not isinstance(command, c.AccountCommand):
        return []
    account, found = command.account, []
    near = max(1, (refused.needed or 0) - (refused.available or 0))

    def make(kind: str, amount: int) -> c.AnyCommand:
        money = Decimal(format_minor(amount, answer.currency))
        if kind == TOP_UP:
            return c.TopUp(account=account, amount=money, channel=CHANNEL, serial=f"flip-{now}")
        return c.GrantCoupon(
            account=account, amount=money, coupon=f"flip-{now}", ends=now + _DAY
        )

    for kind in (TOP_UP, COUPON):

        def accepted(amount: int, kind: str = kind) -> bool:
            tried = try_now(reader, command, now=now, first=(make(kind, amount),))
            return tried.refused is None

        amount = least_amount(accepted, near=near)
        if amount is not None:
            found.append(Flip(kind, now, amount, make(kind, amount)))
    return found


def recorded_refusal(reader: Reader, position: int) -> RecordedEvent:
    """Return a refusal of the past. Raises: NoSuchThing."""
    recorded = recorded_event(reader, position)
    if not isinstance(recorded.event, CommandRefused):
        kind = type(recorded.event).__name__
        msg = f"@{position} is not a refusal but {kind}"
        raise NoSuchThing(msg, hint="find refusals with: tally log --type CommandRefused")
    return recorded
