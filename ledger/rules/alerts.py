"""The low-balance alert: configured here; raised and ended in ``batch.watch_balance``.

Decides R53 (configuration) and R54. Due transition: a reminder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.deadlines import next_reminder
from ledger.events import AlertConfigured, LowBalanceReminderSent
from ledger.money import to_minor

if TYPE_CHECKING:
    from ledger.commands import SetAlert
    from ledger.rules.batch import Batch


def set_alert(batch: Batch, command: SetAlert) -> None:
    """Set, change or switch off the threshold; the one it has already changes nothing (R53)."""
    state = batch.state
    threshold = None
    if command.threshold is not None:
        threshold = to_minor(command.threshold, state.currency, least=0, what="threshold")
    if threshold != state.alert.threshold:
        batch.emit(AlertConfigured(threshold=threshold))


def remind(batch: Batch) -> None:
    """Due: ``available`` is still below the threshold (R54)."""
    state = batch.state
    reminder = next_reminder(state, batch.config.policy)
    threshold = state.alert.threshold
    assert reminder is not None  # noqa: S101 - it is due
    assert threshold is not None  # noqa: S101 - an episode is on
    batch.emit(
        LowBalanceReminderSent(
            number=reminder[1], threshold=threshold, available=state.available
        )
    )
