"""Backtest: a history decided again under other rules, with what it was beside what it becomes.

Policy, list prices and coupons may be changed; what customers did stays as it was recorded, but
for the answers that stated rules give to what is new (customers.py). Invariant: a backtest that
changes nothing gives the recorded history on both sides. Accounts are independent but for prices
and policy, so a history can be decided in shares of accounts.
This module must not know what is measured, nor how it is shown.
"""

from __future__ import annotations

from decimal import Decimal
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger import codec
from ledger import commands as c
from ledger import events as e
from ledger.events import ACCOUNT_PREFIX, account_of
from ledger.money import format_minor
from ledger.rehearsal.changes import Insertion, PriceChange
from ledger.rehearsal.customers import CHANNEL, OCCASIONS
from ledger.rehearsal.differences import subject
from ledger.rehearsal.rehearsal import Rehearsal, Step
from ledger.repeats import NO_RECORDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ledger.events import RecordedEvent
    from ledger.rehearsal.changes import Changes
    from ledger.rehearsal.customers import Rule
    from ledger.store import Reader

PRICE, ANSWER = 0, 1  # at one instant a new price comes before a customer's answer
Occasion = tuple[str, str, int, str]  # stream, what a rule reacts to, when, about what
_NAMES: Final = {kind: name for name, kind in OCCASIONS.items()}
_TAGS: Final = {name: codec.tag(kind).encode() for name, kind in OCCASIONS.items()}


class Promised(NamedTuple):
    """A top-up that a customer is going to make."""

    rule: Rule
    account: str
    event: e.Event
    coupon_part: int
    serial: str


class Backtest(Rehearsal):
    """Decides the history of some accounts again under other rules.

    Attributes:
        answers: the top-ups that the rules on customers have made.

    """

    def __init__(
        self,
        reader: Reader,
        *,
        accounts: Collection[str],
        changes: Changes,
        customers: Sequence[Rule] = (),
        starts: int = 0,
    ) -> None:
        """Choose the accounts and the changes; before ``starts`` it is as recorded."""
        super().__init__(reader, accounts=accounts, changes=changes, since=starts)
        self._customers = customers
        self._recorded = _occasions(reader, accounts, customers) if customers else frozenset()
        self._pinned: dict[str, int] = {}  # list prices that the changes have put in force
        self._waiting: list[tuple[int, int, int, PriceChange | Promised]] = []
        self._count = 0
        self.answers: list[Insertion] = []
        for price in changes.prices:
            self._wait(max(price.at, starts), PRICE, price)

    def _wait(self, at: int, kind: int, what: PriceChange | Promised) -> None:
        self._count += 1
        heappush(self._waiting, (at, kind, self._count, what))

    def sides(self, *, until: int | None = None) -> Iterator[tuple[bool, RecordedEvent]]:
        """Yield (is it decided again, event): each side's events in that side's own order."""
        for step in self.run(until=until):
            yield from ((False, recorded) for recorded in step.recorded)
            yield from ((True, recorded) for recorded in step.derived)

    # --- what happens besides the recorded commands ----------------------------------------

    def run_due(self, *, until: int) -> None:
        """Run everything due, new prices and customers' answers, each at its instant."""
        while self._waiting or self._customers:
            entry = self.due.first()
            due = until + 1 if entry is None else entry[0]
            waiting = self._waiting[0][0] if self._waiting else until + 1
            if min(due, waiting) > until:
                return
            if due <= waiting:  # what is due comes before anything else at its instant
                super().run_due(until=due)
            else:
                at, _, _, what = heappop(self._waiting)
                self._happen(at, what)
        super().run_due(until=until)

    def _happen(self, at: int, what: PriceChange | Promised) -> None:
        if isinstance(what, PriceChange):
            self._pinned[what.sku] = what.monthly_price
            self._pin()
            return
        state = self.load(what.account)
        assert state is not None  # noqa: S101 - one of its events was just decided
        size = what.rule.size(state, what.event, coupon_part=what.coupon_part)
        if not size:
            return
        amount = Decimal(format_minor(size, state.currency))
        command = c.TopUp(account=what.account, amount=amount, channel=CHANNEL, serial=what.serial)
        self.answers.append(Insertion(at, command))
        self.decide(command, now=at, records=NO_RECORDS)

    def _add(self, made: Sequence[RecordedEvent], recorded_at: int) -> None:
        super()._add(made, recorded_at)
        for rule in self._customers:
            for recorded in made:
                if rule.concerns(recorded) and _occasion(recorded) not in self._recorded:
                    self._answer(rule, recorded)

    def _answer(self, rule: Rule, recorded: RecordedEvent) -> None:
        account = account_of(recorded.stream)
        state = self.load(account) if account is not None else None
        assert account is not None and state is not None  # noqa: S101, PT018 - an account's event
        event = recorded.event
        part = event.available - state.cash if isinstance(event, e.AutoRenewFailed) else 0
        serial = f"{account}:{rule.on}:{recorded.effective_at}:{self._count}"
        answer = Promised(rule, account, event, max(0, part), serial)
        self._wait(recorded.effective_at + rule.within, ANSWER, answer)

    # --- what is changed --------------------------------------------------------------------

    def _pin(self) -> None:
        super()._pin()
        self.config.prices.update(self._pinned)

    def _adopt(self, recorded: RecordedEvent) -> None:
        super()._adopt(recorded)
        while self._waiting and self._waiting[0][0] <= recorded.recorded_at:
            at, _, _, what = heappop(self._waiting)
            self._happen(at, what)

    def _again(self, batch: list[RecordedEvent]) -> Iterator[Step]:
        first = batch[0]
        granted = first.event
        changed = self._changes.coupons
        if isinstance(granted, e.CouponGranted) and granted.coupon in changed:
            values = changed[granted.coupon]
            if values is None:
                skips = self._changes.skips | {first.position}
                self._changes = self._changes._replace(skips=skips)
            else:
                patches = {**self._changes.patches, first.position: values}
                self._changes = self._changes._replace(patches=patches)
        yield from super()._again(batch)
        if isinstance(granted, e.PriceSet):
            self._pin()


def _occasion(recorded: RecordedEvent) -> Occasion:
    kind = _NAMES[type(recorded.event)]
    return recorded.stream, kind, recorded.effective_at, subject(recorded)


def _occasions(
    reader: Reader, accounts: Collection[str], customers: Sequence[Rule]
) -> frozenset[Occasion]:
    """Return what really happened of all that the rules react to."""
    tags = [_TAGS[name] for name in {rule.on for rule in customers}]
    occasions = set()
    for account in accounts:
        bodies = reader.stream_bodies(ACCOUNT_PREFIX + account)
        named = [body for body in bodies if any(tag in body for tag in tags)]
        for recorded in codec.decode_all(named):
            if type(recorded.event) in _NAMES:
                occasions.add(_occasion(recorded))
    return frozenset(occasions)
