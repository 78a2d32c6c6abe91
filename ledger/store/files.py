"""A ledger's file: whether it can be opened, how it is read, what a database error means.

Invariant: "damaged" is said of damaged bytes alone; a place that takes no writes can be read, and
what it says is what was committed. This module must not know any table.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ledger.errors import InvalidInput
from ledger.store.errors import (
    CannotOpen,
    DiskFull,
    LedgerBusy,
    LedgerDamaged,
    LedgerNotFound,
    LedgerReadOnly,
    NoRights,
    NotALedger,
    StoreError,
)
from ledger.store.rows import BUSY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

_PRIMARY: Final = 0xFF  # of an extended error code
# A -shm that cannot grow is how a full disk shows first; a quota refuses the write itself.
NO_ROOM: Final = (
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_WRITE,
)  # fmt: skip
_CLOSED: Final = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
_CUT: Final = (sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_CORRUPT)
_KINDS: Final = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
)  # fmt: skip


def check_file(location: str) -> None:
    """Refuse what is not a file. Raises: LedgerNotFound, InvalidInput, NoRights."""
    try:
        mode = Path(location).stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise LedgerNotFound(location) from None
    except PermissionError:
        raise NoRights(location, why="its folder cannot be read") from None
    except (OSError, ValueError) as error:  # a name that is too long, or runs in a circle
        said = str(getattr(error, "strerror", None) or error).lower()
        msg = f"{location[:200]!r} cannot be the name of a ledger: {said}"
        raise InvalidInput(msg, hint="name a file with --ledger") from None
    if not stat.S_ISREG(mode):
        what = next((kind for test, kind in _KINDS if test(mode)), "a device")
        msg = f"{location!r} is {what}, and a ledger is a file"
        raise InvalidInput(msg, hint="name a file with --ledger or TALLY_LEDGER")


def opened_for_reading(location: str) -> sqlite3.Connection:
    """Open a file for looking, where its folder takes no side files as well.

    Raises: sqlite3.Error, CannotOpen.
    """
    uri = f"{Path(location).absolute().as_uri()}?mode=ro"
    try:
        return _connected(uri)
    except sqlite3.OperationalError as error:
        closed = error.sqlite_errorcode & _PRIMARY in _CLOSED and not _folder_takes_files(location)
        if not os.access(location, os.R_OK) or not (closed or error.sqlite_errorcode in NO_ROOM):
            raise
    # Nobody has it open (there would be a -shm), and nothing can be written beside it.
    wal = Path(f"{os.path.realpath(location)}-wal")
    if not wal.exists() or not wal.stat().st_size:
        return _connected(f"{uri}&immutable=1")
    return _connected(f"{uri}&vfs=unix-none", "PRAGMA locking_mode=EXCLUSIVE")


def _connected(uri: str, *first: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        for statement in (*first, "SELECT COUNT(*) FROM sqlite_master"):
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def _folder_takes_files(location: str) -> bool:
    folder = Path(os.path.realpath(location)).parent
    return os.access(folder, os.W_OK | os.X_OK)  # False on a read-only file system as well


def explain(location: str, error: BaseException) -> StoreError:
    """Translate a database error into one of our errors."""
    cause: BaseException | None = error
    while cause is not None and not hasattr(cause, "sqlite_errorcode"):
        cause = cause.__cause__
    said = str(cause or error)
    code = getattr(cause, "sqlite_errorcode", None)
    if code is None:  # of the library, or of Python's own module
        return CannotOpen(location, why=said, hint="repeat the command")
    if code in NO_ROOM:
        return DiskFull(location)
    if code in _CUT:
        return LedgerDamaged(location, why=said)
    meant = _MEANINGS.get(code & _PRIMARY)
    return meant(location, said) if meant is not None else LedgerDamaged(location, why=said)


def _read_only(location: str, said: str) -> StoreError:
    if "read" not in said.lower():
        return LedgerReadOnly(location, why=said)
    folder = not _folder_takes_files(location)
    return LedgerReadOnly(location, why="nothing can be written to its folder" if folder else "")


def _not_opened(location: str, said: str) -> StoreError:
    path = Path(os.path.realpath(location))
    if path.exists() and not os.access(path, os.R_OK):
        return NoRights(location, why="its file cannot be read")
    if not _folder_takes_files(location):
        return _read_only(location, "read-only")
    return CannotOpen(location, why=said)


_MEANINGS: Final[dict[int, Callable[[str, str], StoreError]]] = {
    sqlite3.SQLITE_BUSY: lambda location, _: LedgerBusy(location),
    sqlite3.SQLITE_LOCKED: lambda location, _: LedgerBusy(location),
    sqlite3.SQLITE_READONLY: _read_only,
    sqlite3.SQLITE_CANTOPEN: _not_opened,
    sqlite3.SQLITE_NOTADB: lambda location, said: NotALedger(location, why=said),
    sqlite3.SQLITE_PERM: lambda location, said: NoRights(location, why=said),
    sqlite3.SQLITE_AUTH: lambda location, said: NoRights(location, why=said),
    sqlite3.SQLITE_IOERR: lambda location, said: CannotOpen(location, why=said),
    sqlite3.SQLITE_NOMEM: lambda location, said: CannotOpen(location, why=said),
    sqlite3.SQLITE_INTERRUPT: lambda location, said: CannotOpen(location, why=said),
}
