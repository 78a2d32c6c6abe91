"""Writing, whatever the database: the store that is open for it, and one transaction.

Invariant: what a writer appends continues the log without a gap and never goes back in recorded
time; it is durable when its transaction ends, or was never there. This module must not know what
an event means.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from ledger import codec
from ledger.errors import IntegrityBroken
from ledger.proof import nodes
from ledger.store import settings
from ledger.store.errors import PositionConflict
from ledger.store.rows import Head, Row, kept_as
from ledger.store.schema import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from ledger.connection import Connection
    from ledger.events import RecordedEvent
    from ledger.store.reading import Reader
    from ledger.store.rows import Request

    Hook = Callable[["Writer", Sequence[Row]], None]


KEYS_AT_ONCE = 200  # keys that one statement inserts
SEE = "see what is wrong: tally verify"


def grow_tree(writer: Writer, rows: Sequence[Row]) -> None:
    """Extend the Merkle tree in the append's own transaction (R59)."""
    bodies = [row.body for row in rows]
    before, edge = writer.head.position, writer.edge
    writer.edge = nodes.append(writer.connection, bodies, before=before, edge=edge)


def rows_of(events: Sequence[RecordedEvent]) -> list[Row]:
    """Return events as a store keeps them."""
    encode, tags = codec.encode, codec.TAGS
    return [
        Row(
            recorded.position, recorded.stream, recorded.version, tags[type(recorded.event)],
            recorded.recorded_at, recorded.effective_at, encode(recorded),
        )
        for recorded in events
    ]  # fmt: skip


class LockNeeded(Exception):  # not an error: another way is taken
    """A writer was asked for something that needs the lock, and does not hold it."""


class LastKnown(NamedTuple):
    """What a store's last transaction left, true for as long as nobody else writes."""

    head: Head
    edge: nodes.Edge | None
    settings: dict[str, str | None]  # those that were asked for or changed


class Writer:
    """Appends rows and notes under the write lock.

    Attributes:
        connection: the transaction's own; what is written through it is part of it.
        reader: reads what the transaction sees.
        head: the last event, those appended here included.
        edge: the right edge of the tree, where it is known.
        locked: whether it holds the lock; one that does not only takes what another will write.

    """

    locked = True

    def __init__(
        self, reader: Reader, insert: Callable[[Sequence[Row]], None], hooks: Sequence[Hook] = (),
        *, known: LastKnown | None = None,
    ) -> None:  # fmt: skip
        """Look at the head under the lock, unless it is known."""
        self.reader = reader
        self.connection: Connection = reader.connection
        self._insert = insert
        self._hooks = hooks
        self.head: Head = reader.head() if known is None else known.head
        self.edge = None if known is None else known.edge
        self._settings = {} if known is None else known.settings

    @property
    def known(self) -> LastKnown:
        """What the next transaction may take as known."""
        return LastKnown(self.head, self.edge, self._settings)

    def require_lock(self) -> None:
        """Insist on the lock: more is written than events and notes. Raises: LockNeeded."""
        if not self.locked:
            raise LockNeeded

    def append(self, events: Sequence[RecordedEvent]) -> None:
        """Append events that continue the log. Raises: PositionConflict, StreamConflict."""
        self.append_rows(rows_of(events))

    def append_rows(self, rows: Sequence[Row]) -> None:
        """Append rows that another store has kept, to the byte. Raises: as ``append``."""
        position, recorded_at = self.head.position, self.head.recorded_at
        for row in rows:
            position += 1
            if row.position != position or row.recorded_at < recorded_at:
                msg = f"row @{row.position} does not continue the log at @{position}"
                raise PositionConflict(msg, hint="read the head again")
            recorded_at = row.recorded_at
        if not rows:
            return
        self._insert(rows)
        for hook in self._hooks:
            hook(self, rows)
        self.head = self._read_back(rows)

    def _read_back(self, rows: Sequence[Row]) -> Head:
        """Insist that the database kept what it was given. Raises: IntegrityBroken."""
        count, position, recorded_at, body = self.connection.execute(
            f"SELECT (SELECT COUNT(*) FROM {EVENTS} WHERE position > ?), position, recorded_at, "
            f"state FROM {EVENTS} ORDER BY position DESC LIMIT 1", (self.head.position,)
        ).fetchone() or (0, 0, 0, b"")  # fmt: skip
        last = rows[-1]
        said = (count, position, recorded_at, bytes(body))
        if said != (len(rows), last.position, last.recorded_at, bytes(last.body)):
            msg = f"the database did not keep the events up to @{last.position}: nothing recorded"
            raise IntegrityBroken(msg, kind="deleted", position=rows[0].position, hint=SEE)
        return Head(last.position, last.recorded_at, sha256(last.body).digest())

    def save(self) -> None:
        """Note a place in the transaction to which ``undo`` goes back, unless ``keep`` comes."""
        self.connection.execute("SAVEPOINT saved")

    def undo(self) -> None:
        """Undo what was written since ``save``."""
        self.connection.execute("ROLLBACK TO SAVEPOINT saved")
        self.keep()
        self.head, self.edge, self._settings = self.reader.head(), None, {}

    def keep(self) -> None:
        """Forget the saved place; what was written since stays in the transaction."""
        self.connection.execute("RELEASE SAVEPOINT saved")

    def request(self, scope: str, key: str) -> Request | None:
        """Return what is remembered of an idempotency key."""
        return self.reader.request(scope, key)

    def put_requests(self, requests: Mapping[tuple[str, str], Request]) -> None:
        """Remember idempotency keys with the events that used them."""
        rows = [(scope, kept_as(key), *one) for (scope, key), one in requests.items()]
        for first in range(0, len(rows), KEYS_AT_ONCE):
            wanted = rows[first : first + KEYS_AT_ONCE]
            places = ", ".join(["(?, ?, ?, ?, ?)"] * len(wanted))
            kept = self.connection.execute(
                f"INSERT INTO requests VALUES {places} "
                "RETURNING scope, key, digest, first_position, last_position",
                [cell for row in wanted for cell in row],
            ).fetchall()
            if sorted(map(tuple, kept)) != sorted(wanted):
                msg = "the database did not keep the key of a request: nothing was recorded"
                raise IntegrityBroken(msg, kind="deleted", position=wanted[0][3], hint=SEE)

    def meta(self, key: str) -> str | None:
        """Return a setting."""
        if key not in self._settings:
            self._settings[key] = self.reader.meta(key)
        return self._settings[key]

    def set_meta(self, key: str, value: str) -> None:
        """Change a setting."""
        if self._settings.get(key) != value:
            settings.put(self.connection, key, value)
            self._settings[key] = value

    def drop_meta(self, key: str) -> None:
        """Forget a setting."""
        settings.drop(self.connection, key)
        self._settings.pop(key, None)


class Store(ABC):
    """A ledger that is open for writing.

    Attributes:
        location: how errors name the place.
        reader: reads outside transactions.
        after_append: called with (writer, rows) inside each append's transaction.

    """

    def __init__(self, location: str, reader: Reader) -> None:
        """Grow the tree with every append."""
        self.location = location
        self.reader = reader
        self.after_append: list[Hook] = [grow_tree]

    @abstractmethod
    def writing(self) -> AbstractContextManager[Writer]:
        """Hold the write lock; commit at the end, roll back on any exception."""

    def settle(self) -> None:  # noqa: B027 - most stores have nothing to do
        """Make the place complete without what lies beside it; a server's always is."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection; whatever was recorded is complete in its place."""
