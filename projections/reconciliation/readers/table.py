"""CSV files as rows of cells: encodings, what stands around the table, and files that were cut off.

Invariant: a row has as many cells as the header, or the file is refused with the line's number;
only what stands before the header and after the last row, and says nothing, is left out.
This module must not know what a column means.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from typing import TYPE_CHECKING, Final

from ledger.policy import did_you_mean
from projections.reconciliation.lines import BadStatement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CELL_MAX: Final = 1 << 20
PREAMBLE_MAX: Final = 200
_TOTALS: Final = (
    "total", "sum", "saldo", "gesamt", "endsaldo", "kontostand", "balance", "closing", "end of",
    "*", "#", "--", "==", "合计", "总计", "小计",
)  # fmt: skip


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

    def __init__(
        self, body: bytes, *, encoding: str = "utf-8", delimiter: str = ",",
        skip_before: int = 0, header: bool = True, comment: str = "",
    ) -> None:  # fmt: skip
        """Read the header. Raises: BadStatement where there is none."""
        text = decode(body, encoding)
        if "\0" in text:
            msg = "the file is not text: it holds a NUL"
            raise BadStatement(msg, hint="see what the provider's export was; is it utf-16?")
        self._complete = text.endswith(("\n", "\r"))
        self._comment = comment
        stream = io.StringIO(text, newline="")
        self._before = 0
        if text[:4].lower() == "sep=" and text[5:6] in ("\r", "\n"):  # Excel says its own
            delimiter = text[4]
            self._skip(stream, 1)
        self._skip(stream, skip_before)
        csv.field_size_limit(_CELL_MAX)
        self._reader = csv.reader(stream, delimiter=delimiter, strict=True)
        self.header: list[str] = []
        self._first: list[tuple[int, list[str]]] = []
        first = next(self._cells(), None)
        if first is None or not any(first[1]):
            msg = "the file is empty: there is no header"
            raise BadStatement(msg, hint="the first line names the columns")
        if header:
            self.header = [name.strip() for name in first[1]]
        else:
            self._first = [first]
        self.width = len(first[1])

    def _skip(self, stream: io.StringIO, lines: int) -> None:
        for _ in range(lines):
            if not stream.readline():
                return
            self._before += 1

    def need(self, columns: Sequence[str], source: str, *, search: bool = False) -> None:
        """Refuse a header without the columns of a source. Raises: BadStatement.

        With ``search`` the header may be a later row: banks write the account above it.
        """
        if search and not all(name in self.header for name in columns):
            self._search(columns)
        absent = [name for name in columns if name not in self.header]
        if absent:
            near = did_you_mean(absent[0], self.header)
            msg = f"the file has no column {', '.join(absent)}, so it is not a {source} file"
            raise BadStatement(msg, hint=near or f"it has: {', '.join(self.header)[:200]}")
        twice = next((name for name in columns if self.header.count(name) > 1), None)
        if twice is not None:
            raise BadStatement(
                f"column {twice!r} is there twice", hint="a map may name a column by its number"
            )

    def _search(self, columns: Sequence[str]) -> None:
        for _ in range(PREAMBLE_MAX):
            try:
                row = next(self._cells(), None)
            except BadStatement:  # what stands above a table need not be CSV
                continue
            if row is None:
                return
            names = [name.strip() for name in row[1]]
            if all(name in names for name in columns):
                self.header, self.width = names, len(names)
                return

    def index(self, *names: str) -> int:
        """Return the place of the first of the columns that is there, -1 for none."""
        return next((self.header.index(name) for name in names if name in self.header), -1)

    def rows(self, *, anchor: int = -1, skip_after: int = 0) -> Iterator[tuple[int, list[str]]]:
        """Yield each row with its line number. Raises: BadStatement.

        ``anchor`` is a column that every row fills with a number or a date: what comes after the
        last such row and is not like one is a footer. ``skip_after`` rows at the end are left out.
        """
        waiting: deque[tuple[int, list[str]]] = deque()
        rows = self._plain_rows()
        for row in rows:
            waiting.append(row)
            if len(waiting) <= skip_after:
                continue
            line, cells = waiting.popleft()
            if anchor >= 0 and self._footer(cells, anchor):
                rest = [*waiting, *rows]
                if all(self._footer(other, anchor) for _, other in rest):
                    return
                waiting.extend(rest[len(waiting) :])
            yield line, self._fitted(line, cells)
        while len(waiting) > skip_after:
            line, cells = waiting.popleft()
            yield line, self._fitted(line, cells)

    def _plain_rows(self) -> Iterator[tuple[int, list[str]]]:
        yield from self._first
        for line, cells in self._cells():
            blank = not any(cells) or not "".join(cells).strip()
            if blank or (self._comment and cells[0].lstrip().startswith(self._comment)):
                continue
            yield line, cells

    def _fitted(self, line: int, cells: list[str]) -> list[str]:
        while len(cells) > self.width and not cells[-1].strip():
            cells.pop()  # some write a separator at the end of rows, but not of the header
        if len(cells) != self.width:
            cut = "" if self._complete else "; the file seems cut off"
            count = f"{len(cells)} cell{'s' * (len(cells) != 1)}"
            msg = f"line {line} has {count}, the header has {self.width}{cut}"
            hint = "fetch the file again; a map may say skip_before and skip_after"
            raise BadStatement(msg, hint=hint)
        return cells

    def _footer(self, cells: list[str], anchor: int) -> bool:
        """Return whether a row can only be a remark: a total, or a word where a date would be."""
        said = cells[anchor] if anchor < len(cells) else ""
        if any(sign.isdigit() for sign in said):
            return False
        words = [cell.strip().lower() for cell in cells if cell.strip()]
        total = bool(words) and words[0].startswith(_TOTALS)
        return total or (len(cells) != self.width and len(words) == 1 and self._complete)

    def _cells(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row with the line it begins on."""
        while True:
            line = self._reader.line_num + self._before + 1
            try:
                yield line, next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                msg = f"line {line} is not CSV: {error}"
                hint = "the file seems cut off or has another format"
                raise BadStatement(msg, hint=hint) from None
