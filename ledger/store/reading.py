"""Looking at a ledger: plain cursors over the log, nothing locked, nothing written.

Invariant: a reader sees whole transactions only, and streams rows instead of holding them.
This module must not import the eventsourcing library: looks start fast.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from ledger import clock
from ledger.connection import MAPPED, SQLITE, dialect_of
from ledger.errors import IntegrityBroken
from ledger.store import settings
from ledger.store.errors import NotALedger
from ledger.store.files import check_file, explain, opened_for_reading
from ledger.store.rows import COLUMNS, LAST, Head, Request, Row, kept_as
from ledger.store.schema import APPLICATION_ID, EVENTS, USER_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ledger.connection import Connection

_BEFORE = -LAST - 2  # whatever position somebody gave to a row
_ROWS = 256  # that are read at once where they are streamed one by one


@contextmanager
def explained(location: str) -> Iterator[None]:
    """Turn a database error into one clear error."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(location, error) from error


def check_header(connection: sqlite3.Connection, location: str) -> None:
    """Refuse a database that this program did not make. Raises: NotALedger."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise NotALedger(location, why="another program made it, or it is empty")
    if version != USER_VERSION:
        raise NotALedger(location, why=f"its layout {version} is not {USER_VERSION}")


def tune(connection: sqlite3.Connection, *, mapped: int) -> None:
    """Set the cache so that streams scattered over the file are read from memory.

    A writer maps nothing: what it wrote would count as its memory, and is read back once.
    """
    connection.execute(f"PRAGMA mmap_size={mapped}")
    connection.execute("PRAGMA cache_size=-32768")


class Reader:
    """Reads the log through one connection."""

    _begin = "BEGIN"

    def __init__(self, connection: Connection, location: str) -> None:
        """Read through a connection that gives tuples."""
        self.connection = connection
        self.location = location

    def _stream(self, text: str, parameters: Sequence[str | int]) -> Iterator[Any]:
        """Yield the only cell of each row."""
        with explained(self.location):
            for (cell,) in self.connection.execute(text, parameters):
                yield cell

    def _first(self, text: str, parameters: Sequence[str | int] = ()) -> Any:  # noqa: ANN401 - as wide as a row is
        """Return the first row, or None."""
        with explained(self.location):
            return self.connection.execute(text, parameters).fetchone()

    def head(self) -> Head:
        """Return the last event's position, recorded instant and hash of its bytes."""
        row = self._first(
            f"SELECT position, recorded_at, state FROM {EVENTS} ORDER BY position DESC LIMIT 1"
        )
        return Head(row[0], row[1], hashlib.sha256(row[2]).digest()) if row else Head(0, 0, b"")

    def bodies(self, *, after: int = 0, until: int | None = None) -> Iterator[bytes]:
        """Stream the stored bytes of the log in position order."""
        return self._stream(
            f"SELECT state FROM {EVENTS} WHERE position > ? AND position <= ? ORDER BY position",
            (after, LAST if until is None else until),
        )

    def chosen(
        self, *, until: int, stream: str | None = None, starts: int | None = None,
        ends: int | None = None, newest_first: bool = False,
    ) -> Iterator[bytes]:  # fmt: skip
        """Stream the stored bytes of events effective in [starts, ends), by position.

        Only those events are read: a span is found by the index of effective instants.
        """
        bounds = [
            (f"effective_at {sign} ?", bound)
            for sign, bound in ((">=", starts), ("<", ends))
            if bound is not None
        ]
        span, values = " AND ".join(text for text, _ in bounds), [bound for _, bound in bounds]
        known: list[str | int]
        if stream is not None:  # the plus keeps the stream's own index in use
            inside = span.replace("effective_at", "+effective_at") or "TRUE"
            where = f"{inside} AND +position <= ? AND originator_id = ? "
            order, known = "originator_version", [*values, until, stream]
        else:
            inside = f"position IN (SELECT position FROM {EVENTS} WHERE {span})" if span else "TRUE"
            where, order, known = f"{inside} AND position <= ? ", "position", [*values, until]
        text = f"SELECT state FROM {EVENTS} WHERE {where} ORDER BY {order}"
        return self._stream(text + " DESC" * newest_first, known)

    def bodies_by_effect(self, *, until: int, at: int) -> Iterator[bytes]:
        """Stream the stored bytes of the first ``until`` events that are effective up to ``at``.

        In the order of a fold: (effective_at, position), across all streams.
        """
        return self._stream(
            f"SELECT state FROM {EVENTS} WHERE position <= ? AND effective_at <= ? "
            "ORDER BY effective_at, position",
            (until, at),
        )

    def bodies_of(self, topic: str, *, until: int) -> Iterator[bytes]:
        """Stream the stored bytes of one type of event in position order."""
        return self._stream(
            f"SELECT state FROM {EVENTS} WHERE topic = ? AND position <= ? ORDER BY position",
            (topic, until),
        )

    def rows(self, *, after: int = 0, until: int | None = None) -> Iterator[Row]:
        """Stream whole rows of the log in position order."""
        for batch in self.batches(_ROWS, after=after, until=until):
            yield from (Row(*row) for row in batch)

    def batches(
        self, size: int, *, after: int = _BEFORE, until: int | None = None
    ) -> Iterator[list[tuple[int, str, int, str, int, int, bytes]]]:
        """Stream whole rows of the log in position order, many at a time."""
        with explained(self.location):
            cursor = self.connection.execute(
                f"SELECT {COLUMNS} FROM {EVENTS} WHERE position >= ? AND position <= ? "
                "ORDER BY position",
                (after + 1, LAST if until is None else until),
            )
            while batch := cursor.fetchmany(size):
                yield batch

    def stream_bodies(
        self,
        stream: str,
        *,
        until_position: int | None = None,
        at: int | None = None,
        types: Sequence[str] = (),
        order: Literal["position", "effective"] = "position",
    ) -> list[bytes]:
        """Return one stream's stored bytes, bounded on any axis (inclusive); ``types``: of these.

        Raises: IntegrityBroken, where the index of streams lacks one of them.
        """
        wanted = "WHERE originator_id = ?"
        known: list[str | int] = [stream]
        if until_position is not None:
            wanted += " AND +position <= ?"  # the plus keeps the stream's own index in use
            known.append(until_position)
        some, parameters = "", [*known]
        if at is not None:
            some += " AND +effective_at <= ?"
            parameters.append(at)
        if types:
            some += f" AND topic IN ({', '.join('?' * len(types))})"
            parameters += types
        by = "effective_at, position" if order == "effective" else "originator_version"
        with explained(self.location):
            found = self.connection.execute(
                f"SELECT state, originator_version FROM {EVENTS} {wanted}{some} ORDER BY {by}",
                parameters,
            ).fetchall()
            if not some and order == "position":
                count, last = len(found), found[-1][1] if found else 0
            else:
                count, last = self.connection.execute(
                    f"SELECT COUNT(*), MAX(originator_version) FROM {EVENTS} {wanted}", known
                ).fetchone()
        if count and count != last:  # each version once, from the first: there is no gap in them
            raise self.incomplete(stream)
        return [body for body, _ in found]

    def incomplete(self, stream: str) -> IntegrityBroken:
        """Return the error that the index of streams lacks an event."""
        return IntegrityBroken(
            f"the index of streams does not give every event of {stream!r}", kind="deleted",
            hint="no answer is given from it; see what is wrong: tally verify",
        )  # fmt: skip

    def stream_part(
        self, stream: str, *, after: int, to: int, until: int, at: int
    ) -> list[bytes]:
        """Return the stored bytes of a stream's versions in (after, to], bounded on both axes."""
        return list(
            self._stream(
                f"SELECT state FROM {EVENTS} WHERE originator_id = ? "
                "AND originator_version > ? AND originator_version <= ? "
                "AND +position <= ? AND +effective_at <= ? ORDER BY originator_version",
                (stream, after, to, until, at),
            )
        )

    def versions(self, stream: str, after: int, to: int) -> list[bytes]:
        """Return the stored bytes of a stream's versions in (after, to]."""
        return self.stream_part(stream, after=after, to=to, until=LAST, at=LAST)

    def stream_version(self, stream: str, *, until: int | None = None) -> int:
        """Return the last version of a stream, or that up to a position; 0 if it has none."""
        (version,) = self._first(
            f"SELECT MAX(originator_version) FROM {EVENTS} WHERE originator_id = ?"
            + (" AND +position <= ?" if until is not None else ""),
            (stream,) if until is None else (stream, until),
        )
        return int(version or 0)

    def stream_row(self, stream: str, version: int) -> tuple[int, bytes] | None:
        """Return the position and the stored bytes of one version of a stream."""
        row = self._first(
            f"SELECT position, state FROM {EVENTS} "
            "WHERE originator_id = ? AND originator_version = ?",
            (stream, version),
        )
        return (int(row[0]), bytes(row[1])) if row is not None else None

    def has_stream(self, stream: str) -> bool:
        """Return whether a stream has any event: one entry of the index is read."""
        text = f"SELECT 1 FROM {EVENTS} WHERE originator_id = ? LIMIT 1"
        return self._first(text, (stream,)) is not None

    def stream_positions(self, stream: str, *, after: int, until: int, at: int) -> list[int]:
        """List where one stream has events in (after, until] that are effective up to ``at``."""
        return list(
            self._stream(
                f"SELECT position FROM {EVENTS} WHERE originator_id = ? "
                "AND +position > ? AND +position <= ? AND +effective_at <= ? "
                "ORDER BY originator_version",
                (stream, after, until, at),
            )
        )

    def recorded_late(
        self, *, after: int, until: int, before: int, stream: str | None = None
    ) -> list[bytes]:
        """Return what was recorded in (after, until] and is effective before an instant."""
        text = f"SELECT state FROM {EVENTS} WHERE "
        parameters: list[int | str] = [before, after, until]
        if stream is None:
            # The index of effective instants holds the positions too; few rows are then read.
            text += "effective_at < ? AND +position > ? AND +position <= ?"
        else:
            text += "+effective_at < ? AND +position > ? AND +position <= ? AND originator_id = ?"
            parameters.append(stream)
        return list(self._stream(f"{text} ORDER BY +position", parameters))

    def row(self, position: int) -> Row | None:
        """Return one event's row."""
        row = self._first(f"SELECT {COLUMNS} FROM {EVENTS} WHERE position = ?", (position,))
        return Row(*row) if row is not None else None

    def streams(self, prefix: str = "account:") -> list[str]:
        """List the streams whose name begins with ``prefix``, sorted; all for an empty one."""
        where, parameters = "", list[str]()
        if prefix:
            where = "AND originator_id >= ? AND originator_id < ? "
            parameters = [prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)]
        return list(
            self._stream(
                f"SELECT originator_id FROM {EVENTS} WHERE originator_version = 1 {where}"
                "GROUP BY originator_id ORDER BY originator_id",
                parameters,
            )
        )

    def accounts(self) -> list[str]:
        """List the accounts, sorted: a step through the index for each, not for each event."""
        text = (
            f"WITH RECURSIVE one(name) AS (SELECT MIN(originator_id) FROM {EVENTS} "
            "WHERE originator_id > 'account:' AND originator_id < 'account;' UNION ALL "
            f"SELECT (SELECT MIN(originator_id) FROM {EVENTS} WHERE originator_id > one.name "
            "AND originator_id < 'account;') FROM one WHERE one.name IS NOT NULL) "
            "SELECT name FROM one WHERE name IS NOT NULL"
        )
        return [name.removeprefix("account:") for name in self._stream(text, ())]

    def streams_touched(self, *, after: int, until: int) -> list[str]:
        """List the streams that have events in (after, until]."""
        text = f"SELECT DISTINCT originator_id FROM {EVENTS} WHERE position > ? AND position <= ?"
        return list(self._stream(text, (after, until)))

    def position_known_at(self, recorded_at: int) -> int:
        """Return the last position recorded at or before an instant, 0 if none."""
        row = self._first(
            f"SELECT position FROM {EVENTS} WHERE recorded_at <= ? "
            "ORDER BY recorded_at DESC, position DESC LIMIT 1",
            (recorded_at,),
        )
        return int(row[0]) if row is not None else 0

    def meta(self, key: str) -> str | None:
        """Return a setting of this file (the simulated clock, import notes)."""
        with explained(self.location):
            return settings.get(self.connection, key)

    def request(self, scope: str, key: str) -> Request | None:
        """Return what is remembered of an idempotency key."""
        kept = kept_as(key)
        row = self._request(scope, kept)
        if row is None and kept != key and dialect_of(self.connection) == SQLITE:
            row = self._request(scope, key)  # by a version that kept every key as it is
        return row

    def _request(self, scope: str, key: str) -> Request | None:
        row = self._first(
            "SELECT digest, first_position, last_position FROM requests "
            "WHERE scope = ? AND key = ?",
            (scope, key),
        )
        return Request(*row) if row is not None else None

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See one state of everything, whatever is written meanwhile."""
        with explained(self.location):
            self.connection.execute(self._begin)
            try:
                yield
            finally:
                self.connection.execute("ROLLBACK")

    def wait(self, seconds: float) -> None:
        """Poll at this interval where the server sends no notification."""
        clock.sleep(seconds)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def open_file_reader(location: str, *, mapped: int = MAPPED) -> Reader:
    """Open a ledger file for looking only, in a place that takes no writes as well.

    Raises: LedgerNotFound, NotALedger, LedgerDamaged, NoRights, InvalidInput.
    """
    check_file(location)
    with explained(location):
        connection = opened_for_reading(location)
        check_header(connection, location)
        tune(connection, mapped=mapped)
    return Reader(connection, location)
