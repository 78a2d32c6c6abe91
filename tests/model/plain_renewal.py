"""Automatic renewal: switching it, and which slot is next (plain_due runs the slots)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .plain_calendar import DAY, SECOND, local, midnight, written
from .plain_errors import Refused
from .plain_policy import slots

if TYPE_CHECKING:
    from .plain_commands import Command
    from .plain_records import Account, Book, Instance

AUTO_MONTHS = (1, 2, 3, 6, 12, 24, 36)  # R29
LONGEST_LIST = 100


def check_list(account: Account, names: list[str]) -> list[Instance]:
    """R27: existence and kind of a whole list."""
    if not 1 <= len(names) <= LONGEST_LIST or len(set(names)) < len(names):
        raise Refused("NOT_RENEWABLE")
    if any(name not in account.instances for name in names):
        raise Refused("NOT_RENEWABLE")
    instances = [account.instances[name] for name in names]
    if any(not instance.has_term() for instance in instances):
        raise Refused("NOT_RENEWABLE")
    return instances


def check_not_released(instances: list[Instance]) -> None:
    """R23, R27."""
    if any(instance.state == "released" for instance in instances):
        raise Refused("NOT_RENEWABLE")


def next_slot(book: Book, instance: Instance) -> tuple[int, datetime] | None:
    """R31-R35: (number, instant) of the next attempt, None if this term has none left."""
    end = instance.expires_at
    if instance.auto_months is None or end is None or book.clock >= end:
        return None
    term = instance.last_term()
    if term.auto_renewed:
        return None
    assert instance.slots_from is not None
    # A slot at the very instant of the change came before the command that changed it.
    earliest = max(instance.slots_from, book.slots_changed_at + timedelta(seconds=1))
    for number, instant in slots(end, book.policy):
        if instant >= earliest and number not in term.slots_tried:
            return number, instant
    return None


def tick(
    book: Book,
    account: Account,
    instance: Instance,
    *,
    months: int,
    slots_from: datetime | None = None,
) -> int:
    """Switch auto-renewal on or change its period; the number of warnings (R32)."""
    essentials: dict[str, object] = {"instance": instance.instance, "months": months}
    if instance.auto_months is not None:
        if instance.auto_months != months:
            instance.auto_months = months
            book.record(account, "AutoRenewModified", essentials)
        return 0
    instance.auto_months = months
    if slots_from is None:
        slots_from = _effective_from(book)
    instance.slots_from = max(instance.slots_from or slots_from, slots_from)
    book.record(account, "AutoRenewEnabled", essentials)
    return 0 if next_slot(book, instance) else 1


def enable_or_modify(book: Book, account: Account, c: Command) -> int:
    """R30: enabling what is on changes the period, modifying what is off enables."""
    instances = check_list(account, c["instances"])
    if any(_enables(c, instance) and instance.kind == "trial" for instance in instances):
        raise Refused("NOT_RENEWABLE")
    for instance in instances:
        if instance.state == "released":
            raise Refused("NOT_RENEWABLE")
        assert instance.expires_at is not None
        if _enables(c, instance) and book.clock >= instance.expires_at:
            raise Refused("EXPIRED")
    if c["months"] not in AUTO_MONTHS:
        raise Refused("INVALID_PERIOD")
    return sum(tick(book, account, instance, months=c["months"]) for instance in instances)


def _enables(c: Command, instance: Instance) -> bool:
    """`enable` asks for T to be ahead even where it is on already (R30)."""
    return c["do"] == "enable-auto-renew" or instance.auto_months is None


def disable(book: Book, account: Account, c: Command) -> int:
    """R30, R36: back to manual renewal; nothing happens to what is off."""
    instances = check_list(account, c["instances"])
    check_not_released(instances)
    for instance in instances:
        if instance.auto_months is not None:
            instance.auto_months = None
            book.record(account, "AutoRenewDisabled", {"instance": instance.instance})
    return 0


def _effective_from(book: Book) -> datetime:
    """R32: newly enabled, from the next local day (or the next slot, section 4)."""
    if book.policy.auto_renew_effective == "next_slot":
        return book.clock + SECOND
    offset = book.policy.calendar_offset
    return midnight(local(book.clock, offset).date() + DAY, offset)


def slot_words(instance: Instance, number: int, instant: datetime) -> dict[str, object]:
    """What events about a slot say."""
    return {"instance": instance.instance, "slot": number, "slot_at": written(instant)}
