"""The segments beside a ledger: built in order, bound to its tree, dropped without a loss.

Invariant: segments join without a gap from position 1; each says its first and last position, its
hash, and the root of the log's tree at its last position, so segments of another log are known as
such. A file is written beside and renamed; the manifest comes last: what it does not name is not
there. This module must not know what the columns mean.
"""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from ledger import codec
from ledger.memory import no_cycles
from ledger.proof.nodes import Nodes
from ledger.store.beside import room_for, written_beside
from projections.columns import arrow, folder_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ledger.store import Reader

    Progress = Callable[[int, int], None]

MANIFEST: Final = "manifest.json"
SEGMENT_EVENTS: Final = 250_000

MISSING, FRESH, BEHIND = "missing", "fresh", "behind"
FOREIGN, OUTDATED, DAMAGED = "foreign", "outdated", "damaged"
TRUSTED: Final = (FRESH, BEHIND)


_checked: set[tuple[str, int, int, str]] = set()  # what has its hash, as this process has seen


class Segment(msgspec.Struct, frozen=True):
    """One closed file: events [first, last], its size and hash, the tree's root at ``last``."""

    file: str
    first: int
    last: int
    rows: int
    bytes: int
    sha256: str
    root: str


class Manifest(msgspec.Struct, frozen=True):
    """What there is: the format of the columns and the segments in order."""

    format: int
    segments: tuple[Segment, ...] = ()


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
        """Name the files of some segments."""
        return [str(self.folder / segment.file) for segment in segments]

    def build(self, progress: Progress | None = None) -> int:
        """Copy what is newer than the last segment; start again where that cannot be trusted.

        Gives how many events were copied. Raises: ExtraMissing, DiskFull.
        """
        arrow.package("pyarrow")
        standing = self.standing(whole=True)
        if standing.state not in TRUSTED:
            self.drop()
        kept = standing.segments if standing.state in TRUSTED else ()
        begun = after = kept[-1].last if kept else 0
        head = self._reader.head().position
        with room_for(self.folder):
            self.folder.mkdir(exist_ok=True)
        try:
            self._sweep(kept)
            while after < head:
                until = min(after + SEGMENT_EVENTS, head)
                kept = (*kept, self._write(after, until))
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
        freed = sum(path.stat().st_size for path in self.folder.iterdir())
        (self.folder / MANIFEST).unlink(missing_ok=True)  # first: a half drop is "missing"
        shutil.rmtree(self.folder)
        return freed

    def _manifest(self) -> Manifest | None:
        try:
            read = (self.folder / MANIFEST).read_bytes()
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
        for segment in segments:
            path = self.folder / segment.file
            if not path.is_file() or path.stat().st_size != segment.bytes:
                return f"{segment.file} is missing or has another size"
            seen = _seen(path, segment)
            if not whole and seen in _checked:
                continue
            if _sha256(path) != segment.sha256:
                return f"{segment.file} has another hash"
            _checked.add(seen)
        return None

    def _sweep(self, kept: tuple[Segment, ...]) -> None:
        """Remove what a killed build left: files that the manifest does not name."""
        named = {segment.file for segment in kept} | {MANIFEST}
        for path in self.folder.iterdir():
            if path.name not in named:
                path.unlink(missing_ok=True)

    def _write(self, after: int, until: int) -> Segment:
        parquet = arrow.package("pyarrow.parquet")
        table = table_between(self._reader, after, until)
        sink = arrow.package("pyarrow").BufferOutputStream()
        parquet.write_table(table, sink, compression="zstd", row_group_size=1 << 17)
        written = sink.getvalue().to_pybytes()
        name = f"{after + 1:012d}-{until:012d}.parquet"
        self._replace(name, written)
        return Segment(
            file=name, first=after + 1, last=until, rows=table.num_rows, bytes=len(written),
            sha256=hashlib.sha256(written).hexdigest(),
            root=Nodes(self._reader.connection).root(until).hex(),
        )  # fmt: skip

    def _replace(self, name: str, content: bytes) -> None:
        """Replace the content of a file."""
        with written_beside(self.folder / name) as file:
            file.write(content)


def table_between(reader: Reader, after: int, until: int) -> Any:  # noqa: ANN401 - a pyarrow.Table
    """Make the table of the events in (after, until]."""
    with no_cycles():
        return arrow.table_of(codec.decode_all(reader.bodies(after=after, until=until)))


def write_between(reader: Reader, after: int, until: int, folder: Path) -> list[Path]:
    """Write the events in (after, until] to files in a folder, a segment's worth in memory."""
    parquet = arrow.package("pyarrow.parquet")
    written: list[Path] = []
    while after < until or not written:
        to = min(after + SEGMENT_EVENTS, until)
        written.append(folder / f"newer-{len(written)}.parquet")
        parquet.write_table(table_between(reader, after, to), str(written[-1]))
        after = to
    return written


def _seen(path: Path, segment: Segment) -> tuple[str, int, int, str]:
    """Identify a file, to notice one that is put in its place later."""
    stat = path.stat()
    return str(path.absolute()), stat.st_ino, stat.st_mtime_ns, segment.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
