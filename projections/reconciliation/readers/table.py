"""CSV files as rows of cells: what stands around the table, and files that were cut off.

Invariant: a row has as many cells as the header, or the file is refused with the line's number;
only what stands before the header and after the last row, and says nothing, is left out.
This module must not know what a column means.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from typing import TYPE_CHECKING, Final

from ledger.policy import did_you_mean
from projections.reconciliation.lines import BadStatement
from projections.reconciliation.readers.text import decode
from projections.reconciliation.readers.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Row = tuple[int, list[str]]

_CELL_MAX: Final = 1 << 20
PREAMBLE_MAX: Final = 200
# How programs keep a spreadsheet from rewriting a cell: ="0012", '0012 and `0012; or quote it.
_GUARDED: Final = re.compile(r"""="(.*)"|'(.*)'|[`'](?=[\d+-])(.*)""", re.DOTALL)
_INVISIBLE: Final = "\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2066\u2069\ufeff"
_GUARDS: Final = re.compile(rf"""="|[`'][\d+-]|[{_INVISIBLE}]""")
_BEGUN: Final = re.compile(r"\d[\d./:\- ]*[^\W\d]{0,3}[\d./:\- ]*")  # a date that may go on
_FIGURE: Final = re.compile(r"[^\w]*\d[\d.,' \u00a0\u202f]*[^\w]*(?:[A-Za-z]{1,4})?")


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
        self.text = text
        odd = not text.isascii() or '="' in text or "'" in text or "`" in text
        self._guarded = odd and _GUARDS.search(text) is not None
        self._comment = comment
        self._lettered = False  # whether rows begin with a letter: Mar 10, 2025
        self._stream = io.StringIO(text, newline="")
        self._before = 0
        if text[:4].lower() == "sep=" and text[5:6] in ("\r", "\n"):  # Excel says its own
            delimiter = text[4]
            self._skip(1)
        self._skip(skip_before)
        self._begins = self._stream.tell()
        csv.field_size_limit(_CELL_MAX)
        self._delimiter = delimiter
        self._reader = self._new_reader()
        self.header: list[str] = []
        self._titles: list[str] = []  # the header as it is written, to know it again
        self._first: list[Row] = []
        try:
            first = next((row for row in self._cells() if "".join(row[1]).strip()), None)
        except BadStatement:  # what stands above a table need not be CSV
            if not header or skip_before:
                raise
            first = (1, ["?"])
        if first is None:
            msg = "the file is empty: there is no header"
            raise BadStatement(msg, hint="the first line names the columns")
        if header:
            self._take(first[1])
        else:
            self._first, self.width = [first], len(first[1])

    @property
    def blanks(self) -> bool:
        """Whether some cell may begin or end with a blank."""
        text = self.text
        return not text.isascii() or "\t" in text or any(
            blank in text for mark in (self._delimiter, '"', "\n", "\r")
            for blank in (f"{mark} ", f" {mark}")
        )  # fmt: skip

    def _new_reader(self) -> Iterator[list[str]]:
        return csv.reader(self._stream, delimiter=self._delimiter, strict=True)

    def _take(self, titles: list[str]) -> None:
        self._titles, self.header = titles, [name.strip() for name in titles]
        self.width = len(titles)

    def _skip(self, lines: int) -> None:
        for _ in range(lines):
            if not self._stream.readline():
                return
            self._before += 1

    def need(self, columns: Sequence[str], source: str, *, search: bool = False) -> None:
        """Refuse a header without the columns of a source. Raises: BadStatement.

        With ``search`` the header may be a later line: banks write the account above it.
        """
        if search and not self._has(columns):
            self._search(columns)
        absent = [name for name in columns if self.index(name) < 0]
        twice = next((name for name in columns if self.header.count(name) > 1), None)
        if twice is not None:
            raise BadStatement(
                f"column {twice!r} is there twice", hint="a map may name a column by its number"
            )
        if absent:
            near = did_you_mean(absent[0], self.header)
            msg = f"the file has no column {', '.join(absent)}, so it is not {source}"
            raise BadStatement(msg, hint=near or f"it has: {', '.join(self.header)[:200]}")

    def _has(self, columns: Sequence[str]) -> bool:
        return all(self.index(name) >= 0 for name in columns)

    def _search(self, columns: Sequence[str]) -> None:
        """Look for the header line by line: a quote above it may never end."""
        known = self._titles
        reader, ends = self._reader, self._stream.tell()
        before = self._before
        place = self._begins
        for passed in range(PREAMBLE_MAX + 1):
            self._stream.seek(place)
            self._reader, self._before = self._new_reader(), before + passed
            try:
                row = next(self._cells(), None)
            except BadStatement:
                row = (0, [])
            if row is None:
                break
            self._take(row[1])
            if self._has(columns):
                return
            self._stream.seek(place)
            self._stream.readline()
            place = self._stream.tell()
        self._reader, self._before = reader, before
        self._stream.seek(ends)
        self._take(known)

    def index(self, *names: str) -> int:
        """Return the place of the first of the columns that is there, -1 for none.

        Capitals and blanks make no other name, where one column alone has it.
        """
        for name in names:
            if name in self.header:
                return self.header.index(name)
        folded = [_folded(one) for one in self.header]
        for name in names:
            if folded.count(_folded(name)) == 1:
                return folded.index(_folded(name))
        return -1

    def rows(
        self, *, anchor: int = -1, skip_after: int = 0,
        begins: Callable[[str], bool] | None = None,
    ) -> Iterator[Row]:  # fmt: skip
        """Yield each row with its line number. Raises: BadStatement.

        ``anchor`` is a column that every row fills with what ``begins`` knows: what comes after
        the last such row and is not like one is a footer. ``skip_after`` rows at the end are left
        out.
        """
        if begins is None and not (skip_after or self._comment or self._guarded or self._first):
            yield from self._whole_rows()
            return
        rows = list(self._plain_rows())
        del rows[max(len(rows) - skip_after, 0) :]
        if begins is not None:
            self._lettered = any(
                said[:1].isalpha() and begins(said) for _, cells in rows
                if anchor < len(cells) and (said := cells[anchor].strip())
            )
            while rows and self._footer(rows[-1][1], anchor, begins):
                rows.pop()
        for line, cells in rows:
            yield line, self._fitted(line, cells)

    def _whole_rows(self) -> Iterator[Row]:
        """Yield the rows of a table that nothing stands around: as nearly all are, in one loop."""
        reader, width, titles = self._reader, self.width, self._titles
        line, before = reader.line_num + self._before + 1, self._before  # type: ignore[attr-defined]
        try:
            for cells in reader:
                if len(cells) == width and cells[0]:
                    if cells != titles:
                        yield line, cells
                elif any(cells) and "".join(cells).strip():
                    yield line, self._fitted(line, cells)
                line = reader.line_num + before + 1  # type: ignore[attr-defined]
        except csv.Error as error:
            raise _not_csv(line, error) from None

    def _plain_rows(self) -> Iterator[Row]:
        yield from self._first
        for line, cells in self._cells():
            blank = not any(cells) or not "".join(cells).strip()
            if blank or (self._comment and cells[0].lstrip().startswith(self._comment)):
                continue
            if cells == self._titles:
                continue  # the header again, on the next printed page
            yield line, cells

    def _fitted(self, line: int, cells: list[str]) -> list[str]:
        while len(cells) > self.width and not cells[-1].strip():
            cells.pop()  # some write a separator at the end of rows, but not of the header
        while len(cells) < self.width and self.header and not any(self.header[len(cells) :]):
            cells.append("")  # and some at the end of the header, but not of rows
        if len(cells) != self.width:
            cut = "" if self._complete else "; the file seems cut off"
            count = f"{len(cells)} cell{'s' * (len(cells) != 1)}"
            msg = f"line {line} has {count}, the header has {self.width}{cut}"
            hint = "fetch the file again; a map may say skip_before and skip_after"
            raise BadStatement(msg, hint=hint)
        return cells

    def _footer(self, cells: list[str], anchor: int, begins: Callable[[str], bool]) -> bool:
        """Return whether a row can only be a remark: a total, or words where a date would be.

        A row that was cut off, and one that moves money and has no date, are none.
        """
        said = cells[anchor].strip() if anchor < len(cells) else ""
        if said and (self._cut_off(said) or (any(map(str.isdigit, said)) and begins(said))):
            return False
        words = [cell.strip().lower() for cell in cells if cell.strip()]
        if words and words[0].startswith(WORDS.totals):
            return True
        if len(words) == 1:
            return len(cells) != self.width or bool(said)
        return bool(said) and not any(map(_FIGURE.fullmatch, words[1:]))

    def _cut_off(self, said: str) -> bool:
        """Return whether a text could be the beginning of what begins a row."""
        begun = _BEGUN.fullmatch(said) is not None or (self._lettered and said[0].isalpha())
        return begun and not self._complete

    def _cells(self) -> Iterator[Row]:
        """Yield each row with the line it begins on."""
        reader = self._reader
        while True:
            line = reader.line_num + self._before + 1  # type: ignore[attr-defined]
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise _not_csv(line, error) from None
            yield line, [*map(_unguarded, row)] if self._guarded else row


def _not_csv(line: int, error: csv.Error) -> BadStatement:
    hint = "the file seems cut off or has another format"
    return BadStatement(f"line {line} is not CSV: {error}", hint=hint)


def _unguarded(cell: str) -> str:
    plain = cell.strip(_INVISIBLE + " \t\r\n")
    match = _GUARDED.fullmatch(plain)
    return plain if match is None else str(match[match.lastindex or 0])


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())
