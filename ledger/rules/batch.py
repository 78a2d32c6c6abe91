"""A batch: one command or one due transition, with all that it causes at once (R52, R57).

Every rule emits its events here; ``emit`` gives each its envelope and evolves the state at once,
so that the next step decides on what is true by then. ``draw_consequences`` follows up on money
whatever moved it: settlement (R2), overdue (R9), restoring (R19); ``watch_balance`` comes last.
Invariant: cash > 0 implies no unpaid item, and the overdue events say what the items say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import account, events
from ledger.errors import InvalidAmount
from ledger.events import RecordedEvent
from ledger.invariants import check_at_hand
from ledger.money import HELD_MAX
from ledger.ordering import ordering

if TYPE_CHECKING:
    import msgspec

    from ledger.config import LedgerConfig
    from ledger.events import AnyEvent
    from ledger.state import AccountState, Item


class Batch:
    """The events of one command or transition, while they are being decided.

    Attributes:
        now: the instant of decision: consequences are effective then (R11).
        recorded_at: what the ledger's clock says; later than ``now`` for a late catch-up.

    """

    __slots__ = (
        "actor", "available_before", "command", "config", "events", "now", "override", "position",
        "reason", "recorded_at", "request", "state", "stream", "token",
    )  # fmt: skip

    def __init__(
        self, state: AccountState, config: LedgerConfig, *,
        now: int, recorded_at: int, position: int,
    ) -> None:  # fmt: skip
        """Open a batch whose first event gets ``position``."""
        self.state = state
        self.config = config
        self.now = now
        self.recorded_at = recorded_at
        self.position = position
        self.stream = events.ACCOUNT_PREFIX + state.account
        self.available_before = state.cash - state.outstanding
        self.events: list[RecordedEvent] = []
        self.command: str | None = None
        self.actor: str | None = None
        self.reason: str | None = None
        self.override = False
        self.token: str | None = None
        self.request: msgspec.Raw = events.NO_REQUEST

    @property
    def first(self) -> int | None:
        """Position of the batch's first event, the cause of what follows by default."""
        return self.events[0].position if self.events else None

    @property
    def last(self) -> int | None:
        """Position of the batch's last event."""
        return self.events[-1].position if self.events else None

    def emit(
        self, event: AnyEvent, *, cause: int | None = None, effective_at: int | None = None
    ) -> int:
        """Record an event, evolve the state by it, and return its position.

        Time axis: effective now unless it is a fact that says otherwise (R11). Every other check
        was made by then, so a fact for a closed period is refused here, if at all (R62).
        """
        made = self.events
        if effective_at is not None and not made and self.config.policy.closed_period:
            self._guard(effective_at)
        recorded = RecordedEvent(
            position=self.position + len(made),
            stream=self.stream,
            version=self.state.version + 1,
            recorded_at=self.recorded_at,
            effective_at=self.now if effective_at is None else effective_at,
            event=event,
            cause=(cause or made[0].position) if made else None,
            command=self.command,
            actor=self.actor,
            reason=self.reason,
            token=None if made else self.token,
            request=events.NO_REQUEST if made else self.request,
        )
        made.append(recorded)
        account.evolve(self.state, recorded)
        return recorded.position

    def require_room(self, *, cash: int = 0, debts: int = 0, coupons: int = 0) -> None:
        """Refuse what would make an account's cash, debts or coupons too much in all (section 0).

        ``debts`` are what is unpaid and usage that is not billed yet. Raises: InvalidAmount.
        """
        state = self.state
        order = ordering(state, self.config.policy)
        if cash and state.cash + cash > HELD_MAX:
            msg = f"account {state.account!r} cannot hold so much cash"
        elif debts and state.outstanding + order.unbilled + debts > HELD_MAX:
            msg = f"account {state.account!r} cannot owe so much in all"
        elif coupons and order.left + coupons > HELD_MAX:
            msg = f"the coupons of account {state.account!r} cannot hold so much in all"
        else:
            return
        raise InvalidAmount(f"{msg} (9 * 10^18 minor units)", rule="R2")

    def _guard(self, effective_at: int) -> None:
        """Refuse a fact for a closed period; the clock itself is never refused (R62)."""
        if self.command is not None:
            self.config.closes.check_fact(
                effective_at, override=self.override, actor=self.actor, reason=self.reason
            )

    def restore_service(self, instance: str, *, cause: int | None) -> None:
        """Let a stopped service come back within ``restore_delay`` (R19)."""
        restored_at = self.now + self.config.policy.restore_delay
        restoring = events.ServiceRestoring(instance=instance, restored_at=restored_at)
        self.emit(restoring, cause=cause)


def oldest_first(state: AccountState) -> list[Item]:
    """Order the unpaid items by (posted_at, item id) (R2)."""
    return sorted(state.items.values(), key=lambda item: (item.posted_at, item.item))


def settle(batch: Batch) -> int | None:
    """Pay unpaid items from cash, oldest first, partially if need be (R2, R50)."""
    state, policy = batch.state, batch.config.policy
    position = None
    while state.cash > 0 and (item := ordering(state, policy).oldest(state)) is not None:
        part = min(state.cash, item.outstanding)
        position = batch.emit(
            events.BillSettled(
                item=item.item, kind=item.kind, cash_part=part,
                outstanding=item.outstanding - part,
            )
        )  # fmt: skip
    return position


def mark_overdue(batch: Batch, *, cause: int | None) -> None:
    """Start, move or clear overdue so that it says what the items say (R9, R17, R19)."""
    state = batch.state
    if not state.items:
        if state.overdue_since is None:
            return
        cleared = batch.emit(events.OverdueCleared(overdue_since=state.overdue_since), cause=cause)
        for name in sorted(ordering(state, batch.config.policy).stopped):
            batch.restore_service(name, cause=cleared)
        return
    oldest = ordering(state, batch.config.policy).oldest(state)
    assert oldest is not None  # noqa: S101 - there are items
    if state.overdue_since is None:
        started = events.OverdueStarted(item=oldest.item, overdue_since=oldest.posted_at)
        batch.emit(started, cause=cause)
    elif (oldest.posted_at, oldest.item) != (state.overdue_since, state.overdue_item):
        moved = events.OverdueReanchored(item=oldest.item, overdue_since=oldest.posted_at)
        batch.emit(moved, cause=cause)


def watch_balance(batch: Batch) -> None:
    """Evaluate the low-balance alert once, if the batch changed available in total (R52-R54)."""
    state = batch.state
    alert = state.alert
    available = state.cash - state.outstanding
    if alert.threshold is None or available == batch.available_before:
        return
    threshold = alert.threshold
    if available >= threshold:
        if not alert.armed:
            cleared = events.LowBalanceAlertCleared(threshold=threshold, available=available)
            batch.emit(cleared, cause=batch.last)
        return
    if alert.armed:
        raised = events.LowBalanceAlertRaised(
            threshold=threshold, available=available, reminders=available >= 0
        )
        batch.emit(raised, cause=batch.last)
    elif available < 0 and alert.reminders_on:
        batch.emit(events.LowBalanceRemindersCancelled(available=available), cause=batch.last)


def draw_consequences(batch: Batch) -> None:
    """Settle what is unpaid and keep overdue true after anything that may have moved money."""
    state = batch.state
    cause = None
    if state.items and state.cash > 0:
        cause = settle(batch)
    if state.items or state.overdue_since is not None:
        mark_overdue(batch, cause=cause or batch.last)


def finish(batch: Batch) -> None:
    """End a batch: the alert, then what must hold of every account between two batches (R1, R9).

    Raises: CorruptHistory: our own bug, or a damaged log.
    """
    watch_balance(batch)
    state = batch.state
    oldest = ordering(state, batch.config.policy).oldest(state) if state.items else None
    check_at_hand(state, oldest)
