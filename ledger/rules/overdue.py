"""Overdue: since when, what stops because of it, and how service comes back.

Decides R9, R16, R17 and R19. Due transitions: the legacy stop, the service restored.
Invariant: the overdue events say what the unpaid items say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger import commands as c
from ledger.account import deadlines as d
from ledger.account.ordering import ordering
from ledger.certain import certain
from ledger.errors import WrongState
from ledger.events import (
    OverdueCleared,
    OverdueReanchored,
    OverdueStarted,
    ServiceRestored,
    ServiceStopped,
)
from ledger.state import RESTORING

if TYPE_CHECKING:
    from ledger.rules.batch import Batch


def mark(batch: Batch, *, cause: int | None) -> None:
    """Start, move or clear overdue so that it says what the items say (R9, R17, R19)."""
    state, order = batch.state, ordering(batch.state, batch.config.policy)
    oldest = order.oldest(state)
    if oldest is None:
        if state.overdue_since is None:
            return
        cleared = batch.emit(OverdueCleared(overdue_since=state.overdue_since), cause=cause)
        for name in sorted(order.stopped):
            batch.restore_service(name, cause=cleared)
        return
    if state.overdue_since is None:
        started = OverdueStarted(item=oldest.item, overdue_since=oldest.posted_at)
        batch.emit(started, cause=cause)
    elif (oldest.posted_at, oldest.item) != (state.overdue_since, state.overdue_item):
        moved = OverdueReanchored(item=oldest.item, overdue_since=oldest.posted_at)
        batch.emit(moved, cause=cause)


def stop_legacy(batch: Batch, instance: str) -> None:
    """Due: the account stayed overdue for the whole grace period (R16, R17)."""
    since = certain(batch.state.overdue_since)  # only an overdue account has this deadline
    batch.emit(ServiceStopped(instance=instance, overdue_since=since))


def restore(batch: Batch, command: c.Restore, *, effective_at: int) -> None:
    """Note that a service came back earlier than promised (R19)."""
    instance = batch.instance(command.instance, rule="R19")
    if instance.state != RESTORING:
        msg = f"instance {command.instance!r} is {instance.state}, not restoring"
        raise WrongState(msg, rule="R19")
    batch.require_after_last_change(instance, effective_at)
    batch.emit(
        ServiceRestored(instance=command.instance, via="fact"), effective_at=effective_at
    )


def restored(batch: Batch, instance: str) -> None:
    """Due: the service runs again as promised (R19)."""
    batch.emit(ServiceRestored(instance=instance, via="promise"))


DECISIONS: Final = {c.Restore: restore}
DUE: Final = {d.LEGACY_STOP: stop_legacy, d.RESTORED: restored}
