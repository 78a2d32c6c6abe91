"""The named policy values of RULEBOOK section 4: defaults, spelling, and what is allowed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from .plain_calendar import DAY, from_local, local
from .plain_errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULTS: Mapping[str, str] = {
    "calendar_offset": "+08:00",
    "bill_delay": "4h",
    "overdue_grace_legacy": "24h",
    "restore_delay": "30min",
    "retention": "15d",
    "trial_retention": "15d",
    "expiry": "next_midnight",
    "auto_renew_first_day": "9",
    "auto_renew_last_day": "1",
    "auto_renew_time": "08:00:00",
    "auto_renew_effective": "next_day",
    "coupon_pays_posted": "false",
    "alert_reminders": "5",
    "five_day_refund": "5d",
    "closed_period": "warn",
    "close_requires": "none",
}
# The keys that move slots: a slot computed before their last change is skipped.
SLOT_KEYS = ("calendar_offset", "auto_renew_first_day", "auto_renew_last_day", "auto_renew_time")
UNITS = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": DAY,
}


@dataclass(frozen=True)
class Policy:
    """The readings in force, ready to be used."""

    calendar_offset: timedelta
    bill_delay: timedelta
    overdue_grace_legacy: timedelta
    restore_delay: timedelta
    retention: timedelta
    trial_retention: timedelta
    expiry: str
    auto_renew_first_day: int
    auto_renew_last_day: int
    auto_renew_time: time
    auto_renew_effective: str
    coupon_pays_posted: bool
    alert_reminders: int
    five_day_refund: timedelta
    closed_period: str
    close_requires: tuple[str, ...]


def read_policy(texts: Mapping[str, str]) -> Policy:
    """All values from their spelling; an unknown key or value is a usage error."""
    for key in texts:
        if key not in DEFAULTS:
            raise UsageError(f"no such policy: {key!r}")
    said = {**DEFAULTS, **texts}
    return Policy(
        calendar_offset=_offset(said["calendar_offset"]),
        bill_delay=_duration(said["bill_delay"], at_most=timedelta(hours=4)),
        overdue_grace_legacy=_duration(said["overdue_grace_legacy"]),
        restore_delay=_duration(said["restore_delay"], at_most=timedelta(minutes=30)),
        retention=_duration(said["retention"]),
        trial_retention=_duration(said["trial_retention"]),
        expiry=_one_of(said["expiry"], "next_midnight", "exact"),
        auto_renew_first_day=_whole(said["auto_renew_first_day"], 1, 30),
        auto_renew_last_day=_whole(said["auto_renew_last_day"], 1, 30),
        auto_renew_time=_time_of_day(said["auto_renew_time"]),
        auto_renew_effective=_one_of(said["auto_renew_effective"], "next_day", "next_slot"),
        coupon_pays_posted=_one_of(said["coupon_pays_posted"], "true", "false") == "true",
        alert_reminders=_whole(said["alert_reminders"], 0, 1_000_000),
        five_day_refund=_duration(said["five_day_refund"]),
        closed_period=_one_of(said["closed_period"], "warn", "refuse"),
        close_requires=_names(said["close_requires"]),
    )


def slots(term_end: datetime, policy: Policy) -> list[tuple[int, datetime]]:
    """R31: (number, instant) of every slot of a term, in order of time; none at or after T."""
    last_local_day = local(term_end, policy.calendar_offset).date()
    found = []
    for number in range(policy.auto_renew_first_day, policy.auto_renew_last_day - 1, -1):
        wall = datetime.combine(last_local_day - number * DAY, policy.auto_renew_time)
        instant = from_local(wall, policy.calendar_offset)
        if instant < term_end:
            found.append((number, instant))
    return found


def _duration(text: str, *, at_most: timedelta | None = None) -> timedelta:
    if text == "0":
        return timedelta()
    match = re.fullmatch(r"([0-9]{1,8})(s|min|h|d)", text)
    if match is None:
        raise UsageError(f"not a duration: {text!r}")
    found = int(match[1]) * UNITS[match[2]]
    if at_most is not None and found > at_most:
        raise UsageError(f"at most {at_most}: {text!r}")
    return found


def _offset(text: str) -> timedelta:
    match = re.fullmatch(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])", text)
    if match is None:
        raise UsageError(f"not an offset: {text!r}")
    found = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return -found if match[1] == "-" else found


def _time_of_day(text: str) -> time:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]", text):
        raise UsageError(f"not a time of day: {text!r}")
    return time.fromisoformat(text)


def _whole(text: str, lowest: int, highest: int) -> int:
    if not re.fullmatch(r"[0-9]{1,7}", text) or not lowest <= int(text) <= highest:
        raise UsageError(f"not a whole number from {lowest} to {highest}: {text!r}")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    if text == "none":
        return ()
    names = tuple(text.split(","))
    if "" in names or len(set(names)) < len(names):
        raise UsageError(f"not a list of names: {text!r}")
    return names


def _one_of(text: str, *allowed: str) -> str:
    if text not in allowed:
        raise UsageError(f"not one of {', '.join(allowed)}: {text!r}")
    return text
