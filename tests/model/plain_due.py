"""What falls due by itself, and in which order (RULEBOOK section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from .plain_alerts import next_reminder, send_reminder
from .plain_calendar import written
from .plain_errors import Refused
from .plain_money import yuan
from .plain_orders import best_coupon, pay, quote, renew_one
from .plain_renewal import next_slot, slot_words
from .plain_service import (
    expire,
    finish_restoring,
    release,
    releases_at,
    restored_at,
    stop_overdue,
)
from .plain_wallet import bill_usage, end_coupon, start_coupon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from .plain_records import Account, Book, Instance

COUPON_START, COUPON_END, BILL, STOP, RESTORED, SLOT, EXPIRY, RELEASE, REMINDER = range(1, 10)


@dataclass
class Due:
    """One transition; never due before the present instant (R11)."""

    at: datetime
    order: int
    key: tuple[str, str]
    run: Callable[[], None]

    def sort_key(self) -> tuple[datetime, int, tuple[str, str]]:
        """By instant, class, key."""
        return self.at, self.order, self.key


def next_due(book: Book, account: Account, *, reminders: bool = True) -> Due | None:
    """The first transition of an account, None if nothing is in sight."""
    found = [*_all_due(book, account, reminders=reminders)]
    for due in found:
        due.at = max(due.at, book.clock)
    return min(found, key=Due.sort_key, default=None)


def _all_due(book: Book, account: Account, *, reminders: bool) -> Iterator[Due]:
    for name, coupon in account.coupons.items():
        if not coupon.start_passed:
            run = partial(start_coupon, book, account, coupon)
            yield Due(coupon.starts, COUPON_START, (name, ""), run)
        if not coupon.end_passed:
            run = partial(end_coupon, book, account, coupon)
            yield Due(coupon.ends, COUPON_END, (name, ""), run)
    for name, usage in account.usages.items():
        posted_at = usage.cycle_end + book.policy.bill_delay
        yield Due(posted_at, BILL, (name, ""), partial(bill_usage, book, account, usage))
    overdue_since = account.overdue_since()
    for instance in account.instances.values():
        yield from _instance_due(book, account, instance, overdue_since)
    reminder = next_reminder(book, account) if reminders else None
    if reminder:
        k, instant = reminder
        yield Due(instant, REMINDER, ("", ""), partial(send_reminder, book, account, k))


def _instance_due(
    book: Book, account: Account, instance: Instance, overdue_since: datetime | None
) -> Iterator[Due]:
    key = (instance.instance, "")
    about = (book, account, instance)
    legacy = instance.kind == "public_legacy"
    if legacy and instance.state == "running" and overdue_since is not None:
        stop_at = overdue_since + book.policy.overdue_grace_legacy  # R16, R17
        yield Due(stop_at, STOP, key, partial(stop_overdue, *about))
    promised = restored_at(book, instance)
    if promised is not None:
        yield Due(promised, RESTORED, key, partial(finish_restoring, *about))
    end = instance.expires_at
    if end is None or instance.state == "released":
        return
    if instance.state == "stopped_expired":
        release_at = releases_at(book, instance)
        assert release_at is not None
        yield Due(release_at, RELEASE, key, partial(release, *about))
        return
    slot = next_slot(book, instance)
    if slot:
        number, instant = slot
        by_end = (written(end), instance.instance)
        yield Due(instant, SLOT, by_end, partial(run_slot, *about, number, instant))
    yield Due(end, EXPIRY, key, partial(expire, *about))


def run_slot(
    book: Book, account: Account, instance: Instance, number: int, instant: datetime
) -> None:
    """R33: renew from one coupon and cash, or say why not and leave the next slot."""
    term, months = instance.last_term(), instance.auto_months
    assert months is not None
    term.slots_tried.add(number)
    price = book.prices[instance.sku or ""] * months
    try:
        coupon, part = quote(book, account, "renew", price, "auto")
    except Refused as refused:
        usable = best_coupon(book, account, "renew", price)
        within_reach = account.cash + (min(usable.remaining, price) if usable else 0)
        words = slot_words(instance, number, instant)
        words |= {"reason": refused.code, "needed": yuan(price), "available": yuan(within_reach)}
        book.record(account, "AutoRenewFailed", words)
        return
    term.auto_renewed = True
    pay(account, price, coupon, part)
    renew_one(
        book, account, instance, via="auto", months=months, gross=price, coupon=coupon, part=part
    )
