"""What a store keeps and gives: rows, the head of the log, remembered requests."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ledger.store.schema import EVENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventsourcing.persistence import Notification, StoredEvent

BUSY_SECONDS: Final = 30  # how long a writer waits for another
LONGEST_KEY: Final = 1200  # bytes; with its scope it fits an index of a server (2704)
DIGEST: Final = "\x01sha256:"


class Row(NamedTuple):
    """One stored event; the columns beside ``body`` are copies of what its bytes say."""

    position: int
    stream: str
    version: int
    type: str
    recorded_at: int
    effective_at: int
    body: bytes


class Head(NamedTuple):
    """The last event of the log; (0, 0, b"") of an empty one."""

    position: int
    recorded_at: int
    body_sha256: bytes


class Request(NamedTuple):
    """A remembered idempotency key: its content and the positions of its first result."""

    digest: bytes
    first_position: int
    last_position: int


def kept_as(key: str) -> str:
    """Return what stands for an idempotency key in a store: most keys, for themselves.

    A server's text holds no NUL and its indexes nothing long: there a digest stands for the key,
    in a file too, so that a ledger is the same wherever it is kept.
    """
    raw = key.encode()
    if len(raw) <= LONGEST_KEY and "\0" not in key and not key.startswith(DIGEST):
        return key
    return DIGEST + sha256(raw).hexdigest()


def continuing(head: Head, stored: Sequence[StoredEvent], *, now: int) -> list[Row]:
    """Assign the next positions, and the present instant, to records of the library."""
    at = max(now, head.recorded_at)
    return [
        Row(
            head.position + n, str(event.originator_id), event.originator_version, event.topic,
            at, at, event.state,
        )
        for n, event in enumerate(stored, 1)
    ]  # fmt: skip


# The columns of a row, in the order of ``Row``.
COLUMNS: Final = (
    "position, originator_id, originator_version, topic, recorded_at, effective_at, state"
)
LAST: Final = 2**63 - 1  # no position is larger


class Notifications:
    """What the library reads of the log, said once for every store; a mixin of our recorders."""

    datastore: Any

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Read the log as the library does; our position is the notification's number."""
        from eventsourcing.persistence import Notification  # noqa: PLC0415 - for the library alone

        begin = 0 if start is None else start + (not inclusive_of_start)
        wanted = f"AND topic IN ({','.join('?' * len(topics))}) " if topics else ""
        text = (
            f"SELECT {COLUMNS} FROM {EVENTS} WHERE position >= ? AND position <= ? {wanted}"
            "ORDER BY position LIMIT ?"
        )
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute(
                self.spelled(text), (begin, LAST if stop is None else stop, *topics, limit)
            )
            return [
                Notification(
                    id=row["position"], originator_id=row["originator_id"], topic=row["topic"],
                    originator_version=row["originator_version"], state=row["state"],
                )
                for row in cursor.fetchall()
            ]  # fmt: skip

    def spelled(self, text: str) -> Any:  # noqa: ANN401 - as the driver wants it
        """Spell a statement as the database does."""
        return text
