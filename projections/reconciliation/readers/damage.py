"""What a spreadsheet does to a vendor's file, named by row and column before a row is believed.

A spreadsheet shortens long ids (2.02503E+27), takes leading zeros off, rewrites dates in an order
that nobody can tell, and writes ##### where a column was too narrow. A row of totals is none of
the vendor's rows: it has to be right, and is left out.
Invariant: what comes through is what the vendor wrote, as far as a file can show it.
This module must not know what a column means to the ledger.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ledger.errors import InvalidInput
from projections.reconciliation.amounts import read_amount
from projections.reconciliation.lines import BadStatement, check_total

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from projections.reconciliation.readers.table import Table

_SHORTENED: Final = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]{1,3}", re.ASCII | re.IGNORECASE)
_SLASHED: Final = re.compile(r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}.*", re.ASCII)
_NARROW: Final = re.compile(r"#{3,}")
_TOTALS: Final = ("total", "totals", "grand total", "sum", "合计", "总计", "小计", "总额")
_ZERO: Final = re.compile(r"""[,;|\t\n"'=` ]0[0-9](?!:)""")
_HINT: Final = "export the file again and do not save it from a spreadsheet"


def sound_rows(
    table: Table, *, ids: Sequence[str], instants: Sequence[str], sums: Sequence[str]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the vendor's rows; ``sums`` are the columns that a row of totals may add up.

    Raises: BadStatement where a spreadsheet left its marks, ControlTotalWrong.
    """
    if not _traces(table.text):
        yield from table.rows()
        return
    names, times, adding = (_places(table, chosen) for chosen in (ids, instants, sums))
    seen: dict[tuple[int, str], tuple[str, int]] = {}
    above: list[list[str]] = []
    for line, row in table.rows():
        if _is_total(row):
            _check(row, line, adding, above)
            continue
        for place, name in names.items():
            _id(row[place].strip(), (line, name), place, seen)
        for place, name in times.items():
            if _SLASHED.fullmatch(row[place].strip()):
                said = "a spreadsheet rewrote it, so day and month cannot be told apart"
                raise _damaged(line, name, row[place], said)
        if "###" in "".join(row):
            _narrow(row, line, table.header)
        above.append([row[place] for place in adding])
        yield line, row


def _traces(text: str) -> bool:
    """Return whether a file has in it what any damage leaves: most need no look at their rows."""
    if any(mark in text for mark in ("E+", "e+", "###", "/")):
        return True
    if any(mark + "0" in text for mark in ",;|\t\n\"'=` ") and _ZERO.search(text):
        return True
    folded = text.casefold()
    return any(word in folded for word in _TOTALS)


def _narrow(row: Sequence[str], line: int, header: Sequence[str]) -> None:
    for name, cell in zip(header, row, strict=True):
        if _NARROW.fullmatch(cell.strip()):
            raise _damaged(line, name, cell, "a spreadsheet's column was too narrow for it")


def _places(table: Table, names: Sequence[str]) -> dict[int, str]:
    return {place: name for name in names if (place := table.index(name)) >= 0}


def _id(
    text: str, where: tuple[int, str], place: int, seen: dict[tuple[int, str], tuple[str, int]]
) -> None:
    """Refuse an id that a spreadsheet shortened, or that lost its zeros in one row of two."""
    line, name = where
    if "+" in text and _SHORTENED.fullmatch(text):
        raise _damaged(line, name, text, "a spreadsheet shortened this id, and others to the same")
    if not text.isdecimal():
        return
    other, first = seen.setdefault((place, text.lstrip("0")), (text, line))
    if other != text:
        said = f"it is {other!r} in line {first}: a spreadsheet takes leading zeros off"
        raise _damaged(line, name, text, said)


def _is_total(row: Sequence[str]) -> bool:
    first = next((cell for cell in row if cell.strip()), "")
    return first.strip(" \t:\uff1a").casefold() in _TOTALS


def _check(
    row: Sequence[str], line: int, adding: dict[int, str], above: Sequence[Sequence[str]]
) -> None:
    for n, (place, name) in enumerate(adding.items()):
        if row[place].strip():
            check_total(
                f"{name} of the totals in line {line} = the rows above", _amount(row[place]),
                sum(_amount(cells[n]) for cells in above), currency="CNY",
            )  # fmt: skip


def _amount(cell: str) -> int:
    try:
        return read_amount(cell)
    except InvalidInput:
        return 0  # the reader names it


def _damaged(line: int, column: str, cell: str, said: str) -> BadStatement:
    return BadStatement(f"line {line}, {column}: {cell.strip()[:40]!r}: {said}", hint=_HINT)
