"""The named policy values: which reading of the rules is in force (RULEBOOK section 4).

Invariant: a ledger's first event adopts every value; a later adoption holds from its instant
for everything not yet done, and makes nothing due before that instant (``since``).
This module must not know what the values decide.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ledger.errors import InvalidInput
from ledger.periods import DAY, HOUR, MINUTE, SECOND
from ledger.quoting import QUOTED_MAX, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_UNITS = {"s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"(\d{1,9})(s|min|h|d)")
_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")
_TIME = re.compile(r"(\d{2}):(\d{2})(?::(\d{2}))?")
_DIGITS_MAX = 20
_REQUIRED = re.compile(r"(?:check:)?[a-z0-9][a-z0-9._/-]{0,98}", re.ASCII)
_REMINDERS_MAX = 1000
_DURATION_MAX = 36_500 * DAY


def _bad(text: str, want: str) -> InvalidInput:
    msg = f"{quoted(text)} is not a value for this policy"
    return InvalidInput(msg, hint=f"write it like {want}")


def parse_duration(text: str) -> int:
    """Read ``4h``, ``30min``, ``15d`` or ``0``, in microseconds. Raises: InvalidInput."""
    parts = _DURATION.findall(text)
    if text == "0":
        return 0
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise _bad(text, "4h, 30min, 15d or 0")
    length = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if length > _DURATION_MAX:
        raise _bad(text, "4h, 30min or 15d (at most 36500d)")
    return length


def _upto(limit: int, want: str) -> Callable[[str], int]:
    def parse(text: str) -> int:
        length = parse_duration(text)
        if length > limit:
            raise _bad(text, want)
        return length

    return parse


def _offset(text: str) -> int:
    match = _OFFSET.fullmatch(text)
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        raise _bad(text, "+08:00")
    length = int(match[2]) * HOUR + int(match[3]) * MINUTE
    return -length if match[1] == "-" else length


def _time_of_day(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3] or 0) > 59:
        raise _bad(text, "08:00:00")
    return int(match[1]) * HOUR + int(match[2]) * MINUTE + int(match[3] or 0) * SECOND


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        short = text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX
        if not short or not least <= int(text) <= most:
            raise _bad(text, f"a whole number from {least} to {most}")
        return int(text)

    return parse


def _one_of(*readings: str) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if text not in readings:
            raise _bad(text, " or ".join(readings))
        return readings.index(text)

    return parse


def _required(text: str) -> tuple[str, ...]:
    if text == "none":
        return ()
    names = tuple(text.split(","))
    if not all(_REQUIRED.fullmatch(name) for name in names) or len(set(names)) < len(names):
        raise _bad(text, "none, or a list without spaces: camt053,csv,check:month-end")
    return names


# key -> (default, parser). The values are stored as written, so that an audit reads them.
KEYS: dict[str, tuple[str, Callable[[str], object]]] = {
    "calendar_offset": ("+08:00", _offset),
    "bill_delay": ("4h", _upto(4 * HOUR, "0 to 4h")),
    "overdue_grace_legacy": ("24h", parse_duration),
    "restore_delay": ("30min", _upto(30 * MINUTE, "0 to 30min")),
    "retention": ("15d", parse_duration),
    "trial_retention": ("15d", parse_duration),
    "expiry": ("next_midnight", _one_of("next_midnight", "exact")),
    "auto_renew_first_day": ("9", _whole(1, 30)),
    "auto_renew_last_day": ("1", _whole(1, 30)),
    "auto_renew_time": ("08:00:00", _time_of_day),
    "auto_renew_effective": ("next_day", _one_of("next_day", "next_slot")),
    "coupon_pays_posted": ("false", _one_of("false", "true")),
    "alert_reminders": ("5", _whole(0, _REMINDERS_MAX)),
    "five_day_refund": ("5d", parse_duration),
    "closed_period": ("warn", _one_of("warn", "refuse")),
    "close_requires": ("none", _required),
}
_SLOT_KEYS = ("calendar_offset", "auto_renew_first_day", "auto_renew_last_day", "auto_renew_time")


_WORD_MAX, _KNOWN_MAX = 200, 20_000  # beyond these a comparison takes too long


def did_you_mean(word: str, known: list[str]) -> str | None:
    """Suggest the nearest known word, for the hint of an error; none where two are as near.

    A guess among many ids that look alike would send a person to somebody else's account.
    """
    from difflib import SequenceMatcher, get_close_matches  # noqa: PLC0415 - as an error is told

    if len(word) > _WORD_MAX or len(known) > _KNOWN_MAX:
        return None
    near = get_close_matches(word, known, n=2, cutoff=0.6)
    alike = [SequenceMatcher(None, candidate, word).ratio() for candidate in near]
    if not near or (len(near) > 1 and alike[0] == alike[1]):
        return None
    return f"did you mean {near[0]}?"


class Policy:
    """The values in force at one place of the log, parsed.

    Attributes:
        values: every key with its value as written.
        since: for each key, the instant from which its value is in force.
        revision: another object after each adoption, to recognise what was computed before.

    """

    calendar_offset: int
    bill_delay: int
    overdue_grace_legacy: int
    restore_delay: int
    retention: int
    trial_retention: int
    expiry: int
    auto_renew_first_day: int
    auto_renew_last_day: int
    auto_renew_time: int
    auto_renew_effective: int
    coupon_pays_posted: int
    alert_reminders: int
    five_day_refund: int
    closed_period: int
    close_requires: tuple[str, ...]

    def __init__(self) -> None:
        """Start with the defaults, in force from the beginning."""
        self.values: dict[str, str] = {}
        self.since: dict[str, int] = {}
        self.revision = object()
        self.slots_since = 0
        self.adopt({key: default for key, (default, _) in KEYS.items()}, at=0)

    def adopt(self, values: Mapping[str, str], *, at: int) -> None:
        """Put values in force from an instant on. They were checked when they were recorded."""
        for key, text in values.items():
            setattr(self, key, KEYS[key][1](text))
            self.values[key] = text
            self.since[key] = at
        self.revision = object()
        self.slots_since = max(self.since.get(key, 0) for key in _SLOT_KEYS)

    def check(self, values: Mapping[str, str]) -> None:
        """Refuse keys and values that no reading knows.

        Raises: InvalidInput, with a suggestion for a mistyped key.
        """
        for key, text in values.items():
            if key not in KEYS:
                hint = did_you_mean(key[:QUOTED_MAX], list(KEYS)) or "keys: " + " ".join(KEYS)
                raise InvalidInput(f"{quoted(key)} is not a policy", hint=hint)
            if not text.isascii():  # \d knows the digits of every script
                raise InvalidInput(f"{key}: {quoted(text)} is not a value for this policy")
            try:
                KEYS[key][1](text)
            except InvalidInput as error:
                raise InvalidInput(f"{key}: {error}", hint=error.hint) from None
        days = {**self.values, **values}
        if int(days["auto_renew_first_day"]) < int(days["auto_renew_last_day"]):
            msg = "auto_renew_first_day lies after auto_renew_last_day"
            raise InvalidInput(msg, hint="slots count down, e.g. from day 9 to day 1 before T")
