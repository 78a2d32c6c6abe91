"""Frames of long streams, kept at intervals: one account at any instant, at once.

A mark is the frame after a stream's first ``version`` events, all of them, in the order of the
fold. It begins an answer only if nothing that the point selects after it comes before any of them
in that order: a fact that is recorded late makes every mark it reaches after useless for the
points that know it, never wrong. Otherwise an older mark begins it, or nothing does.
Invariant: an answer equals the fold from nothing, field by field. Marks are derived and disposable:
of another FORMAT, or on another event than the log's, they are not there.
This module must not know when views are caught up.
"""

from __future__ import annotations

import hashlib
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import MsgspecError

from ledger import codec
from ledger.account import fold_on
from ledger.connection import readable, writable
from ledger.events import ACCOUNT_PREFIX
from ledger.kept.stream_tiles import Tiles
from projections.history.frames import first_frame, pack_frame, unpack_frame
from projections.point import account_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ledger.connection import Connection
    from ledger.events import Foldable
    from ledger.kept.stream_tiles import Versions
    from ledger.state import AccountState
    from ledger.store import Reader, Writer
    from projections.point import Point

# Another number where a frame means something else: older marks are then not there.
FORMAT: Final = 2
EVERY = 500  # events between two marks (docs/decisions/0030)
LONG = 2 * EVERY  # a stream that is shorter is folded as soon as looked up
TABLE: Final = "view_snapshots"
_END: Final = 2**62

CREATE_SNAPSHOTS = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (account TEXT NOT NULL, version INTEGER NOT NULL, "
    "format INTEGER NOT NULL, position INTEGER NOT NULL, least INTEGER NOT NULL, "
    "most INTEGER NOT NULL, body_sha256 BLOB NOT NULL, frame BLOB NOT NULL, "
    "PRIMARY KEY (account, version)) WITHOUT ROWID"
)


class Mark(NamedTuple):
    """Where a frame stands.

    Attributes:
        version: of the last event in it; position: of the same event.
        least: the earliest effective instant since the mark before.
        most: the latest effective instant of all events in it.

    """

    version: int
    position: int
    least: int
    most: int
    body_sha256: bytes


def marks_of(connection: Connection, account: str) -> list[Mark]:
    """List an account's marks, oldest first."""
    if not readable(connection, TABLE):
        return []
    return [
        Mark(*row)
        for row in connection.execute(
            f"SELECT version, position, least, most, body_sha256 FROM {TABLE} "
            "WHERE account = ? AND format = ? ORDER BY version",
            (account, FORMAT),
        )
    ]


def look_at(reader: Reader, account: str, point: Point) -> AccountState | None:
    """Return what ``tally.state/1`` can show of one account; None where it does not exist there."""
    state = frame_at(reader, account, point)
    if state is None:
        return account_at(reader, account, point, Tiles(reader))
    return state if state.opened_at is not None else None


def frame_at(reader: Reader, account: str, point: Point) -> AccountState | None:
    """Return an account at a point, folded on from a mark; None where no mark can begin it."""
    marks = marks_of(reader.connection, account)
    at = _END if point.everything else point.at
    begun, least = len(marks), _END
    while True:
        begun = _choose(marks, below=begun, until=point.position, at=at, least=least)
        if begun < 0:
            return None
        parts = _parts(marks, begun, until=point.position, at=at)
        events = _ordered([
            body
            for after, to in parts
            for body in reader.stream_part(
                ACCOUNT_PREFIX + account, after=after, to=to, until=point.position, at=at
            )
        ])
        if not events or events[0].effective_at >= marks[begun].most:
            break
        least = events[0].effective_at  # late, and after the last mark: begin before it
    stands = reader.stream_row(ACCOUNT_PREFIX + account, marks[begun].version)
    frame = _frame_of(reader.connection, account, marks[begun].version)
    state = _unpacked(frame) if _of_this_log(marks[: begun + 1], stands) else None
    return None if state is None else fold_on(state, events)


def _frame_of(connection: Connection, account: str, version: int) -> bytes | None:
    row = connection.execute(
        f"SELECT frame FROM {TABLE} WHERE account = ? AND version = ? AND format = ?",
        (account, version, FORMAT),
    ).fetchone()
    return bytes(row[0]) if row is not None else None


def _unpacked(frame: bytes | None) -> AccountState | None:
    try:
        return None if frame is None else unpack_frame(frame)
    except (MsgspecError, LookupError, TypeError, ValueError):
        return None  # not what this program wrote; verify --deep says so


def _of_this_log(marks: Sequence[Mark], stands: tuple[int, bytes] | None) -> bool:
    """Return whether the last of some marks stands on what the log has there."""
    if stands is None or not marks:
        return False
    position, body = stands
    return (position, hashlib.sha256(body).digest()) == (marks[-1].position, marks[-1].body_sha256)


def _choose(
    marks: Sequence[Mark], *, below: int, until: int, at: int, least: int = _END
) -> int:
    """Find the newest mark whose events are all selected, and precede all others that are.

    ``least`` is the earliest effective instant that is known to follow; -1 where there is none.
    """
    for i in range(len(marks) - 1, -1, -1):
        mark = marks[i]
        if i < below and mark.position <= until and mark.most <= min(at, least):
            return i
        before = marks[i - 1].position if i else 0
        if before < until:
            least = min(least, mark.least)
    return -1


def _parts(
    marks: Sequence[Mark], begun: int, *, until: int, at: int
) -> list[tuple[int, int]]:
    """Choose the versions after a mark, (after, to], among which are all that a point selects.

    Parts between two marks that lie wholly after the point, on either axis, are not read.
    """
    parts: list[tuple[int, int]] = []
    for one, other in zip(marks[begun:], marks[begun + 1 :], strict=False):
        if one.position < until and other.least <= at:
            joins = bool(parts) and parts[-1][1] == one.version
            first = parts.pop()[0] if joins else one.version
            parts.append((first, other.version))
    if marks[-1].position < until:
        parts.append((marks[-1].version, _END))
    return parts


def _ordered(bodies: Sequence[bytes]) -> list[Foldable]:
    """Read events that are in the order of positions, in the order of the fold."""
    return sorted(codec.folded(bodies), key=attrgetter("effective_at"))


def extend(writer: Writer, account: str, *, version: int, versions: Versions) -> None:
    """Keep what frames of an account are not kept yet, in the writer's transaction.

    ``version`` is the last one of its stream, ``versions`` gives the bodies of some.
    """
    if version < LONG:
        return
    connection = writer.connection
    if not writable(connection, TABLE, CREATE_SNAPSHOTS):
        return
    marks = marks_of(connection, account)
    last = marks[-1].version if marks else 0
    if not _of_this_log(marks[-1:], writer.reader.stream_row(ACCOUNT_PREFIX + account, last)):
        # What is there has another format, or is of another log.
        connection.execute(f"DELETE FROM {TABLE} WHERE account = ?", (account,))
        marks, last = [], 0
    if version < last + EVERY:
        return
    connection.executemany(
        f"INSERT INTO {TABLE} VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (account, mark.version, FORMAT, *mark[1:], frame)
            for mark, frame in frames(connection, account, versions, marks)
        ],
    )


def frames(
    connection: Connection, account: str, versions: Versions, marks: Sequence[Mark] = ()
) -> Iterator[tuple[Mark, bytes]]:
    """Make the frames of a stream after some marks, each from the newest that can begin it."""
    made: dict[int, bytes] = {}
    known = list(marks)
    state = None if known else first_frame(account)  # after the last mark, to go on from
    while True:
        after = known[-1].version if known else 0
        bodies = versions(after, after + EVERY)
        if len(bodies) < EVERY:
            return
        events = _ordered(bodies)
        most = known[-1].most if known else 0
        mark = _mark_behind(events, bodies[-1], most)
        known.append(mark)
        if state is None or events[0].effective_at < most:  # late, or nothing to go on from
            state, events = _begun(connection, account, versions, known, made)
        made[mark.version] = pack_frame(fold_on(state, events))
        yield mark, made[mark.version]


def _begun(
    connection: Connection, account: str, versions: Versions, known: Sequence[Mark],
    made: dict[int, bytes],
) -> tuple[AccountState, list[Foldable]]:  # fmt: skip
    """Find what the last mark's frame can begin with, and the events from there to it."""
    mark = known[-1]
    begun = _choose(known, below=len(known) - 1, until=mark.position, at=_END)
    if begun >= 0:
        version = known[begun].version
        state = _unpacked(made.get(version) or _frame_of(connection, account, version))
        if state is not None:
            parts = _parts(known, begun, until=mark.position, at=_END)
            return state, _ordered([body for part in parts for body in versions(*part)])
    return first_frame(account), _ordered(versions(0, mark.version))


def _mark_behind(events: Sequence[Foldable], last: bytes, most: int) -> Mark:
    """Make the mark after some events in the order of the fold; ``last`` was recorded last."""
    newest = max(events, key=lambda one: one.position)
    return Mark(
        newest.version, newest.position, events[0].effective_at,
        max(most, events[-1].effective_at), hashlib.sha256(last).digest(),
    )  # fmt: skip


def forget(connection: Connection) -> None:
    """Drop every frame: they are made again when views catch up."""
    connection.execute(f"DROP TABLE IF EXISTS {TABLE}")


def first_that_differs(reader: Reader) -> tuple[int, str | None, str]:
    """Make every kept frame again from nothing.

    Returns how many there are, which one differs, and what happened to it.
    """
    if not readable(reader.connection, TABLE):
        return 0, None, ""
    count = 0
    names = reader.connection.execute(f"SELECT DISTINCT account FROM {TABLE} ORDER BY account")
    for (account,) in names.fetchall():
        versions = partial(reader.versions, ACCOUNT_PREFIX + account)
        again = frames(reader.connection, account, versions)
        for mark in marks_of(reader.connection, account):
            count += 1
            made = next(again, None)
            if made is None or made[0].version > mark.version:
                return count, account, "inserted"
            if made[0].version < mark.version:
                return count, account, "deleted"
            if (mark, _frame_of(reader.connection, account, mark.version)) != made:
                return count, account, "modified"
    return count, None, ""
