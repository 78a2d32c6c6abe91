"""Column maps in TOML: how a CSV is written, and what its columns mean; some ship with the program.

Invariant: a map that does not fit is refused before a row is read, with the key and the likely
spelling; one form of signs is chosen. A sign is read once: where a word and a minus both say it,
they must agree. A currency that a cell names is that of the row.
The shipped maps are the files of the folder ``maps``. This module must not know how a row is read.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from ledger.currencies import DECIMALS
from ledger.errors import InvalidInput
from ledger.policy import did_you_mean
from projections.reconciliation.amounts import read_amount
from projections.reconciliation.lines import SCOPES
from projections.reconciliation.readers.words import WORDS
from projections.toml import read_toml

FOLDER: Final = Path(__file__).resolve().parent.parent / "maps"
_HINT: Final = 'it needs [columns] with date and amount, e.g. date = "Date"'
One = Annotated[str, Meta(min_length=1, max_length=1)]
None_or_one = Annotated[str, Meta(max_length=1)]
Column = str | Annotated[int, Meta(ge=1, le=10_000)]  # by name, or by number from 1
Lines = Annotated[int, Meta(ge=0, le=10_000)]


class MapColumns(Struct, frozen=True, forbid_unknown_fields=True):
    """Which column holds what; only the date and an amount are needed."""

    date: Column
    time: Column | None = None
    amount: Column | None = None
    debit: Column | None = None
    credit: Column | None = None
    flow: Column | None = None
    id: Column | None = None
    reference: Column | None = None
    order: Column | None = None
    group: Column | None = None
    currency: Column | None = None
    account: Column | None = None
    status: Column | None = None
    fee: Column | None = None
    balance: Column | None = None
    text: Column | tuple[Column, ...] | None = None
    payer: Column | None = None
    payer_account: Column | None = None

    def named(self) -> dict[str, Column]:
        """Return the columns that are named, under what they mean; texts are numbered."""
        found: dict[str, Column] = {}
        for field, column in msgspec.structs.asdict(self).items():
            for n, one in enumerate(column if isinstance(column, tuple) else (column,)):
                if one is not None:
                    found[f"{field} {n}" if n else field] = one
        return found


class Values(Struct, frozen=True, forbid_unknown_fields=True):
    """Which words in the columns mean what; case does not matter."""

    income: tuple[str, ...] = WORDS.income
    expense: tuple[str, ...] = WORDS.expense
    booked: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


class ColumnMap(Struct, frozen=True, forbid_unknown_fields=True):
    """A column map: how a CSV is written, and what its columns mean."""

    columns: MapColumns
    values: Values = Values()
    encoding: str = "utf-8"
    delimiter: One = ","
    decimal: One = "."
    thousands: None_or_one | None = None
    sign: Literal["in", "out"] = "in"
    date_format: str | tuple[str, ...] = ()
    zone: str | None = None
    skip_before: Lines = 0
    skip_after: Lines = 0
    header: bool = True
    comment: str = ""
    reference_scope: Literal["transaction", "entry", "batch", "instruction", "mandate"] = (
        "transaction"
    )
    subject: Literal["payments", "wallet", "bills", "charges"] = "payments"
    currency: str | None = None
    opening: str | None = None
    closing: str | None = None

    @property
    def grouping(self) -> str:
        """What parts groups of three: as the map says, else what does where the decimal is so."""
        if self.thousands is not None:
            return self.thousands
        return "," if self.decimal != "," else "."

    @property
    def scope(self) -> int:
        """The scope of the references in the reference column."""
        return SCOPES.index(self.reference_scope)

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms of dates that are given, none where the column is to say."""
        given = self.date_format
        return given if isinstance(given, tuple) else (given,)


def read_map(text: str) -> ColumnMap:
    """Read a column map. Raises: InvalidInput, naming the key."""
    said = read_toml(text.encode(), "the column map")
    _check_keys(said, ColumnMap, "")
    for name, kind in (("columns", MapColumns), ("values", Values)):
        _check_keys(said.get(name), kind, f"[{name}] ")
    try:
        found = msgspec.convert(said, ColumnMap)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"the column map does not fit: {error}", hint=_HINT) from None
    _check(found)
    return found


def _check_keys(table: Any, kind: type[Struct], where: str) -> None:  # noqa: ANN401 - TOML is what it is
    known = [field.name for field in msgspec.structs.fields(kind)]
    if not isinstance(table, dict):
        return
    for key in table:
        if key not in known:
            near = did_you_mean(key, known)
            msg = f"the column map does not fit: {where}{key} is not known"
            raise InvalidInput(msg, hint=near or f"known are: {', '.join(known)}")


def _check(found: ColumnMap) -> None:
    named = found.columns
    two = named.debit is not None or named.credit is not None
    if two == (named.amount is not None) or (named.flow is not None and named.amount is None):
        msg = "the column map must name either amount (signed, or with flow), or debit and credit"
        raise InvalidInput(msg, hint=_HINT)
    if found.decimal == found.thousands:
        raise InvalidInput("decimal and thousands must differ", hint="name two different marks")
    if not found.header and any(isinstance(one, str) for one in named.named().values()):
        raise InvalidInput("without a header columns have numbers", hint="e.g. date = 1")


def shipped() -> list[str]:
    """Return the names of the maps that ship with the program."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def shipped_map(name: str) -> str:
    """Return a map that ships with the program. Raises: InvalidInput."""
    if name not in shipped():
        near = did_you_mean(name, shipped())
        msg = f"there is no column map {name!r}: no file of that name, and none that ships"
        raise InvalidInput(msg, hint=near or f"these ship: {', '.join(shipped())}")
    return (FOLDER / f"{name}.toml").read_text(encoding="utf-8")


_WORD: Final = r"(?:[^\W\d_]{1,12}\$?\.?|[€$£¥￥₹₩₽₺₴₫฿₪])"
_MARKED: Final = re.compile(
    rf"(?P<front>[-+(\u2212\u2010-\u2013]?)\s*(?P<first>{_WORD})?\s*(?P<plain>[^\s\w]*\s*\d.*?)"
    rf"\s*(?P<last>{_WORD})?(?P<end>\)?)", re.DOTALL,
)  # fmt: skip
_MARKS: Final = dict.fromkeys(map(ord, "\u00a0\u202f\u2009"), " ") | {0x2019: "'"}
EMPTY: Final = ("", "-", "--", "\u2013", "\u2014", "n/a")  # how a cell says that it is empty


class AmountRead(NamedTuple):
    """An amount, and the currency that its cell names, empty for none."""

    amount: int
    currency: str = ""


class AmountReader:
    """Reads amounts as one file writes them."""

    def __init__(self, column_map: ColumnMap) -> None:
        """Remember the marks, and the words for money that comes in and that goes out."""
        self._decimal, self._thousands = column_map.decimal, column_map.grouping
        # Marks that part groups of three too, where nobody said that they do not.
        self._others = " '" if column_map.thousands is None else ""
        self._ways = {folded(word): 1 for word in column_map.values.income if word}
        self._ways.update({folded(word): -1 for word in column_map.values.expense if word})

    def way(self, word: str) -> int:
        """Return 1 for a word that means income, -1 for expense, 0 for any other."""
        return self._ways.get(folded(word), 0)

    def read(self, text: str) -> AmountRead:
        """Read a cell. Raises: InvalidInput."""
        try:
            return AmountRead(self._number(text))
        except InvalidInput as error:
            found = self._beside(text)
            if found is None:
                raise error from None
            return found

    def _number(self, text: str) -> int:
        if self._others and not text.isalnum():
            plain = text.strip().translate(_MARKS)
            for mark in self._others:
                if mark in plain and self._thousands not in plain:
                    return read_amount(plain, decimal=self._decimal, thousands=mark)
        return read_amount(text, decimal=self._decimal, thousands=self._thousands)

    def _beside(self, text: str) -> AmountRead | None:
        """Read a number with words beside it, None where one of them is not known."""
        match = _MARKED.fullmatch(text.strip())
        if match is None:
            return None
        way, code = 0, ""
        for word in filter(None, (match["first"], match["last"])):
            sign, named = self.way(word), _code(word)
            if not sign and named is None:
                return None
            if (sign and way not in (0, sign)) or (not sign and code and named != code):
                return None
            way, code = (sign or way), (code if sign else named or code)
        amount = self._number(f"{match['front']}{match['plain']}{match['end']}")
        if amount < 0 < way:
            raise InvalidInput(
                f"{text.strip()[:40]!r} has a minus, and a word that says the opposite",
                hint="the map's [values] say which words mean income and expense",
            )
        return AmountRead(-abs(amount) if way < 0 else amount, code)


def folded(word: str) -> str:
    """Write a word as all its spellings have it in common: no case, accents or full stop."""
    marks = unicodedata.normalize("NFKD", word.strip().casefold())
    plain = "".join(sign for sign in marks if not unicodedata.combining(sign))
    return plain.removesuffix(".") or plain


def _code(word: str) -> str | None:
    """Return the currency that a word beside an amount names, None where it is not a currency."""
    plain = word.strip().removesuffix(".")
    return plain.upper() if plain.upper() in DECIMALS else WORDS.symbols.get(plain.casefold())
