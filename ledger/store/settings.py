"""The table ``meta``: small settings of one ledger (the simulated clock, notes of imports).

No view depends on it, and no event carries it. So that a row that was edited, added or taken away
is noticed all the same, one row keeps the sum of all others: their number and the XOR of their
hashes, carried on with each change. Invariant: only ``put`` and ``drop`` write to the table.
This module must not know what a setting means.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from ledger.errors import IntegrityBroken
from ledger.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger.connection import Connection

CLOCK_KEY: Final = "clock"
GUARD: Final = "guard"  # the row that keeps the sum
_HASH_BYTES: Final = 32
_WHOLE: Final = re.compile(r"[0-9]{1,18}")


class SettingBroken(IntegrityBroken):
    """A setting beside the log does not say what it must (exit 5)."""

    code = "SETTING_BROKEN"

    def __init__(self, key: str, *, value: str, want: str) -> None:
        """Name the setting and what it holds."""
        super().__init__(
            f"the setting {quoted(key)} of this ledger holds {quoted(value)}, not {want}",
            hint="the log itself is not affected: tally verify; restore the setting from a copy",
        )


def put(connection: Connection, key: str, value: str) -> None:
    """Keep a setting, inside the caller's transaction. Raises: IntegrityBroken."""
    count, total = _guarded(connection)
    before = get(connection, key)
    if before == value:
        return
    if before is None:
        count += 1
    else:
        total ^= _hash(key, before)
    _write(connection, key, value)
    _write(connection, GUARD, _spelled(count, total ^ _hash(key, value)))


def drop(connection: Connection, key: str) -> None:
    """Forget a setting, inside the caller's transaction. Raises: IntegrityBroken."""
    count, total = _guarded(connection)
    before = get(connection, key)
    if before is not None:
        connection.execute("DELETE FROM meta WHERE key = ?", (key,))
        _write(connection, GUARD, _spelled(count - 1, total ^ _hash(key, before)))


def get(connection: Connection, key: str) -> str | None:
    """Return a setting."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row is not None else None


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


def all_of(connection: Connection) -> list[tuple[str, str]]:
    """List every setting, by key, without the row that guards them."""
    rows = connection.execute("SELECT key, value FROM meta ORDER BY key")
    return [(key, value) for key, value in rows if key != GUARD]


def guard_of(settings: Iterable[tuple[str, str]]) -> str:
    """Compute what the guarding row must say of some settings."""
    count = total = 0
    for key, value in settings:
        count += 1
        total ^= _hash(key, value)
    return _spelled(count, total)


def _guarded(connection: Connection) -> tuple[int, int]:
    """Read the sum; a ledger made before there was one gets it with the next change."""
    count, _, total = (get(connection, GUARD) or guard_of(all_of(connection))).partition(":")
    try:
        return int(count), int(total, 16)
    except ValueError:
        msg = "the row of the settings that guards the others cannot be read"
        hint = "see what is wrong: tally verify"
        raise IntegrityBroken(msg, kind="modified", hint=hint) from None


def _write(connection: Connection, key: str, value: str) -> None:
    written = connection.execute(
        "INSERT INTO meta VALUES (?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value RETURNING key, value",
        (key, value),
    ).fetchall()
    if [tuple(row) for row in written] != [(key, value)]:
        msg = f"the database did not keep the setting {key!r}"
        raise IntegrityBroken(msg, kind="modified", hint="see what is wrong: tally verify")


def _hash(key: str, value: str) -> int:
    raw = f"{len(key)}:{key}{value}".encode("utf-8", "surrogatepass")
    return int.from_bytes(sha256(raw).digest(), "big")


def _spelled(count: int, total: int) -> str:
    return f"{count}:{total.to_bytes(_HASH_BYTES, 'big').hex()}"
