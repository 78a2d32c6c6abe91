"""CSV files as rows of cells: encodings, headers, and files that were cut off.

Invariant: a row has as many cells as the header, or the file is refused with the line's number.
This module must not know what a column means.
"""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING

from ledger.policy import did_you_mean
from projections.reconciliation.lines import BadStatement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CELL_MAX = 1 << 20


def decode(body: bytes, encoding: str = "utf-8") -> str:
    """Decode a file as declared; a byte order mark is not part of it. Raises: BadStatement."""
    name = encoding.lower().replace("_", "-")
    try:
        text = body.decode("utf-8-sig" if name in ("utf-8", "utf8") else name)
    except LookupError:  # also where it is not an encoding of text, such as hex
        near = did_you_mean(name, ["utf-8", "utf-16", "gbk", "gb18030", "latin-1", "windows-1252"])
        msg = f"encoding {encoding!r} is not known"
        raise BadStatement(msg, hint=near or "e.g. utf-8, utf-16, gbk, windows-1252") from None
    except UnicodeDecodeError as error:
        msg = f"byte {error.start} is not {name}"
        raise BadStatement(msg, hint=f"declare the encoding{_likely(body)}") from None
    except ValueError as error:
        raise BadStatement(f"the file is not {name}: {error}") from None
    return text.removeprefix("\ufeff")


def _likely(body: bytes) -> str:
    """Suggest an encoding that the bytes could be."""
    if body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or b"\0" in body[:4]:
        return ", e.g. utf-16"
    try:
        body.decode("gb18030")
    except UnicodeDecodeError:
        return ", e.g. windows-1252"
    return ", e.g. gbk or windows-1252"


class Table:
    """A CSV file with a header, read once, with cells asked for by column."""

    def __init__(self, body: bytes, *, encoding: str = "utf-8", delimiter: str = ",") -> None:
        """Read the header. Raises: BadStatement where there is none."""
        text = decode(body, encoding)
        if "\0" in text:
            msg = "the file is not text: it holds a NUL"
            raise BadStatement(msg, hint="see what the provider's export was; --encoding may help")
        csv.field_size_limit(_CELL_MAX)
        self._reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        self._complete = text.endswith(("\n", "\r"))
        first = next(self._cells(), None)
        self.header = [name.strip() for name in first or ()]
        if not any(self.header):
            msg = "the file is empty: there is no header"
            raise BadStatement(msg, hint="the first line names the columns")
        twice = {name for name in self.header if name and self.header.count(name) > 1}
        if twice:
            msg = f"column {min(twice)!r} is there twice"
            raise BadStatement(msg, hint="remove one of them")

    def need(self, columns: Sequence[str], source: str) -> None:
        """Refuse a header without the columns of a source. Raises: BadStatement."""
        absent = [name for name in columns if name not in self.header]
        if absent:
            msg = f"the file has no column {', '.join(absent)}, so it is no {source}"
            raise BadStatement(msg, hint=f"it has: {', '.join(self.header)[:200]}")

    def index(self, *names: str) -> int:
        """Give the place of the first of the columns that is there, -1 for none."""
        return next((self.header.index(name) for name in names if name in self.header), -1)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Give each row with its line number. Raises: BadStatement."""
        width = len(self.header)
        for cells in self._cells():
            if len(cells) != width:
                if not any(cells):
                    continue
                line = self._reader.line_num
                cut = "" if self._complete else "; the file seems cut off"
                msg = f"line {line} has {len(cells)} cells, the header has {width}{cut}"
                raise BadStatement(msg, hint="fetch the file again")
            yield self._reader.line_num, cells

    def _cells(self) -> Iterator[list[str]]:
        while True:
            try:
                yield next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                msg = f"line {self._reader.line_num} is no CSV: {error}"
                hint = "the file seems cut off or is another format"
                raise BadStatement(msg, hint=hint) from None
