"""The write-ahead log beside a ledger file: whether the file alone holds everything.

SQLite keeps what was committed in FILE-wal until it is moved into the file. Invariant: after every
clean end of a writer the file holds everything, unless somebody else was reading an older state. A
writer notes in the file itself that it is at work, and that it ended; so a file that was copied
without the WAL of a writer that was killed says so. This module must not know events.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ledger import clock
from ledger.connection import SQLITE, dialect_of, tables
from ledger.store import settings
from ledger.store.errors import CannotOpen, LedgerDamaged
from ledger.store.files import NO_ROOM
from ledger.store.schema import EVENTS

if TYPE_CHECKING:
    from ledger.connection import Connection
    from ledger.store.reading import Reader

KEY: Final = "journal"
OPEN, CLOSED = "open", "closed"
EMPTY, NEEDED, ABSENT, DAMAGED = "empty", "needed", "absent", "damaged"

_BUSY_SECONDS = 1
_HEADER, _FRAME_HEADER = 32, 24  # bytes, as SQLite's file format says
_BIG_ENDIAN, _LITTLE_ENDIAN = 0x377F0683, 0x377F0682
# Where FILE-shm says how many frames of the WAL are valid.
_LAST_FRAME, _WORD = 16, 4
_READ: Final = f"""
import os, sys
try:
    with open(sys.argv[1], "rb") as index:
        os.write(1, index.read()[{_LAST_FRAME}:{_LAST_FRAME + _WORD}])
except OSError:
    pass
"""


class Journal(NamedTuple):
    """How a ledger file stands to its WAL.

    Attributes:
        state: empty (the file holds everything), needed, absent though needed, or damaged.
        bytes: how large the WAL is.
        said: what that means, for a person; None where the file holds everything.

    """

    state: str
    bytes: int
    said: str | None


def mark(connection: Connection) -> bool:
    """Note that a writer is at work, in its transaction; return whether that was news."""
    if settings.get(connection, KEY) == OPEN:
        return False
    settings.put(connection, KEY, OPEN)
    return True


def publish(connection: sqlite3.Connection) -> bool:
    """Move the mark into the file; False where that cannot be now.

    What is in the WAL is committed, so no error of this says anything of what was recorded.
    """
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    except sqlite3.Error:
        return False
    return True


def settle(location: str) -> None:
    """Move everything into the file, and note that the writer ended.

    What cannot be moved now (another writer, a reader of an older state, a full disk) is durable
    in the WAL, and the next writer moves it.
    """
    try:
        _settle(location)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) in NO_ROOM:
            with suppress(sqlite3.Error):
                _settle(location, emptied=True)  # which makes room for the note


def _settle(location: str, *, emptied: bool = False) -> None:
    place = f"{Path(location).absolute().as_uri()}?mode=rw"
    with closing(
        sqlite3.connect(place, uri=True, isolation_level=None, timeout=_BUSY_SECONDS)
    ) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        if emptied:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute("BEGIN IMMEDIATE")
        if settings.get(connection, KEY) == OPEN:
            settings.put(connection, KEY, CLOSED)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def standing(reader: Reader) -> Journal | None:
    """Return how the ledger's file stands to its WAL; None where it is not a file."""
    path = Path(reader.location)
    if dialect_of(reader.connection) != SQLITE or not path.is_file():
        return None
    marked = "meta" in tables(reader.connection) and reader.meta(KEY) == OPEN
    wal = path.with_name(f"{path.name}-wal")
    size = wal.stat().st_size if wal.is_file() else 0
    if not size:
        if not marked:
            return Journal(EMPTY, 0, None)
        return Journal(
            ABSENT, 0, f"the last writer was cut off, and {wal.name} is not there: what it "
            f"recorded since may be missing; put {wal.name} back beside the file, or go on from "
            "the last backup",
        )  # fmt: skip
    if _unread_commits(wal, path.with_name(f"{path.name}-shm")):
        return Journal(
            DAMAGED, size, f"{wal.name} is damaged: its latest events cannot be read; "
            "keep both files as they are and go on from the last backup",
        )  # fmt: skip
    alone = _head_of_file_alone(path)
    upto = "" if alone is None else f", whose own last event is @{alone}"
    return Journal(
        NEEDED, size, f"{wal.name} holds events that are not in {path.name} yet{upto}: copy with "
        "tally backup, never the file alone",
    )  # fmt: skip


def _head_of_file_alone(path: Path) -> int | None:
    """Read up to where the file goes without its WAL."""
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)
        ) as connection:
            row = connection.execute(f"SELECT MAX(position) FROM {EVENTS}").fetchone()
            return int(row[0] or 0)
    except sqlite3.Error:
        return None  # it is being written


def require(location: str) -> None:
    """Refuse to write after a WAL that has lost what was durable: it would be overwritten.

    One commit that cannot be read may be a write that a power cut tore, and nobody was told that
    it is recorded. Of two, the first was durable before the second began. Raises: LedgerDamaged.
    """
    path = Path(location)
    wal = path.with_name(f"{path.name}-wal")
    if wal.is_file() and _unread_commits(wal, path.with_name(f"{path.name}-shm")) > 1:
        raise LedgerDamaged(
            location, why=f"{wal.name} holds the latest events and cannot be read completely"
        )


def _unread_commits(wal: Path, index: Path) -> int:
    """Count the commits in the WAL that the database does not take for valid."""
    found = 0
    for _ in range(3):
        found = _unread_now(wal, index)
        if not found:
            break
        clock.sleep(0.1)  # a commit that has just been written is not in the index yet
    return found


def _unread_now(wal: Path, index: Path) -> int:
    size = wal.stat().st_size
    with wal.open("rb") as file:
        header = file.read(_HEADER)
        if len(header) < _HEADER:
            return 0
        if not _header_holds(header):
            return 2  # nothing after it can be read, whatever it is
        page = int.from_bytes(header[8:12], "big")
        salts, commits, frame = header[16:24], [], 0
        while len(start := file.read(_FRAME_HEADER)) == _FRAME_HEADER:
            frame += 1
            if file.tell() + page > size:
                break  # a write that was cut off, by a kill or a full disk: never committed
            if start[8:16] == salts and int.from_bytes(start[4:8], "big"):
                commits.append(frame)
            file.seek(page, 1)
    valid = _valid_frames(index) if commits else None
    return 0 if valid is None else sum(commit > valid for commit in commits)


def _valid_frames(index: Path) -> int | None:
    """Return how many frames of the WAL are valid; None where nobody shares it. Raises: CannotOpen.

    Another process reads that: a process that closes a file loses all its locks on it (POSIX), and
    where SQLite finds none on FILE-shm, the next to open the ledger cuts it short under the others.
    """
    if not index.is_file():
        return None  # the reader sees the file alone
    told = subprocess.run(  # noqa: S603 - Python itself
        [sys.executable, "-I", "-S", "-c", _READ, str(index)], capture_output=True, check=False
    )
    if told.returncode:
        raise CannotOpen(str(index), why="it cannot be read", hint="repeat the command")
    return int.from_bytes(told.stdout, sys.byteorder) if len(told.stdout) == _WORD else None


def _header_holds(header: bytes) -> bool:
    """Recompute the checksum of a WAL's first 24 bytes."""
    magic = int.from_bytes(header[:4], "big")
    if magic not in (_BIG_ENDIAN, _LITTLE_ENDIAN):
        return False
    order: Literal["big", "little"] = "big" if magic == _BIG_ENDIAN else "little"
    words = [int.from_bytes(header[i : i + 4], order) for i in range(0, 24, 4)]
    one = two = 0
    for i in range(0, len(words), 2):
        one = (one + words[i] + two) & 0xFFFFFFFF
        two = (two + words[i + 1] + one) & 0xFFFFFFFF
    return (one, two) == (
        int.from_bytes(header[24:28], "big"), int.from_bytes(header[28:32], "big")
    )  # fmt: skip
