"""One connection to a PostgreSQL server, asked as SQLite is asked.

Invariant: a text differs from the one for SQLite in spelling only: places of parameters, and the
types of a table's columns; text sorts by its bytes, as in a file. Every error of the server
becomes one of our errors. psycopg is the extra ``postgres``, loaded when a URL is named.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors as said
from psycopg.rows import tuple_row

from ledger import clock
from ledger.connection import POSTGRESQL
from ledger.store.errors import (
    CannotKeep,
    DiskFull,
    LedgerBusy,
    LedgerDamaged,
    LedgerNotFound,
    LedgerReadOnly,
    NoRights,
    NoRightsToWrite,
    NotALedger,
    ServerUnreachable,
    StoreError,
    StreamConflict,
)
from ledger.store.places import parts, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from ledger.connection import Cursor

CONNECT_SECONDS = 5
SPOKEN: dict[str, Any] = {"client_encoding": "utf8"}  # whatever the URL or the environment says
_BUSY = (said.LockNotAvailable, said.DeadlockDetected, said.SerializationFailure)
_FULL = (said.DiskFull, said.OutOfMemory, said.InsufficientResources)
# A connection that is refused carries no code, only words.
_NO_DATABASE = re.compile(r'^database ".*" does not exist')
_NOT_LET_IN = re.compile(
    r'^permission denied for database|^role ".*" (?:does not exist|is not permitted to log in)'
    "|authentication failed|^no pg_hba.conf entry|is not currently accepting connections"
)
_TYPES = (
    (r"INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT PRIMARY KEY"),
    (r"\bINTEGER\b", "BIGINT"),
    (r"\bBLOB\b", "BYTEA"),
    (r"\bTEXT\b", 'TEXT COLLATE "C"'),
    (r"\)\s*(STRICT)?,?\s*(WITHOUT ROWID)?\s*$", ")"),
)


def translated(text: str) -> str:
    """Spell a statement as PostgreSQL does; it is our own text, never a user's."""
    if text.lstrip().startswith("CREATE TABLE"):
        for pattern, replacement in _TYPES:
            text = re.sub(pattern, replacement, text)
    return text.replace("?", "%s")


@contextmanager
def explained(location: str, *, writing: bool = False) -> Iterator[None]:
    """Turn a server's error into one clear error."""
    try:
        yield
    except psycopg.Error as error:
        raise explain(location, error, writing=writing) from error


def explain(  # noqa: PLR0911, C901 - one a meaning
    location: str, error: BaseException, *, writing: bool = False
) -> StoreError:
    """Translate an error of the server into one of our errors."""
    text = str(error).strip().partition("\n")[0]
    fatal = text.rpartition("FATAL: ")[2].strip()  # of a connection that the server refused
    if isinstance(error, said.UniqueViolation):
        msg = f"another event has the version of one of these: {text}"
        return StreamConflict(msg, hint="read the stream again, then retry")
    if isinstance(error, _BUSY):
        return LedgerBusy(location)
    if isinstance(error, _FULL):
        return DiskFull(location)
    if isinstance(error, said.InsufficientPrivilege):
        return (NoRightsToWrite if writing else NoRights)(location, why=text)
    if isinstance(error, said.ReadOnlySqlTransaction):
        return LedgerReadOnly(location, why="the server accepts no writes")
    if isinstance(error, psycopg.DataError):
        return CannotKeep(location, why=text)
    if isinstance(error, said.UndefinedTable):
        return NotALedger(location, why=text)
    if _NO_DATABASE.search(fatal):
        return LedgerNotFound(location, hint="make the database (createdb), then: tally init")
    if _NOT_LET_IN.search(fatal):
        return NoRights(location, why=fatal)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return ServerUnreachable(location, why=text)
    return LedgerDamaged(location, why=text)


def connect(url: str, location: str, *, reading: bool) -> psycopg.Connection[Any]:
    """Open a connection of its own. Raises: ServerUnreachable, LedgerNotFound."""
    given = "connect_timeout" in parts(url)
    limits: dict[str, Any] = {} if given else {"connect_timeout": CONNECT_SECONDS}
    limits |= SPOKEN
    try:
        raw = psycopg.connect(url, autocommit=True, **limits)
    except psycopg.Error as error:
        safe = type(error)(without_secrets(str(error), url))
        raise explain(location, safe) from None
    with explained(location):
        if reading:
            raw.execute("SET default_transaction_read_only = on")
        return raw


class ServerConnection:
    """What ledger/connection.py asks of a connection, over psycopg."""

    dialect = POSTGRESQL

    def __init__(
        self, raw: psycopg.Connection[Any], location: str, *, writing: bool = False
    ) -> None:
        """Speak through a connection; ``location`` is how errors name it."""
        self.raw = raw
        self._location = location
        self._writing = writing

    def execute(self, text: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Run one statement; its rows are there when this returns."""
        with self._explained():
            cursor = self.raw.cursor(row_factory=tuple_row)
            cursor.execute(translated(text), parameters or None)
            return cursor

    def executemany(self, text: str, parameters: Iterable[Sequence[Any]], /) -> None:
        """Run one statement for many parameters."""
        with self._explained(), self.raw.cursor() as cursor:
            cursor.executemany(translated(text), list(parameters))

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Send the statements of the body together, and wait once; none gives rows."""
        with self._explained(), self.raw.pipeline():
            yield

    def copy_in(self, text: str, rows: Iterable[Sequence[Any]]) -> None:
        """Load many rows at once; triggers see them as any others."""
        with (
            self._explained(),
            self.raw.cursor() as cursor,
            cursor.copy(text) as into,
        ):
            for row in rows:
                into.write_row(row)

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self._location, writing=self._writing)

    def wait(self, channel: str, seconds: float, done: Callable[[], bool]) -> None:
        """Wait until something is announced on a channel, or until the time is over."""
        with self._explained():
            try:
                self.raw.execute(f"LISTEN {channel}")
            except said.ReadOnlySqlTransaction:  # a standby tells nobody
                clock.sleep(seconds)
                return
            if not done():  # what was announced before LISTEN is seen by looking
                for _ in self.raw.notifies(timeout=seconds, stop_after=1):
                    pass

    def close(self) -> None:
        """Close it."""
        self.raw.close()
