"""The segments beside a ledger: built in order, bound to its tree, dropped without a loss.

Invariant: segments join without a gap from position 1; each says its first and last position, its
hash, and the root of the log's tree at its last position, so segments of another log are known as
such. A file is written beside and renamed; the manifest comes last: what it does not name is not
there. This module must not know what the columns mean.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, flock
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from ledger import codec
from ledger.certain import certain
from ledger.memory import no_cycles
from ledger.proof.nodes import Nodes
from ledger.store.beside import room_for, written_beside
from projections.columns import arrow, folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ledger.store import Reader

    Progress = Callable[[int, int], None]

MANIFEST: Final = "manifest.json"
SEGMENT_EVENTS: Final = 125_000
_ROW_GROUP: Final = 1 << 17

MISSING, FRESH, BEHIND = "missing", "fresh", "behind"
FOREIGN, OUTDATED, DAMAGED = "foreign", "outdated", "damaged"
TRUSTED: Final = (FRESH, BEHIND)


_checked: set[tuple[str, int, int, str]] = set()  # what has its hash, as this process has seen


class File(msgspec.Struct, frozen=True):
    """A file as it was written."""

    file: str
    rows: int
    bytes: int
    sha256: str


class Segment(msgspec.Struct, frozen=True):
    """Events [first, last]: their lines, and the tree's root at ``last``.

    Attributes:
        earliest: the least effective time of a line.
        latest: the greatest; every event of it is effective by then.
        recorded: when the last was recorded.
        lines: a line for everything that an event says.
        sums: the same with money summed: for a point that selects the whole segment; None where a
            sum could be too large for a column.

    """

    first: int
    last: int
    root: str
    earliest: int
    latest: int
    recorded: int
    lines: File
    sums: File | None

    @property
    def files(self) -> tuple[File, ...]:
        """Every file of it."""
        return (self.lines,) if self.sums is None else (self.lines, self.sums)

    @property
    def bytes(self) -> int:
        """What it takes."""
        return sum(file.bytes for file in self.files)


class Manifest(msgspec.Struct, frozen=True):
    """What there is: the format of the columns and the segments in order."""

    format: int
    segments: tuple[Segment, ...] = ()


class _Written(msgspec.Struct, frozen=True):
    """What every manifest says, whatever its format is."""

    format: int


class Standing(NamedTuple):
    """How the columns stand against the log.

    Attributes:
        state: missing, fresh, behind, or why they cannot be trusted.
        position: the last position that they cover.
        said: what is wrong, for a person.

    """

    state: str
    position: int
    lag: int
    segments: tuple[Segment, ...]
    said: str | None = None


class Columns:
    """The segments of one ledger."""

    def __init__(self, reader: Reader) -> None:
        """Look beside the ledger."""
        self._reader = reader
        self.folder = folder_of(reader.location)

    def standing(self, *, whole: bool = False) -> Standing:
        """Return the state of the segments; ``whole`` reads every byte of them again.

        Without it each is read once in a process, before it is first used.
        """
        head = self._reader.head().position
        manifest = self._manifest()
        if manifest is None:
            there = (self.folder / MANIFEST).exists()
            said = "the manifest cannot be read" if there else None
            return Standing(DAMAGED if there else MISSING, 0, head, (), said)
        segments = manifest.segments
        if manifest.format != arrow.FORMAT:
            said = f"they have format {manifest.format}, this program writes {arrow.FORMAT}"
            return Standing(OUTDATED, 0, head, (), said)
        last = segments[-1].last if segments else 0
        if (said := self._foreign(segments, head)) is not None:
            return Standing(FOREIGN, last, max(head - last, 0), segments, said)
        if (said := self._damaged(segments, whole=whole)) is not None:
            return Standing(DAMAGED, last, head - last, segments, said)
        return Standing(FRESH if last == head else BEHIND, last, head - last, segments)

    def paths(self, segments: tuple[Segment, ...]) -> list[str]:
        """Name the files that hold the lines of some segments."""
        return [self.path(segment.lines) for segment in segments]

    def path(self, file: File) -> str:
        """Name a file."""
        return str(self.folder / file.file)

    def build(self, progress: Progress | None = None) -> int:
        """Copy what is newer than the last segment; start again where that cannot be trusted.

        Gives how many events were copied. Raises: ExtraMissing, DiskFull.
        """
        arrow.package("pyarrow")
        with self._alone():
            return self._build(progress)

    def _build(self, progress: Progress | None) -> int:
        standing = self.standing(whole=True)
        kept = standing.segments if standing.state in TRUSTED else ()
        if standing.state not in TRUSTED:
            (self.folder / MANIFEST).unlink(missing_ok=True)
        begun = after = kept[-1].last if kept else 0
        head = self._reader.head().position
        try:
            self._sweep(kept)
            while after < head:
                joined = kept[-1] if kept and _short(kept[-1]) else None
                kept = kept[:-1] if joined is not None else kept
                first = joined.first if joined is not None else after + 1
                until = min(first - 1 + SEGMENT_EVENTS, head)
                kept = (*kept, self._write(kept, joined, after, until))
                self._replace(MANIFEST, msgspec.json.encode(Manifest(arrow.FORMAT, kept)))
                after = until
                if progress is not None:
                    progress(after - begun, head - begun)
        finally:
            if not kept:
                with suppress(OSError):  # what was written meanwhile stays
                    self.folder.rmdir()
        return head - begun

    def drop(self) -> int:
        """Delete every segment; return how many bytes that freed."""
        if not self.folder.exists():
            return 0
        with self._alone():
            freed = sum(path.stat().st_size for path in self.folder.iterdir())
            (self.folder / MANIFEST).unlink(missing_ok=True)  # first: a half drop is "missing"
            shutil.rmtree(self.folder)
        return freed

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Have the folder for oneself: a build would sweep what another one has just written.

        Who waits gets the folder that there is by then. Raises: DiskFull, OSError.
        """
        while (lock := self._lock()) is None:
            pass
        try:
            yield
        finally:
            os.close(lock)

    def _lock(self) -> int | None:
        """Lock the folder; None where it was dropped while one waited."""
        with room_for(self.folder):
            self.folder.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            there = os.open(self.folder, os.O_RDONLY)
            with suppress(OSError):  # a shared disk may lock no folder
                flock(there, LOCK_EX)
            if self.folder.exists() and os.path.samestat(os.fstat(there), self.folder.stat()):
                return there
            os.close(there)
        return None

    def upto(self, until: int) -> tuple[tuple[Segment, ...], int]:
        """Return the trusted segments with events up to a position, and the last that they hold."""
        standing = self.standing()
        trusted = standing.segments if standing.state in TRUSTED else ()
        segments = tuple(one for one in trusted if one.first <= until)
        return segments, min(segments[-1].last, until) if segments else 0

    def _manifest(self) -> Manifest | None:
        try:
            read = (self.folder / MANIFEST).read_bytes()
            written = msgspec.json.decode(read, type=_Written).format
            if written != arrow.FORMAT:  # what else it says has another meaning
                return Manifest(written)
            return msgspec.json.decode(read, type=Manifest)
        except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
            return None

    def _foreign(self, segments: tuple[Segment, ...], head: int) -> str | None:
        """Return why the segments are of another log: each ends at a root of this one's tree."""
        nodes = Nodes(self._reader.connection)
        expected = 1
        for segment in segments:
            if segment.first != expected or segment.last < segment.first:
                return f"segments do not join at @{expected}"
            expected = segment.last + 1
        if expected - 1 > head:
            return f"they end at @{expected - 1}, the log ends at @{head}"
        for segment in segments[-1:]:  # a root covers everything before it
            if not nodes.there or nodes.root(segment.last).hex() != segment.root:
                return f"the log's root @{segment.last} differs"
        return None

    def _damaged(self, segments: tuple[Segment, ...], *, whole: bool) -> str | None:
        for file in (one for segment in segments for one in segment.files):
            path = self.folder / file.file
            if not path.is_file() or path.stat().st_size != file.bytes:
                return f"{file.file} is missing or has another size"
            seen = _seen(path, file)
            if not whole and seen in _checked:
                continue
            if _sha256(path) != file.sha256:
                return f"{file.file} has another hash"
            _checked.add(seen)
        return None

    def _sweep(self, kept: tuple[Segment, ...]) -> None:
        """Remove what a killed build left: files that the manifest does not name."""
        named = {file.file for segment in kept for file in segment.files} | {MANIFEST}
        for path in self.folder.iterdir():
            if path.name not in named:
                path.unlink(missing_ok=True)

    def _write(
        self, kept: tuple[Segment, ...], joined: Segment | None, after: int, until: int
    ) -> Segment:
        """Write the events in (after, until], after those of a segment that they are joined to."""
        table = table_between(self._reader, after, until, self.paths(kept))
        first = after + 1
        if joined is not None:
            first, parquet = joined.first, arrow.package("pyarrow.parquet")
            both = [parquet.read_table(self.path(joined.lines)), table]
            table = arrow.in_order(arrow.package("pyarrow").concat_tables(both))
        name = f"{first:012d}-{until:012d}"
        sums = arrow.sums_of(table)
        ends = arrow.package("pyarrow.compute").min_max(table["effective_at"]).as_py()
        row = certain(self._reader.row(until))
        return Segment(
            first=first, last=until, root=Nodes(self._reader.connection).root(until).hex(),
            earliest=ends["min"], latest=ends["max"], recorded=row.recorded_at,
            lines=self._file(f"{name}.parquet", table),
            sums=None if sums is None else self._file(f"{name}.sums.parquet", sums),
        )  # fmt: skip

    def _file(self, name: str, table: Any) -> File:  # noqa: ANN401 - a pyarrow.Table
        """Write a table, the lines of each kind in row groups of their own."""
        sink = arrow.package("pyarrow").BufferOutputStream()
        write_table(table, sink)
        written = sink.getvalue().to_pybytes()
        self._replace(name, written)
        return File(name, table.num_rows, len(written), hashlib.sha256(written).hexdigest())

    def _replace(self, name: str, content: bytes) -> None:
        """Replace the content of a file."""
        with written_beside(self.folder / name) as file:
            file.write(content)


def _short(segment: Segment) -> bool:
    return segment.last - segment.first + 1 < SEGMENT_EVENTS


def write_table(table: Any, sink: Any) -> None:  # noqa: ANN401 - a pyarrow.Table, a file of it
    """Write a table as Parquet, the lines of each kind in row groups of their own."""
    parquet = arrow.package("pyarrow.parquet")
    with parquet.ParquetWriter(sink, table.schema, compression="zstd") as writer:
        for begin, end in pairwise(arrow.starts_of(table)):
            if end > begin or not table.num_rows:
                writer.write_table(table.slice(begin, end - begin), row_group_size=_ROW_GROUP)


def table_between(
    reader: Reader, after: int, until: int, before: Sequence[str] = ()
) -> Any:  # noqa: ANN401 - a pyarrow.Table
    """Make the table of the events in (after, until]; ``before`` names files of earlier lines."""
    with no_cycles():
        events = codec.decode_all(reader.bodies(after=after, until=until))
        return arrow.table_of(events, lambda wanted: _products(before, wanted))


def _products(paths: Sequence[str], wanted: set[arrow.Key]) -> dict[arrow.Key, str]:
    """Find the products of bills: most that are credited were posted not long before."""
    found: dict[arrow.Key, str] = {}
    for path in reversed(paths):
        bills = [bill for account, bill in wanted if (account, bill) not in found]
        if not bills:
            break
        posted = arrow.package("pyarrow.parquet").read_table(
            path, columns=["account", "bill", "product"],
            filters=[("type", "==", "BillPosted"), ("bill", "in", bills)],
        ).to_pydict()  # fmt: skip
        keys = zip(posted["account"], posted["bill"], strict=True)
        found |= {
            key: product
            for key, product in zip(keys, posted["product"], strict=True) if key in wanted
        }  # fmt: skip
    return found


def write_between(
    reader: Reader, after: int, until: int, folder: Path, before: Sequence[str] = ()
) -> list[Path]:
    """Write the events in (after, until] to files in a folder, a segment's worth in memory."""
    written: list[Path] = []
    while after < until or not written:
        to = min(after + SEGMENT_EVENTS, until)
        earlier = [*before, *map(str, written)]
        written.append(folder / f"newer-{len(written)}.parquet")
        write_table(table_between(reader, after, to, earlier), str(written[-1]))
        after = to
    return written


def _seen(path: Path, file: File) -> tuple[str, int, int, str]:
    """Identify a file, to notice one that is put in its place later."""
    stat = path.stat()
    return str(path.absolute()), stat.st_ino, stat.st_mtime_ns, file.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
