"""Whole states of long streams, kept so that a first command does not fold 50,000 events.

One row an account: its state after the first ``version`` events of its stream, in the order of
positions, on which whatever was recorded later is folded; late facts are only recorded late, so
there is nothing that they could make wrong. Invariant: a state that is loaded equals the fold from
nothing. What is kept is derived and disposable: of another format, damaged, or on another event
than the log's, it is not there. This module must not know when views are caught up.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from msgspec import MsgspecError

from ledger import codec
from ledger.account import fold, fold_on
from ledger.connection import readable, writable
from ledger.events import ACCOUNT_PREFIX
from ledger.kept.packing import FORMAT, pack, unpack

if TYPE_CHECKING:
    from ledger.connection import Connection
    from ledger.state import AccountState
    from ledger.store import Reader, Writer

TABLE: Final = "view_states"
LONG = 2000  # a stream that is shorter is folded as soon as read
# A state is written again when its stream has grown by this part: a stream of N events has written
# a few states of its size by then, and a load folds at most a fifth of it (docs/decisions/0086).
PART: Final = 4
_END: Final = 2**62

CREATE_STATES = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (account TEXT NOT NULL PRIMARY KEY, "
    "format INTEGER NOT NULL, version INTEGER NOT NULL, position INTEGER NOT NULL, "
    "body_sha256 BLOB NOT NULL, digest BLOB NOT NULL, state BLOB NOT NULL)"
)


def load(
    reader: Reader, account: str, *, until: int | None = None, look: bool = True
) -> AccountState | None:
    """Return an account's state after the events up to a position; None where it has none.

    ``look``: whether something may be kept of it; who loads thousands asks ``accounts`` once.
    """
    stream, end = ACCOUNT_PREFIX + account, _END if until is None else until
    state = _kept(reader, account, end) if look else None
    if state is None:
        bodies = reader.stream_bodies(stream, until_position=until)
        return fold(account, codec.folded(bodies)) if bodies else None
    bodies = reader.stream_part(stream, after=state.version, to=_END, until=end, at=_END)
    return fold_on(state, codec.folded(bodies))


def accounts(reader: Reader) -> frozenset[str]:
    """Return the accounts of which something is kept: those with long streams, so few."""
    if not readable(reader.connection, TABLE):
        return frozenset()
    rows = reader.connection.execute(f"SELECT account FROM {TABLE} WHERE format = ?", (FORMAT,))
    return frozenset(account for (account,) in rows)


def keep(writer: Writer, state: AccountState) -> None:
    """Keep a state as the writer's transaction sees it, if it has grown enough to be worth it."""
    if state.version < LONG:
        return
    connection, account = writer.connection, state.account
    there = _row(connection, account, "version")
    if there is not None and state.version < there[0] + there[0] // PART:
        return
    if not writable(connection, TABLE, CREATE_STATES):
        return
    connection.execute(f"DELETE FROM {TABLE} WHERE account = ?", (account,))
    stands = writer.reader.stream_row(ACCOUNT_PREFIX + account, state.version)
    if stands is None:
        return
    position, body = stands
    packed = pack(state)
    on = hashlib.sha256(body).digest()
    connection.execute(
        f"INSERT INTO {TABLE} VALUES (?, ?, ?, ?, ?, ?, ?)",
        (account, FORMAT, state.version, position, on, _digest(account, on, packed), packed),
    )


def forget(connection: Connection) -> None:
    """Drop every state that is kept: they are made again when views catch up."""
    connection.execute(f"DROP TABLE IF EXISTS {TABLE}")


def first_that_differs(reader: Reader) -> tuple[int, str | None, str]:
    """Fold every kept state again from nothing.

    Returns how many there are, which one differs, and what happened to it.
    """
    if not readable(reader.connection, TABLE):
        return 0, None, ""
    rows = reader.connection.execute(
        f"SELECT account, format FROM {TABLE} WHERE format NOT BETWEEN 1 AND ? ORDER BY account",
        (FORMAT - 1,),
    ).fetchall()
    for count, (account, form) in enumerate(rows, 1):
        stream = ACCOUNT_PREFIX + account
        if reader.stream_row(stream, 1) is None:
            return count, account, "inserted"
        kept = _kept(reader, account, _END) if form == FORMAT else None
        if kept is None:
            return count, account, "modified"
        bodies = reader.versions(stream, 0, kept.version)
        if pack(fold(account, codec.decode_all(bodies))) != pack(kept):
            return count, account, "modified"
    return len(rows), None, ""


def _kept(reader: Reader, account: str, until: int) -> AccountState | None:
    """Read what is kept of an account, if it stands on this log, not after a position."""
    row = _row(reader.connection, account, "version, position, body_sha256, digest, state")
    if row is None or row[1] > until:
        return None
    version, position, on, digest, packed = row
    stands = reader.stream_row(ACCOUNT_PREFIX + account, version)
    if stands is None or stands[0] != position or hashlib.sha256(stands[1]).digest() != bytes(on):
        return None
    if _digest(account, bytes(on), bytes(packed)) != bytes(digest):
        return None
    try:
        state = unpack(bytes(packed))
    except (MsgspecError, LookupError):
        return None
    return state if (state.account, state.version) == (account, version) else None


def _digest(account: str, on: bytes, packed: bytes) -> bytes:
    """Return what tells a damaged row; whoever can rewrite the ledger can rewrite this too."""
    return hashlib.sha256(b"".join((account.encode(), b"\0", on, packed))).digest()


def _row(connection: Connection, account: str, columns: str) -> tuple[int, ...] | None:
    if not readable(connection, TABLE):
        return None
    row: tuple[int, ...] | None = connection.execute(
        f"SELECT {columns} FROM {TABLE} WHERE account = ? AND format = ?", (account, FORMAT)
    ).fetchone()
    return row
