"""A second process that writes what this one decides: rows, leaves, keys, and the commit.

A batch goes through a pipe while it is still being decided; the process holds the write lock from
its first rows to its commit. Invariant: nothing counts as recorded before the process has said so,
after the commit; it appends only to the head that it was told of, so whatever a foreign writer has
recorded stops it; it ends when the pipe does, and rolls back what was sent in part.
This module must not know what is decided, nor what follows when the process was lost.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Sequence  # noqa: TC003 - msgspec reads it
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final

from msgspec import Struct, msgpack

from ledger.interrupts import ctrl_c_waits
from ledger.memory import no_cycles
from ledger.store.errors import PositionConflict
from ledger.store.files import opened_for_reading
from ledger.store.reading import Reader, tune
from ledger.store.rows import Head, Request, Row
from ledger.store.sqlite import FileStore
from ledger.store.writing import LastKnown, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from multiprocessing.connection import Connection

    from ledger.connection import Connection as Database

AHEAD: Final = 2  # batches that may be sent and not committed: what they hold is in memory
_Stored = tuple[int, str, int, str, int, int, bytes]  # a Row
_Kept = tuple[str, str, bytes, int, int]  # scope, key, Request


class HandoverLost(Exception):  # not an error: this process decides again, alone
    """The process has ended before everything that it was sent was committed."""


class Parcel(Struct, array_like=True):
    """What is sent at once: rows, and with the last part of a batch everything else.

    Attributes:
        before: the head that the batch continues.
        settings: None for one that is dropped.

    """

    before: int
    rows: Sequence[_Stored]
    last: bool = False
    requests: Sequence[_Kept] = ()
    settings: dict[str, str | None] = {}


_PARTS = msgpack.Decoder(Parcel)
_ENCODER = msgpack.Encoder()
_END: Final = b""


def serve(location: str, pipe: Connection, said: Connection) -> None:
    """Write batches until the pipe ends: the whole of the second process."""
    # Read at all times, so that the first process never waits while a batch is committed here.
    parts: SimpleQueue[bytes | None] = SimpleQueue()
    Thread(target=_read, args=(pipe, parts), daemon=True).start()
    store = FileStore(location)
    try:
        with no_cycles():
            while True:
                said.send_bytes(b"ready")
                _write(store, _next(parts), parts)
    except _Killed:
        store.close()  # nobody else leaves the file complete
    # Whatever goes wrong here, the first process tries the same alone, and says what is wrong.
    except Exception:  # noqa: BLE001, S110 - as said
        pass


class _Killed(Exception):
    """The pipe broke: the first process is gone."""


def _read(pipe: Connection, parts: SimpleQueue[bytes | None]) -> None:
    with suppress(EOFError, OSError):
        while True:
            parts.put(pipe.recv_bytes())
    parts.put(None)


def _next(parts: SimpleQueue[bytes | None]) -> Parcel:
    body = parts.get()
    if body is None:
        raise _Killed
    return _PARTS.decode(body)  # of nothing: the end, which the first process has said


def _write(store: FileStore, part: Parcel, parts: SimpleQueue[bytes | None]) -> None:
    with store.writing() as writer:
        if writer.head.position != part.before:
            raise PositionConflict("another process has written", hint="decide again")
        while True:
            writer.append_rows([Row(*row) for row in part.rows])
            if part.last:
                break
            part = _next(parts)
        writer.put_requests({(one[0], one[1]): Request(*one[2:]) for one in part.requests})
        for key, value in part.settings.items():
            if value is None:
                writer.drop_meta(key)
            else:
                writer.set_meta(key, value)


class Handover:
    """This side of it.

    Attributes:
        reader: sees what is committed, and single rows that are not yet.
        sent, committed: how many batches.

    """

    def __init__(self, location: str) -> None:
        """Start the process; what is sent before it is ready waits here."""
        context = multiprocessing.get_context("spawn")
        parts, self._parts = context.Pipe(duplex=False)
        self._said, said = context.Pipe(duplex=False)
        self._process = context.Process(target=serve, args=(location, parts, said), daemon=True)
        with ctrl_c_waits():  # the first process hears it, and ends the pipe
            self._process.start()
        parts.close()
        said.close()
        connection = opened_for_reading(location)
        tune(connection, mapped=0)
        self.reader = _Ahead(connection, location)
        self.head = Head(0, 0, b"")
        self.sent = self.committed = 0
        self.requests: dict[tuple[str, str], Request] = {}
        self.settings: dict[str, str | None] = {}
        self._keys: deque[tuple[int, Sequence[tuple[str, str]]]] = deque()  # of batches that fly
        self._waiting: deque[bytes] = deque()
        self._ready = False

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Yield what takes a batch as a writer does. Raises: HandoverLost, LockNeeded."""
        while self.sent - self.committed >= AHEAD or (self._ready and self._said.poll()):
            self._land()
        if self.sent == self.committed:
            self.settings.clear()
            self.head = self.reader.head()
        writer = _Taker(self)
        yield writer
        self._send(
            Parcel(
                writer.before, [], last=True, settings=writer.changed,
                requests=[(*key, *request) for key, request in writer.requests.items()],
            )
        )  # fmt: skip
        self.head = writer.head
        self.sent += 1
        self._keys.append((writer.head.position, list(writer.requests)))

    def drain(self) -> None:
        """Wait until all that was sent is committed. Raises: HandoverLost."""
        while self.committed < self.sent:
            self._land()

    def end(self) -> bool:
        """End the process; return whether all that was sent whole is committed."""
        with suppress(HandoverLost):
            self.drain()
        with suppress(OSError):  # it is gone already
            self._parts.send_bytes(_END)
        self._parts.close()
        self._process.join()
        self._said.close()
        self.reader.close()
        return self.committed == self.sent

    def insert(self, before: int, rows: Sequence[Row]) -> None:
        """Send rows of a batch."""
        self.reader.rows_ahead += rows
        self._send(Parcel(before, rows))

    def _send(self, part: Parcel) -> None:
        self._waiting.append(_ENCODER.encode(part))
        if not self._ready and self._said.poll():
            self._hear()
        if self._ready:
            self._send_waiting()

    def _send_waiting(self) -> None:
        try:
            while self._waiting:
                self._parts.send_bytes(self._waiting.popleft())
        except OSError:
            raise HandoverLost from None

    def _hear(self) -> None:
        try:
            self._said.recv_bytes()
        except (EOFError, OSError):
            raise HandoverLost from None
        self._ready = True

    def _land(self) -> None:
        """Wait for the next commit: then the process is ready for the next batch."""
        if not self._ready:
            self._hear()
            self._send_waiting()
            return
        self._hear()
        self.committed += 1
        position, keys = self._keys.popleft()
        self.reader.forget(position)
        for key in keys:
            self.requests.pop(key, None)


class _Ahead(Reader):
    """Sees single rows that are not committed yet."""

    def __init__(self, connection: Database, location: str) -> None:
        super().__init__(connection, location)
        self.rows_ahead: list[Row] = []

    def row(self, position: int) -> Row | None:
        """Return one event's row."""
        ahead = self.rows_ahead
        if ahead and position >= ahead[0].position:
            return ahead[position - ahead[0].position]
        return super().row(position)

    def forget(self, position: int) -> None:
        """Forget the rows up to a position: they are committed."""
        if self.rows_ahead:
            del self.rows_ahead[: position + 1 - self.rows_ahead[0].position]


class _Taker(Writer):
    """Takes a batch without the lock, and sends it."""

    locked = False

    def __init__(self, over: Handover) -> None:
        self.before = over.head.position
        self.requests: dict[tuple[str, str], Request] = {}
        self.changed: dict[str, str | None] = {}
        self._over = over
        known = LastKnown(over.head, None, over.settings)
        super().__init__(over.reader, lambda rows: over.insert(self.before, rows), known=known)

    def _read_back(self, rows: Sequence[Row]) -> Head:
        """Leave that to the process, which reads them back before its commit."""
        return Head(rows[-1].position, rows[-1].recorded_at, b"")

    def save(self) -> None:
        self.require_lock()

    def request(self, scope: str, key: str) -> Request | None:
        return self._over.requests.get((scope, key)) or super().request(scope, key)

    def put_requests(self, requests: Mapping[tuple[str, str], Request]) -> None:
        self.requests |= requests
        self._over.requests |= requests

    def set_meta(self, key: str, value: str) -> None:
        if self._settings.get(key) != value:
            self._settings[key] = self.changed[key] = value

    def drop_meta(self, key: str) -> None:
        self._settings[key] = self.changed[key] = None
