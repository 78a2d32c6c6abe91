"""The ranges of a log, looked at by this process and, where that is worth it, by a second one.

The second process begins while the database checks its pages here, and takes one range after the
other; what it was given when it ends early is done here.
Invariant: one range a process in memory; the subtrees that the second one finds are compared with
those stored here, so that it cannot have looked at another ledger. No signal of the terminal
reaches it, and it ends with this process, however that ends.
This module must not know what makes a range whole.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections import deque
from contextlib import closing, contextmanager, suppress
from typing import IO, TYPE_CHECKING, Final

from msgspec import msgpack

from ledger.errors import LedgerError
from ledger.memory import no_cycles
from ledger.proof.nodes import Nodes
from ledger.store import open_reader
from ledger.verification.ranges import LEVEL, Joined, Seen, Whole, look, spans
from ledger.verification.tree_checks import LeafRange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ledger.store import Reader

LARGE: Final = 4 << LEVEL  # events from which on two are faster, the start of one included
_LENGTH: Final = 8  # bytes before each message
_SERVE: Final = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from ledger.verification.sharing import serve; serve()"
)


class Ranges:
    """The ranges of a log, and what was found in them."""

    def __init__(self, reader: Reader, size: int, level: int = LEVEL) -> None:
        """Look at nothing yet; a full range has 2^level leaves."""
        self._reader = reader
        self.size = size
        self._level = level
        self._todo = deque(spans(size, level))
        self._seen: dict[int, Seen] = {}
        self._odd = False
        self._second: threading.Thread | None = None
        self.helped_with = 0  # events that the second process has looked at

    @contextmanager
    def helped(self, location: str | None) -> Iterator[None]:
        """Let a second process take ranges of the ledger at ``location``, if it is large."""
        if location is None or self.size < LARGE or not _two_can_work():
            yield
            return
        process = _started()
        self._second = threading.Thread(
            target=self._hand_out, args=(process, location), daemon=True
        )
        self._second.start()
        try:
            yield
        finally:
            self._odd = True  # nothing more is handed out
            process.kill()
            process.communicate()

    def _hand_out(self, process: subprocess.Popen[bytes], location: str) -> None:
        source, target = process.stdout, process.stdin
        assert source is not None and target is not None  # noqa: S101, PT018 - our own pipes
        with suppress(OSError, EOFError):
            _send(target, location.encode())
            while not self._odd and (span := self._next()) is not None:
                try:
                    _send(target, msgpack.encode(span))
                    seen = msgpack.decode(_receive(source), type=Seen | None)
                except (OSError, EOFError):
                    self._todo.append(span)
                    raise
                self._note(seen)
                self.helped_with += span.end - span.start

    def _next(self) -> LeafRange | None:
        try:
            return self._todo.popleft()
        except IndexError:
            return None

    def _note(self, seen: Seen | None) -> None:
        if seen is None:
            self._odd = True
        else:
            self._seen[seen.start] = seen

    def whole(self, progress: Callable[[int, int], None] | None = None) -> Whole | None:
        """Look at what is left; None where something in the log is not as it must be."""
        own = 0

        def tick(events: int) -> None:
            nonlocal own
            own += events
            if progress is not None:
                progress(own + self.helped_with, self.size)

        if next(self._reader.batches(1, until=0), None) is not None:
            return None  # positions begin with 1
        with no_cycles():
            return self._look(tick)

    def _look(self, tick: Callable[[int], None]) -> Whole | None:
        joined, following = Joined(Nodes(self._reader.connection), self._level), 0
        while not self._odd:
            span = self._next()
            if span is not None:
                self._note(look(self._reader, span, tick))
            elif self._second is not None:
                self._second.join()
                self._second = None  # what it left is done here
                continue
            while (seen := self._seen.pop(following, None)) is not None:
                following = seen.end
                if not joined.take(seen):
                    return None
            if span is None:
                return joined.end(self.size)
        return None


def _two_can_work() -> bool:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return bool(sys.executable) and (cores or 1) > 1


def _started() -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - this program itself
        [sys.executable, "-c", _SERVE, *sys.path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        process_group=0,
    )  # fmt: skip


def serve() -> None:
    """Be the second process: look at the ranges that come in, until no more do."""
    source, target = sys.stdin.buffer, sys.stdout.buffer
    with suppress(LedgerError, sqlite3.Error, OSError, EOFError):  # the other one does it then
        location = _receive(source).decode()
        with closing(open_reader(location)) as reader, no_cycles():
            while True:
                span = msgpack.decode(_receive(source), type=LeafRange)
                with reader.snapshot():
                    seen = look(reader, span, lambda _: None)
                _send(target, msgpack.encode(seen))


def _send(target: IO[bytes], body: bytes) -> None:
    target.write(len(body).to_bytes(_LENGTH) + body)
    target.flush()


def _receive(source: IO[bytes]) -> bytes:
    length = source.read(_LENGTH)
    body = source.read(int.from_bytes(length)) if len(length) == _LENGTH else b""
    if not body:
        raise EOFError
    return body
