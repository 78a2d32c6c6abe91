"""Flip: the least single change that would have changed the decision, found by deciding again.

Tried in this order: a top-up, a coupon, a setting of auto-renewal or else a renewal by hand; at
last, leaving out the command itself. Invariant: what is proposed was rehearsed and alters the
decision, and neither one minor unit less nor one second later does. Nothing is written.
This module must not know how a proposal is shown.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ledger import commands as c
from ledger import requests
from ledger.account import fold
from ledger.errors import AccountOverdue, CouponNotEligible, InsufficientBalance
from ledger.events import (
    AutoRenewFailed,
    CommandRefused,
    InstanceExpired,
    InstanceReleased,
    RecordedEvent,
    account_of,
)
from ledger.money import format_minor
from ledger.periods import DAY, SECOND
from ledger.rehearsal.changes import Changes, Insertion
from ledger.rehearsal.differences import subject
from ledger.rehearsal.rehearsal import Rehearsal, recorded_history
from ledger.rules.renewal import AUTO_MONTHS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ledger.state import AccountState
    from ledger.store import Reader

Kind = Literal["top-up", "coupon", "setting", "renewal", "skip"]
TOP_UP: Final = "top-up"
COUPON: Final = "coupon"
SETTING: Final = "setting"
RENEWAL: Final = "renewal"
SKIP: Final = "skip"
_GIFTS: Final[tuple[Kind, ...]] = (TOP_UP, COUPON)
CHANNEL = "whatif"
_STARTS_MAX = 12
AMOUNT_MAX = 10**13  # more than any account needs, and far from what a ledger can hold
_ROUNDS_MAX = 8
_MONEY_CODES = frozenset((AccountOverdue.code, InsufficientBalance.code, CouponNotEligible.code))


class Flip(NamedTuple):
    """A change that would have changed the decision.

    Attributes:
        kind: ``top-up``, ``coupon``, ``setting``, ``renewal`` or ``skip``.
        at: the last instant at which the command would have done.
        amount: the least amount, in minor units, where the change is money.
        command: the command to put in; for ``skip`` the one to leave out.
        skip: position of the command to leave out.

    """

    kind: Kind
    at: int
    amount: int | None
    command: c.AnyCommand
    skip: int | None = None


class RecordedDecision:
    """A recorded decision of an account that might have been another.

    Attributes:
        state: the account just before it.
        starts: instants from which a search may begin: the opening, and the last changes.
        tried: rehearsals so far.

    """

    def __init__(self, reader: Reader, target: RecordedEvent) -> None:
        """Choose the event whose decision is to change."""
        account = account_of(target.stream)
        assert account is not None  # noqa: S101 - the caller chose an account's event
        self._reader = reader
        self.account = account
        self.target = target
        self.tried = 0
        self.starts: list[int] = []
        self._history = list(recorded_history(reader, {account}))  # read once, decided often
        self.state = self._before()

    def _before(self) -> AccountState:
        """Fold the account up to just before the decision's batch."""
        until = (self.target.cause or self.target.position) - 1
        history = [
            recorded for recorded in self._history
            if recorded.stream == self.target.stream and recorded.position <= until
        ]  # fmt: skip
        instants = [recorded.recorded_at for recorded in history]
        latest = sorted(set(instants[1:]))[-_STARTS_MAX:]
        self.starts = sorted({*instants[:1], *latest})
        return fold(self.account, history)

    def altered_by(self, changes: Changes) -> bool:
        """Return whether the decision changes when the history has these changes."""
        self.tried += 1
        rehearsal = Rehearsal(
            self._reader, accounts={self.account}, changes=changes, history=self._history
        )
        steps = rehearsal.run(until=self.target.recorded_at)
        target = self.target
        if isinstance(target.event, CommandRefused):
            for step in steps:
                if step.recorded and step.recorded[0].position == target.position:
                    return step.error is None and not step.duplicate
            return False
        what = _what(target)
        again = (made for step in steps if not step.noted for made in step.derived)
        return not any(_what(made) == what for made in again)

    def altered_by_insert(self, at: int, command: c.AnyCommand) -> bool:
        """Return whether a command at an instant alters the decision."""
        return self.altered_by(Changes(inserts=(Insertion(at, command),)))


def _what(recorded: RecordedEvent) -> tuple[str, int, type, str]:
    return recorded.stream, recorded.effective_at, type(recorded.event), subject(recorded)


def flips(decision: RecordedDecision, *, root: RecordedEvent | None = None) -> Iterator[Flip]:
    """Yield the changes that would have changed the decision, one of each kind at most.

    ``root``: the command that led to the decision; leaving it out is the last resort.
    """
    found = False
    if decision.state.opened_at is not None and _about_money(decision.target):
        for flip in _money_flips(decision):
            found = True
            yield flip
    setting = _setting_flip(decision)
    if setting is not None:
        found = True
        yield setting
    if not found and root is not None and root.position != 0:
        changes = Changes(skips=frozenset((root.position,)))
        refused = isinstance(decision.target.event, CommandRefused)
        if not refused and decision.altered_by(changes):
            command = requests.from_request(root.request)
            yield Flip(SKIP, root.recorded_at, None, command, root.position)


def _about_money(target: RecordedEvent) -> bool:
    """Return whether money could matter: not where a rule refused something else."""
    event = target.event
    return not isinstance(event, CommandRefused) or event.code in _MONEY_CODES


class Gift(NamedTuple):
    """Money that an account might have been given, under a name that nobody uses.

    Attributes:
        ends: the end of a coupon, after the decision that is to change.

    """

    account: str
    currency: str
    name: str
    ends: int

    def command(self, kind: str, amount: int) -> c.AnyCommand:
        """Return the top-up of an amount, or the coupon for everything, in minor units."""
        money = Decimal(format_minor(amount, self.currency))
        if kind == TOP_UP:
            return c.TopUp(
                account=self.account, amount=money, channel=CHANNEL, serial=self.name
            )
        return c.GrantCoupon(
            account=self.account, amount=money, coupon=self.name, ends=self.ends
        )


def money_flips(
    gift: Gift, trial: Callable[[int, c.AnyCommand], bool], *,
    starts: Sequence[int], last: int, near: int,
) -> Iterator[Flip]:  # fmt: skip
    """Yield the latest and least top-up, and coupon, with which a trial succeeds.

    ``starts``: instants from which to search, up to ``last``; ``near``: an amount to try first.
    """
    for kind in _GIFTS:
        for first in starts:
            flipped = edge(
                lambda at, amount, kind=kind: trial(at, gift.command(kind, amount)),  # type: ignore[misc]
                first=first, last=last, near=max(1, near),
            )  # fmt: skip
            if flipped is not None:
                yield Flip(kind, flipped.at, flipped.amount, gift.command(kind, flipped.amount))
                break


def _money_flips(decision: RecordedDecision) -> Iterator[Flip]:
    target, state = decision.target, decision.state
    needed, available = (getattr(target.event, name, None) for name in ("needed", "available"))
    gift = Gift(
        decision.account, state.currency, name=f"flip-{target.position}",
        ends=target.recorded_at + DAY,
    )  # fmt: skip
    return money_flips(
        gift, decision.altered_by_insert, starts=decision.starts, last=target.recorded_at,
        near=(needed or 0) - (available or 0) or state.outstanding,
    )  # fmt: skip


def _setting_flip(decision: RecordedDecision) -> Flip | None:
    """Switch auto-renewal on, or choose a shorter period of it."""
    for command in _settings(decision):

        def altered(instant: int, command: c.AnyCommand = command) -> bool:
            return decision.altered_by_insert(instant, command)

        for first in reversed(decision.starts):
            at = last_instant(altered, first, decision.target.recorded_at)
            if at is not None:
                kind: Kind = RENEWAL if isinstance(command, c.Renew) else SETTING
                return Flip(kind, at, None, command)
    return None


def _settings(decision: RecordedDecision) -> Iterator[c.AnyCommand]:
    event, account = decision.target.event, decision.account
    if isinstance(event, AutoRenewFailed):
        instance = decision.state.instances.get(event.instance)
        months = (instance.auto_months if instance is not None else None) or 1
        for shorter in sorted((m for m in AUTO_MONTHS if m < months), reverse=True):
            yield c.ModifyAutoRenew(account=account, instances=[event.instance], months=shorter)
    elif isinstance(event, (InstanceExpired, InstanceReleased)):
        instance = decision.state.instances.get(event.instance)
        if instance is not None and not instance.auto_enabled:
            yield c.EnableAutoRenew(account=account, instances=[event.instance], months=1)
        yield c.Renew(account=account, instances=[event.instance], months=1)


# --- the edge of a decision: the last instant and the least amount that alter it ----------------


class Threshold(NamedTuple):
    """The last instant, and the least amount at it, for which a trial succeeds."""

    at: int
    amount: int


def last_instant(trial: Callable[[int], bool], first: int, last: int) -> int | None:
    """Return the last whole second in [first, last] for which a trial succeeds.

    None if it does not even at ``first``. Where success comes and goes, it is still an edge.
    """
    if trial(last):
        return last
    if first >= last or not trial(first):
        return None
    good, bad = first // SECOND, last // SECOND
    while bad - good > 1:
        middle = (good + bad) // 2
        if trial(middle * SECOND):
            good = middle
        else:
            bad = middle
    return good * SECOND


def least_amount(trial: Callable[[int], bool], *, near: int = 1) -> int | None:
    """Return the least amount from 1 on for which a trial succeeds, None if none does.

    ``near``: where to look first.
    """
    bad, good = 0, max(1, near)
    while not trial(good):
        bad, good = good, good * 8
        if good > AMOUNT_MAX:
            return None
    while good - bad > 1:
        middle = (good + bad) // 2
        if trial(middle):
            good = middle
        else:
            bad = middle
    return good


def edge(
    trial: Callable[[int, int], bool], *, first: int, last: int, near: int = 1
) -> Threshold | None:
    """Return an edge in both directions: neither a second later nor a minor unit less succeeds.

    The instant is as late as any amount allows; at it the amount is as small as can be.
    """
    ample = AMOUNT_MAX
    for _ in range(_ROUNDS_MAX):
        at = last_instant(lambda instant, ample=ample: trial(instant, ample), first, last)  # type: ignore[misc]
        if at is None:
            return None
        amount = least_amount(lambda some, at=at: trial(at, some), near=near)  # type: ignore[misc]
        if amount is None:
            return None
        if at >= last or not trial(at + SECOND, amount):
            return Threshold(at, amount)
        # Success comes and goes: look after this edge, with the amount that does there.
        first, ample, near = at + SECOND, amount, amount
    return None
