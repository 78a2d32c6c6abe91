"""How a CSV of unknown make is written: encoding, delimiter, where its table begins and ends.

Invariant: what is found is a guess, tried by whoever asks before it is shown (guessing.py).
This module must not know what a column means.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from projections.reconciliation.lines import BadStatement
from projections.reconciliation.readers.dates import is_date
from projections.reconciliation.readers.table import PREAMBLE_MAX
from projections.reconciliation.readers.text import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Sheet(NamedTuple):
    """The table in a file: how it is written, its header (empty for none) and its rows."""

    encoding: str
    delimiter: str
    header: list[str]
    rows: list[list[str]]

    def column(self, place: int) -> list[str]:
        """Return the cells of a column that hold something."""
        return [text for row in self.rows if (text := row[place].strip())]

    def name(self, place: int) -> str:
        """Return how a map names a column: by name where that is unique, else by number."""
        name = self.header[place] if self.header else ""
        unique = name and self.header.count(name) == 1
        return json.dumps(name, ensure_ascii=False) if unique else str(place + 1)


def sheet_of(body: bytes) -> Sheet:
    """Return the table in a file. Raises: BadStatement."""
    encoding = _encoding(body)
    text = decode(body, encoding)
    if not text.strip():
        raise BadStatement("the file is empty", hint="the first line names the columns")
    delimiter = ""
    if text[:4].lower() == "sep=":
        delimiter, text = text[4:5], text.partition("\n")[2]
    delimiter = delimiter or _delimiter(text)
    rows = list(_parsed(text, delimiter))
    while len(rows) > 1 and any(any(map(is_date, row)) for row in rows) and not any(
        map(is_date, rows[-1])
    ):
        rows.pop()  # a total or a remark below the table
    width = _width(rows)
    if width < 2:  # noqa: PLR2004 - a date and an amount
        msg = "no table was found in the file: rows of two cells or more"
        raise BadStatement(msg, hint="is it CSV? --source csv reads nothing else")
    for place, row in enumerate(rows[: PREAMBLE_MAX + 1]):
        names = [name.strip() for name in row]
        if len(row) == width and any(map(is_date, names)):
            return Sheet(encoding, delimiter, [], [one for one in rows if len(one) == width])
        if len(row) == width and len(list(filter(None, names))) > width // 2:
            after = [
                one for one in rows[place + 1 :] if len(one) == width and any(one) and one != row
            ]
            if not after or any(map(is_date, after[0])):
                return Sheet(encoding, delimiter, names, after)
    msg = "no row of the file names columns or holds a date"
    raise BadStatement(msg, hint="write the map by hand: docs/RECONCILE.md shows one")


def _encoding(body: bytes) -> str:
    if body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    if b"\0" in body[:200]:
        odd = body[1:200:2].count(0)
        return "utf-16-le" if odd >= body[:200:2].count(0) else "utf-16-be"
    try:
        body.decode("utf-8-sig")
    except UnicodeDecodeError:
        runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", body)]
        pairs = sum(1 for run in runs if run % 2 == 0)
        if pairs * 2 > len(runs):  # Chinese comes in pairs of high bytes, umlauts alone
            return "gb18030"
        try:
            body.decode("windows-1252")
        except UnicodeDecodeError:
            return "latin-1"
        return "windows-1252"
    return "utf-8"


def _parsed(text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadStatement(f"line {reader.line_num} is not CSV: {error}") from None


def _width(rows: Sequence[Sequence[str]]) -> int:
    widths = Counter(len(row) for row in rows if any(row))
    return max(widths, key=lambda width: (widths[width] * (width > 1), width), default=0)


def _delimiter(text: str) -> str:
    start = "".join(text.splitlines(keepends=True)[: PREAMBLE_MAX + 1])

    def score(mark: str) -> tuple[int, int]:
        rows = list(_parsed(start, mark))
        width = _width(rows)
        return sum(1 for row in rows if len(row) == width > 1), width

    return max(";\t,|", key=score)

