"""A starter column map from a file: what its columns seem to mean, for a person to check.

How the file is written (encoding, delimiter, where its table begins and ends) is guessed first.
Names of columns are known in a few languages; what cells look like decides the rest. A guess is
tried on the file before it is shown, so the map works when it is saved.
Invariant: what two readings fit is said in a comment beside the choice, never hidden.
This module must not know the ledger.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.currencies import DECIMALS
from ledger.errors import InvalidInput
from projections.reconciliation.amounts import read_amount
from projections.reconciliation.lines import BadStatement
from projections.reconciliation.readers.dates import forms_that_fit, is_date
from projections.reconciliation.readers.mapped import read_mapped
from projections.reconciliation.readers.maps import Values, read_map
from projections.reconciliation.readers.table import PREAMBLE_MAX
from projections.reconciliation.readers.text import decode, encoding_of
from projections.reconciliation.readers.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

class GuessedTable(NamedTuple):
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


def sheet_of(body: bytes) -> GuessedTable:
    """Return the table in a file. Raises: BadStatement."""
    encoding = encoding_of(body)
    text = decode(body, encoding)
    if not text.strip():
        raise BadStatement("the file is empty", hint="the first line names the columns")
    delimiter = ""
    if text[:4].lower() == "sep=":
        delimiter, text = text[4:5], text.partition("\n")[2]
    delimiter = delimiter or _delimiter(text)
    rows = _parsed(text, delimiter)
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
            return GuessedTable(encoding, delimiter, [], [one for one in rows if len(one) == width])
        if len(row) == width and len(list(filter(None, names))) > width // 2:
            after = [
                one for one in rows[place + 1 :] if len(one) == width and any(one) and one != row
            ]
            if not after or any(map(is_date, after[0])):
                return GuessedTable(encoding, delimiter, names, after)
    msg = "no row of the file names columns or holds a date"
    raise BadStatement(msg, hint="write the map by hand: docs/RECONCILE.md shows one")


def _parsed(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return list(reader)
    except csv.Error as error:
        raise BadStatement(f"line {reader.line_num} is not CSV: {error}") from None


def _width(rows: Sequence[Sequence[str]]) -> int:
    widths = Counter(len(row) for row in rows if any(row))
    return max(widths, key=lambda width: (widths[width] * (width > 1), width), default=0)


def _delimiter(text: str) -> str:
    start = "".join(text.splitlines(keepends=True)[: PREAMBLE_MAX + 1])

    def score(mark: str) -> tuple[int, int]:
        rows = _parsed(start, mark)
        width = _width(rows)
        return sum(1 for row in rows if len(row) == width > 1), width

    return max(";\t,|", key=score)


_MARKED: Final = re.compile(
    r"[-+(\u2212]?[€$£¥ ]*\d[\d.,' \u00a0\u202f\u2019]*\)?-?(?: ?[CD]R)?(?: ?[€$£¥])?"
)
_GROUP: Final = 3  # digits that a thousands mark parts
_EITHER: Final = re.compile(r"\D*\d{1,3}[.,]\d{3}\D*")  # a thousand or three decimals
_SKIPPED_MAX: Final = 5
_TRIED: Final = ("sign", "skip_after")


class _Guess:
    """A map on its way: keys in order, each with a remark where there is doubt."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}
        self.columns: dict[str, str] = {}
        self.values: dict[str, str] = {}
        self.remarks: dict[str, str] = {}

    def text(self) -> str:
        """Return the map as TOML."""
        lines = ["# A guess: check the signs, the dates and the amounts, then save it."]
        for title, keys in (("", self.keys), ("columns", self.columns), ("values", self.values)):
            lines += [f"[{title}]"] if title and keys else []
            for key, said in keys.items():
                remark = self.remarks.get(key)
                lines.append(f"{key} = {said}" + (f"  # {remark}" if remark else ""))
        return "\n".join([*lines, ""])


def guess_map(body: bytes) -> str:
    """Return a column map for a CSV file, as TOML that reads it. Raises: BadStatement."""
    sheet = sheet_of(body)
    guess = _Guess()
    if sheet.encoding != "utf-8":
        guess.keys["encoding"] = json.dumps(sheet.encoding)
    if sheet.delimiter != ",":
        guess.keys["delimiter"] = json.dumps(sheet.delimiter)
    if not sheet.header:
        guess.keys["header"] = "false"
    taken = _dates(sheet, guess)
    numbers = _numbers(sheet, guess, taken)
    _figures(sheet, guess, numbers)
    _words(sheet, guess, {taken, *numbers})
    return _tried(guess, body, len(sheet.rows))


def _tried(guess: _Guess, body: bytes, rows: int) -> str:
    """Return the guess as far as it reads the file: balances and remarks at the end give way."""
    first: InvalidInput | None = None
    signs = ("in", "out", "") if "balance" in guess.columns else ("in",)
    balance = guess.columns.get("balance", "")
    for skip in range(min(_SKIPPED_MAX, max(rows - 1, 0)) + 1):
        for sign in signs:
            guess.keys = {
                **{key: said for key, said in guess.keys.items() if key not in _TRIED},
                **({"sign": '"out"'} if sign == "out" else {}),
                **({"skip_after": str(skip)} if skip else {}),
            }
            guess.columns.pop("balance", None)
            if balance and sign:
                guess.columns["balance"] = balance
            elif balance:
                guess.remarks["date"] = f"{balance} does not follow by rows: no running balance"
            text = guess.text()
            try:
                read_mapped(body, read_map(text), offset=0, currency="XXX")
            except InvalidInput as error:
                first = first or error
                continue
            return text
    assert first is not None  # noqa: S101 - there was an attempt
    raise BadStatement(f"no map could be guessed: {first}", hint=first.hint)


# --- what the columns mean --------------------------------------------------------------------


def _called(sheet: GuessedTable, role: str, places: Sequence[int]) -> list[int]:
    """Return the columns that have a name of a role in theirs, the surest first."""
    found = []
    for name in WORDS.columns[role]:
        for place in places:
            title = sheet.header[place].lower() if sheet.header else ""
            whole = re.search(rf"(?:^|[\W_]){re.escape(name)}", title) if name.isascii() else None
            if place not in found and (whole or (not name.isascii() and name in title)):
                found.append(place)
    return found


def _dates(sheet: GuessedTable, guess: _Guess) -> int:
    """Find the column of dates and the form of them."""
    every = range(len(sheet.header or sheet.rows[0]))
    fitting = {place: forms_that_fit(sheet.column(place)) for place in every}
    dated = [place for place in every if fitting[place] and sheet.column(place)]
    named = _called(sheet, "date", dated if sheet.rows else list(every))
    if not (named or dated):
        msg = "no column of the file holds dates"
        raise BadStatement(msg, hint="write the map by hand: docs/RECONCILE.md shows one")
    chosen = (named or dated)[0]
    guess.columns["date"] = sheet.name(chosen)
    forms = fitting[chosen] if sheet.rows else []
    if len(forms) > 1:
        guess.keys["date_format"] = json.dumps(forms[0].name)
        others = " or ".join(form.name for form in forms[1:])
        guess.remarks["date_format"] = f"check it: all dates may also be {others}"
    return chosen


def _numbers(sheet: GuessedTable, guess: _Guess, taken: int) -> list[int]:
    """Find the columns of amounts, and how they are written."""
    every = [place for place in range(len(sheet.header or sheet.rows[0])) if place != taken]
    looks = [
        place for place in every
        if sheet.column(place) and all(map(_MARKED.fullmatch, sheet.column(place)))
        and not all(map(is_date, sheet.column(place)))
    ]  # fmt: skip
    cells = [text for place in looks for text in sheet.column(place)]
    decimal, thousands = _marks(cells)
    odd = next((text for text in cells if _EITHER.fullmatch(text)), "")
    if decimal != "." or odd:
        guess.keys["decimal"] = json.dumps(decimal)
    if odd and not any(_decides(text) for text in cells):
        mark = "." if decimal == "," else ","
        guess.remarks["decimal"] = f"check it: {mark!r} may also part the decimals, as in {odd}"
    if thousands not in ("", "," if decimal != "," else "."):
        guess.keys["thousands"] = json.dumps(thousands, ensure_ascii=False)

    def is_amount(text: str) -> bool:
        grouping = thousands or ("," if decimal != "," else ".")
        try:
            read_amount(re.sub(r"[€$£¥]", "", text), decimal=decimal, thousands=grouping)
        except InvalidInput:
            return False
        return True

    if not sheet.rows:
        return every
    return [place for place in looks if all(map(is_amount, sheet.column(place)))]


def _decides(text: str) -> bool:
    """Return whether an amount shows by itself which mark parts its decimals."""
    tail = re.search(r"[.,](\d+)\D*$", text)
    marks = re.findall(r"(?<=\d)[.,' \u00a0\u202f\u2019](?=\d)", text)
    return tail is not None and (len(set(marks)) > 1 or len(tail[1]) != _GROUP)


def _marks(cells: Sequence[str]) -> tuple[str, str]:
    """Return the decimal mark and what parts groups, as the cells show them."""
    decimals, groups = Counter[str](), Counter[str]()
    for text in cells:
        marks = re.findall(r"(?<=\d)[.,' \u00a0\u202f\u2019](?=\d)", text)
        if not marks:
            continue
        if _decides(text):
            decimals[marks[-1]] += 1
            groups.update(set(marks) - {marks[-1]})
        else:
            groups.update(set(marks))
    if not decimals and groups["."] and not groups[","]:
        return ",", "."
    decimal = max(decimals, key=lambda mark: (decimals[mark], mark), default=".")
    groups.pop(decimal, None)
    thousands = max(groups, key=lambda mark: (groups[mark], mark), default="")
    return decimal, " " if thousands in ("\u00a0", "\u202f") else thousands


def _figures(sheet: GuessedTable, guess: _Guess, numbers: list[int]) -> None:
    """Distinguish amounts, debits and credits, fees and balances."""
    left = list(numbers)
    roles = {}
    for role in ("balance", "fee"):
        named = _called(sheet, role, left)
        if named:
            roles[role] = named[0]
            left.remove(named[0])
    debits, credits_ = _called(sheet, "debit", left), _called(sheet, "credit", left)
    if debits and credits_ and debits[0] != credits_[0]:
        roles["debit"], roles["credit"] = debits[0], credits_[0]
    else:
        named = _called(sheet, "amount", left) or [
            place for place in left if any(re.search(r"[.,]\d", one) for one in sheet.column(place))
        ]
        if not named and not left:
            msg = "no column of the file holds amounts"
            raise BadStatement(msg, hint="write the map by hand: docs/RECONCILE.md shows one")
        roles["amount"] = (named or left)[0]
    for role in ("amount", "debit", "credit", "fee", "balance"):
        if role in roles:
            guess.columns[role] = sheet.name(roles[role])


def _words(sheet: GuessedTable, guess: _Guess, taken: set[int]) -> None:
    """Find what is neither a date nor an amount: ids, texts, flows, currencies, states."""
    width = len(sheet.header or sheet.rows[0])
    left = [place for place in range(width) if place not in taken]
    ways = Values()
    known = {word.lower() for word in (*ways.income, *ways.expense)}
    for place in list(left):
        cells = set(sheet.column(place))
        if cells and all(text.upper() in DECIMALS for text in cells):
            guess.columns.setdefault("currency", sheet.name(place))
            left.remove(place)
        elif cells and "amount" in guess.columns and all(cell.lower() in known for cell in cells):
            guess.columns.setdefault("flow", sheet.name(place))
            left.remove(place)
    # An id may be made of digits alone.
    rest = sorted({*left, *(place for place in taken if str(sheet.name(place)) not in
                            guess.columns.values())})  # fmt: skip
    for role in ("id", "reference", "text", "payer"):
        named = [place for place in _called(sheet, role, rest) if sheet.column(place)]
        if named:
            guess.columns[role] = sheet.name(named[0])
            rest.remove(named[0])
            cells_of = sheet.column(named[0])
            if role == "reference" and len(set(cells_of)) < len(cells_of):
                guess.keys["reference_scope"] = '"instruction"'
                guess.remarks["reference_scope"] = "one comes several times"
    _states(sheet, guess, rest)


def _states(sheet: GuessedTable, guess: _Guess, places: Sequence[int]) -> None:
    for place in _called(sheet, "status", places)[:1]:
        guess.columns["status"] = sheet.name(place)
        cells = sorted(set(sheet.column(place)))
        for key, words in WORDS.states.items():
            said = [cell for cell in cells if any(word in cell.lower() for word in words)]
            if said:
                guess.values[key] = json.dumps(said, ensure_ascii=False)
