"""The zip of a pack, written as a stream: an entry at a time, hashed on the way.

Invariant: the same entries in the same order give the same bytes, whenever they are written; no
entry is held in memory. This module must not know what an entry says.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol, Self, TypeVar, cast

from projections.printable import csv_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say: the same bytes whenever it is made
_SPOOLED = 1 << 20  # bytes of a table that stay in memory
_COPIED = 1 << 16
_WAITING = 8  # pieces


class Closeable(Protocol):
    """Something that must be closed."""

    def close(self) -> None:
        """Close it."""
        ...


Kept = TypeVar("Kept", bound=Closeable)


class EntryWritten(NamedTuple):
    """An entry as the manifest names it."""

    bytes: int
    sha256: str


class PackFile:
    """A file of the pack while it is written: hashed and compressed by a thread beside its maker.

    The pieces are handed over in order, and few of them wait at a time.
    """

    def __init__(self, file: IO[bytes], thread: ThreadPoolExecutor) -> None:
        """Begin with nothing."""
        self._file = file
        self._thread = thread
        self._under_way: deque[Future[None]] = deque()
        self._digest = sha256()
        self._size = 0
        self._piece = bytearray()

    def write(self, raw: bytes) -> None:
        """Add bytes. Raises: what writing the pieces before raised."""
        self._piece += raw
        if len(self._piece) >= _COPIED:
            self._hand_over()
            while len(self._under_way) > _WAITING:
                self._under_way.popleft().result()

    def _hand_over(self) -> None:
        piece, self._piece = self._piece, bytearray()
        self._size += len(piece)
        self._under_way.append(self._thread.submit(self._add, piece))

    def _add(self, piece: bytearray) -> None:
        self._digest.update(piece)
        self._file.write(piece)

    def written(self) -> EntryWritten:
        """Return what was written, once all of it is."""
        self._hand_over()
        while self._under_way:
            self._under_way.popleft().result()
        return EntryWritten(self._size, self._digest.hexdigest())

    def settle(self) -> None:
        """Wait until nothing is under way, whatever becomes of it."""
        wait(self._under_way)


class _Forward:
    """A file that is only ever written on: a pipe and a disk get the same bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.written = 0

    def write(self, raw: bytes) -> int:
        """Write on."""
        self.written += len(raw)
        return self._file.write(raw)

    def flush(self) -> None:
        """Hand over what was written."""
        self._file.flush()


class Archive:
    """The zip, and what was written into it so far."""

    def __init__(self, into: BinaryIO) -> None:
        """Write into a file, from its beginning to its end."""
        self.files: dict[str, EntryWritten] = {}
        self._kept: list[Closeable] = []
        self._into = _Forward(into)
        self._thread = ThreadPoolExecutor(1)
        self._zip = zipfile.ZipFile(
            cast("BinaryIO", self._into), "w", zipfile.ZIP_DEFLATED, compresslevel=6
        )

    @property
    def size(self) -> int:
        """How many bytes the zip has."""
        return self._into.written

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """End the zip, and remove what was kept for later."""
        self._thread.shutdown(cancel_futures=True)
        for one in self._kept:
            one.close()
        if kind is None:
            self._zip.close()
        else:
            self._zip.fp = None  # else it would try to end again what could not be written

    def later(self, columns: Sequence[str]) -> SpooledTable:
        """Begin a table whose rows come while something else is written."""
        return self.keep(SpooledTable(columns))

    def keep(self, one: Kept) -> Kept:
        """Close something at the end, whatever happens."""
        self._kept.append(one)
        return one

    @contextmanager
    def entry(self, name: str) -> Iterator[PackFile]:
        """Write one file."""
        about = zipfile.ZipInfo(name, EPOCH)
        about.compress_type = zipfile.ZIP_DEFLATED
        about.create_system = 3
        about.external_attr = 0o644 << 16
        with self._zip.open(about, "w", force_zip64=True) as file:
            made = PackFile(file, self._thread)
            try:
                yield made
                self.files[name] = made.written()
            finally:
                made.settle()  # the zip goes on, or ends, once nobody writes to it

    def put(self, name: str, content: bytes) -> None:
        """Write a small file."""
        with self.entry(name) as file:
            file.write(content)

    def stream(self, name: str, pieces: Iterable[str]) -> None:
        """Write a text piece by piece."""
        with self.entry(name) as file:
            for piece in pieces:
                file.write(piece.encode())

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Write rows as CSV."""
        with self.entry(name) as file:
            for line in csv_lines((columns,), rows):
                file.write(line)


def csv_lines(*parts: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Write rows as lines of CSV that no spreadsheet runs."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for rows in parts:
        for row in rows:
            writer.writerow([csv_cell(cell) for cell in row])
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()


class Spooled:
    """A file of the pack that comes while another is written: on the disk once it is large."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._file = SpooledTemporaryFile(_SPOOLED)  # noqa: SIM115 - written to the archive later

    def write(self, raw: bytes) -> None:
        """Add bytes."""
        self._file.write(raw)

    def write_to(self, archive: Archive, name: str) -> None:
        """Write the whole of it."""
        self._file.seek(0)
        with archive.entry(name) as entry:
            while piece := self._file.read(_COPIED):
                entry.write(piece)

    def close(self) -> None:
        """Close it."""
        self._file.close()


class SpooledTable(Spooled):
    """Rows that come while something else is written."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Begin with the heading."""
        super().__init__()
        self.count = -1
        self.add(columns)

    def add(self, row: Sequence[Any]) -> None:
        """Add a row."""
        self.count += 1
        for line in csv_lines((row,)):
            self.write(line)


def json_bytes(content: object) -> bytes:
    """Write JSON for people and programs alike."""
    return json.dumps(content, indent=1, ensure_ascii=False).encode() + b"\n"
