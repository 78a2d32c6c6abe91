"""The low-balance alert: configured, raised, ended, reminded of.

Decides R52, R53 and R54. Due transition: a reminder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger import commands as c
from ledger.account import deadlines as d
from ledger.certain import certain
from ledger.events import (
    AlertConfigured,
    LowBalanceAlertCleared,
    LowBalanceAlertRaised,
    LowBalanceRemindersCancelled,
    LowBalanceReminderSent,
)

if TYPE_CHECKING:
    from ledger.rules.batch import Batch


def set_alert(batch: Batch, _: c.SetAlert, *, threshold: int | None) -> None:
    """Set, change or switch off the threshold; the one it has already changes nothing (R53)."""
    if threshold != batch.state.alert.threshold:
        batch.emit(AlertConfigured(threshold=threshold))


def watch(batch: Batch) -> None:
    """Evaluate the alert once, if the batch changed available in total (R52-R54)."""
    state = batch.state
    alert = state.alert
    available = state.cash - state.outstanding
    if alert.threshold is None or available == batch.available_before:
        return
    threshold = alert.threshold
    if available >= threshold:
        if not alert.armed:
            cleared = LowBalanceAlertCleared(threshold=threshold, available=available)
            batch.emit(cleared, cause=batch.last)
        return
    if alert.armed:
        raised = LowBalanceAlertRaised(
            threshold=threshold, available=available, reminders=available >= 0
        )
        batch.emit(raised, cause=batch.last)
    elif available < 0 and alert.reminders_on:
        batch.emit(LowBalanceRemindersCancelled(available=available), cause=batch.last)


def remind(batch: Batch, _: str) -> None:
    """Due: ``available`` is still below the threshold (R54)."""
    state = batch.state
    number = certain(d.next_reminder(state, batch.config.policy))[1]  # it is due
    threshold = certain(state.alert.threshold)  # an episode is on
    batch.emit(
        LowBalanceReminderSent(number=number, threshold=threshold, available=state.available)
    )


DECISIONS: Final = {c.SetAlert: set_alert}
DUE: Final = {d.REMINDER: remind}
