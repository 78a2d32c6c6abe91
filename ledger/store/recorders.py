"""What the recorders of both stores share: the log as the eventsourcing library sees it.

Invariant: positions are notification numbers, and what the library records continues the log as
our own events do. This module must not know which database it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventsourcing.persistence import IntegrityError, Notification

from ledger import clock
from ledger.store.errors import StreamConflict
from ledger.store.rows import COLUMNS, LAST, Row
from ledger.store.schema import EVENTS
from ledger.store.writing import Writer, grow_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventsourcing.persistence import StoredEvent

    from ledger.store.reading import Reader


class LedgerRecords:
    """How the library reads and continues our log; the recorders of both stores inherit it."""

    datastore: Any

    def continued(
        self, reader: Reader, insert: Callable[[Sequence[Row]], None], stored: Sequence[StoredEvent]
    ) -> list[int]:
        """Record what the library asks for, through our writer; the tree grows with it.

        Its records get the next positions and the present instant. Raises: IntegrityError.
        """
        writer = Writer(reader, insert, (grow_tree,))
        before = writer.head.position
        at = max(clock.system_now(), writer.head.recorded_at)
        rows = [
            Row(
                before + n, str(event.originator_id), event.originator_version, event.topic,
                at, at, event.state,
            )
            for n, event in enumerate(stored, 1)
        ]  # fmt: skip
        try:
            writer.append_rows(rows)
        except StreamConflict as error:
            raise IntegrityError(error) from error
        return [row.position for row in rows]

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
