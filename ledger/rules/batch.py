"""A batch: one command or one due transition, with all that it causes at once (R52, R57).

Every rule emits its events here; ``emit`` gives each its envelope and evolves the state at once,
so that the next step decides on what is true by then. Decides what every fact is held to: what an
account may hold (section 0), what a late one may change (R11), and closed periods (R62).
This module must not know what a rule decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import account, events
from ledger.account.ordering import ordering
from ledger.envelopes import NOBODY, envelop
from ledger.errors import EffectiveTimeOutOfOrder, InvalidAmount, UnknownInstance
from ledger.money import HELD_MAX
from ledger.periods import format_instant
from ledger.repeats import NO_RECORDS

if TYPE_CHECKING:
    from ledger.config import LedgerConfig
    from ledger.envelopes import DecisionContext, Provenance
    from ledger.events import AnyEvent, RecordedEvent
    from ledger.repeats import IdempotencyRecords
    from ledger.state import AccountState, Instance


class Batch:
    """The events of one command or transition, while they are being decided.

    Attributes:
        now: the instant of decision: consequences are effective then (R11).
        records: what the whole ledger remembers of the command's keys.

    """

    __slots__ = (
        "_context", "_provenance", "available_before", "config", "events", "now", "override",
        "records", "state", "stream",
    )  # fmt: skip

    def __init__(
        self, state: AccountState, config: LedgerConfig, context: DecisionContext, *,
        provenance: Provenance = NOBODY,
    ) -> None:  # fmt: skip
        """Open a batch; what falls due is asked for by nobody."""
        self.state = state
        self.config = config
        self.now = context.now
        self._context = context
        self._provenance = provenance
        self.stream = events.ACCOUNT_PREFIX + state.account
        self.available_before = state.cash - state.outstanding
        self.events: list[RecordedEvent] = []
        self.override = False
        self.records: IdempotencyRecords = NO_RECORDS

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
        if not made:
            cause = None
        else:
            cause = cause or made[0].position
            if len(made) == 1:
                self._provenance = self._provenance.following
        recorded = envelop(
            event, self._provenance, self._context,
            stream=self.stream, version=self.state.version + 1, nth=len(made), cause=cause,
            effective_at=effective_at,
        )  # fmt: skip
        made.append(recorded)
        account.evolve(self.state, recorded)
        return recorded.position

    def require_room(self, *, cash: int = 0, debts: int = 0, coupons: int = 0) -> None:
        """Refuse what would make an account's cash, debts or coupons too much in total (section 0).

        ``debts`` are what is unpaid and usage that is not billed yet. Raises: InvalidAmount.
        """
        state = self.state
        order = ordering(state, self.config.policy)
        if cash and state.cash + cash > HELD_MAX:
            msg = f"account {state.account!r} cannot hold so much cash"
        elif debts and state.outstanding + order.unbilled + debts > HELD_MAX:
            msg = f"account {state.account!r} cannot owe so much in total"
        elif coupons and order.left + coupons > HELD_MAX:
            msg = f"the coupons of account {state.account!r} cannot hold so much in total"
        else:
            return
        raise InvalidAmount(f"{msg} (9 * 10^18 minor units)", rule="R2")

    def _guard(self, effective_at: int) -> None:
        """Refuse a fact for a closed period; the clock itself is never refused (R62)."""
        provenance = self._provenance
        if provenance.command is not None:
            self.config.closes.check_fact(
                effective_at, override=self.override,
                actor=provenance.actor, reason=provenance.reason,
            )  # fmt: skip

    def instance(self, name: str, *, rule: str) -> Instance:
        """Return an instance of the account. Raises: UnknownInstance."""
        instance = self.state.instances.get(name)
        if instance is None:
            msg = f"account {self.state.account!r} has no instance {name!r}"
            raise UnknownInstance(msg, rule=rule)
        return instance

    def require_after_last_change(self, instance: Instance, effective_at: int) -> None:
        """Refuse a late fact that would rewrite a state which has changed since (R11)."""
        if effective_at < instance.changed_at:
            offset = self.config.policy.calendar_offset
            raise EffectiveTimeOutOfOrder(
                effective_at=format_instant(effective_at, offset),
                bound=format_instant(instance.changed_at, offset),
                why=f"before the last change of state of {instance.instance!r}",
            )

    def restore_service(self, instance: str, *, cause: int | None) -> None:
        """Let a stopped service come back within ``restore_delay`` (R19)."""
        restored_at = self.now + self.config.policy.restore_delay
        restoring = events.ServiceRestoring(instance=instance, restored_at=restored_at)
        self.emit(restoring, cause=cause)
