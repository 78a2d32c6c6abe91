"""A delivered file: CSV, CSV in gzip, or Parquet, opened without reading it whole.

Invariant: no line longer than LINE_MAX is ever held, so a file of any size needs flat memory.
This module must not know what a column means.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO, cast

from projections.reconciliation.lines import BadStatement
from projections.reconciliation.readers.text import codec_of, marked

if TYPE_CHECKING:
    from collections.abc import Iterator

CSV, GZIP, PARQUET = "csv", "gzip", "parquet"
LINE_MAX: Final = 1 << 20  # characters
_MAGIC: Final = {b"PAR1": PARQUET, b"\x1f\x8b": GZIP}
_CUT_OFF: Final = "fetch the file again"


class FocusFile:
    """A file, by its path or its bytes."""

    def __init__(self, source: Path | bytes, *, encoding: str = "utf-8") -> None:
        """Look at the first bytes. Raises: BadStatement, OSError."""
        self.source = source
        with self.opened() as stream:
            begins = stream.read(4)
        self.form = next((form for magic, form in _MAGIC.items() if begins.startswith(magic)), CSV)
        self.encoding = codec_of(encoding)
        if self.form != PARQUET:
            with self.plain() as stream:
                mark = marked(stream.read(4))
            self.encoding = f"{mark}-sig" if mark == "utf-8" else mark or self.encoding

    @property
    def path(self) -> Path | None:
        """Where it is, None for bytes."""
        return self.source if isinstance(self.source, Path) else None

    @property
    def size(self) -> int:
        """Its bytes as delivered."""
        return self.source.stat().st_size if isinstance(self.source, Path) else len(self.source)

    def opened(self) -> BinaryIO:
        """Open it as delivered."""
        if isinstance(self.source, Path):
            return self.source.open("rb")
        return io.BytesIO(self.source)

    @contextmanager
    def plain(self) -> Iterator[BinaryIO]:
        """Open it without its compression. Raises: BadStatement where that is cut off."""
        with self.opened() as stream:
            try:
                if self.form == GZIP:
                    with gzip.open(stream) as inner:
                        yield cast("BinaryIO", inner)
                else:
                    yield stream
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                msg = f"the gzip file is cut off or damaged: {error}"
                raise BadStatement(msg, hint=_CUT_OFF) from None

    def ends_in_a_line(self) -> bool:
        """Return whether the bytes after the last newline could be a line. Raises: BadStatement."""
        if self.form == PARQUET:
            return True
        rest = 0
        with self.plain() as stream:
            if self.form == CSV:
                stream.seek(max(0, self.size - LINE_MAX - 2))
            while chunk := stream.read(LINE_MAX):
                last = chunk.rstrip(b"\r\n").rfind(b"\n")
                rest = rest + len(chunk) if last < 0 else len(chunk) - last
        return rest <= LINE_MAX

    def header(self) -> list[str]:
        """Read the names of a CSV's columns. Raises: BadStatement."""
        with self.plain() as stream:
            for _, cells in rows(stream, self.encoding):
                return [name.strip() for name in cells]
        raise BadStatement("the file is empty: there is no header", hint=_CUT_OFF)


def sha256_of(source: Path | bytes) -> str:
    """Return the hash of a file, read in pieces."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def rows(stream: BinaryIO, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Read a CSV's rows, the header too, with the number a spreadsheet gives them.

    Empty lines are not rows. Raises: BadStatement.
    """
    csv.field_size_limit(LINE_MAX)
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    reader = csv.reader(_lines(text), strict=True)
    number = 0
    try:
        for cells in reader:
            if cells:
                number += 1
                yield number, cells
    except csv.Error as error:
        msg = f"line {reader.line_num} is not CSV: {error}"
        raise BadStatement(msg, hint="the file seems cut off, or has another format") from None
    except UnicodeError:
        msg = f"a line after line {reader.line_num} is not {encoding.removesuffix('-sig')}"
        raise BadStatement(msg, hint="name the encoding, e.g. --encoding gbk") from None
    finally:
        text.detach()


def _lines(text: TextIO) -> Iterator[str]:
    number = 0
    while line := text.readline(LINE_MAX):
        number += 1
        if len(line) == LINE_MAX and line[-1] not in "\r\n":
            msg = f"line {number} is longer than {LINE_MAX} characters"
            raise BadStatement(msg, hint="it is not a CSV with rows")
        if "\0" in line:
            raise BadStatement(f"line {number} is not text: it holds a NUL", hint=_CUT_OFF)
        yield line
