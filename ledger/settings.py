"""What a ledger's settings say: notes beside the log that are not part of it, and may be rotten.

Invariant: what does not read as it was written is named, in one line; it is never guessed.
This module must not know where settings are kept.
"""

from __future__ import annotations

import re

from ledger.errors import IntegrityBroken
from ledger.quoting import quoted

CLOCK_KEY = "clock"
_WHOLE = re.compile(r"[0-9]{1,18}")


class SettingBroken(IntegrityBroken):
    """A setting beside the log does not say what it must (exit 5)."""

    code = "SETTING_BROKEN"

    def __init__(self, key: str, *, value: str, want: str) -> None:
        """Name the setting and what it holds."""
        super().__init__(
            f"the setting {quoted(key)} of this ledger holds {quoted(value)}, not {want}",
            hint="the log itself is not affected: tally verify; restore the setting from a copy",
        )


def whole(key: str, value: str | None, *, want: str = "a whole number") -> int:
    """Read a setting that holds a whole number; 0 where it is not there. Raises: SettingBroken."""
    if value is None:
        return 0
    if not _WHOLE.fullmatch(value):
        raise SettingBroken(key, value=value, want=want)
    return int(value)


def clock_at(value: str | None) -> int:
    """Read the simulated clock. Units: UTC microseconds. Raises: SettingBroken."""
    return whole(CLOCK_KEY, value, want="an instant in microseconds")
