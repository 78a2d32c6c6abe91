"""The low-balance alert (R52-R54)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .plain_money import yuan
from .plain_records import Account, Alert, Book

if TYPE_CHECKING:
    from .plain_commands import Command

BETWEEN_REMINDERS = timedelta(hours=24)


def set_alert(book: Book, account: Account, c: Command) -> int:
    """R53: a new threshold arms silently and ends the episode; the same one changes nothing."""
    if c["threshold"] != account.alert.threshold:
        account.alert = Alert(threshold=c["threshold"], armed=c["threshold"] is not None)
        shown = None if c["threshold"] is None else yuan(c["threshold"])
        book.record(account, "AlertConfigured", {"threshold": shown})
    return 0


def evaluate(book: Book, account: Account) -> None:
    """R52-R54: looked at once after a batch that changed `available`."""
    alert, available = account.alert, account.available()
    if alert.threshold is None:
        return
    if available >= alert.threshold:  # recovery: armed again, the episode is over
        alert.armed = True
        alert.raised_at = None
    elif alert.armed:
        alert.armed = False
        alert.raised_at = book.clock
        alert.reminders_sent = 0
        alert.reminders_dropped = available < 0
        book.record(account, "LowBalanceAlertRaised", {"available": yuan(available)})
    elif available < 0:
        alert.reminders_dropped = True


def next_reminder(book: Book, account: Account) -> tuple[int, datetime] | None:
    """R54: (k, instant) of the next reminder; those computed before a policy change are skipped."""
    alert = account.alert
    if alert.raised_at is None or alert.reminders_dropped:
        return None
    for k in range(alert.reminders_sent + 1, book.policy.alert_reminders + 1):
        instant = alert.raised_at + k * BETWEEN_REMINDERS
        if instant >= book.reminders_changed_at:
            return k, instant
    return None


def send_reminder(book: Book, account: Account, k: int) -> None:
    """R54."""
    account.alert.reminders_sent = k
    book.record(account, "LowBalanceReminderSent", {"reminder": k})
