"""Column maps in TOML: how a CSV is written, and what its columns mean; some ship with the program.

Invariant: a map that does not fit is refused before a row is read, with the key and the likely
spelling; one form of signs is chosen. The shipped maps are the files of the folder ``maps``.
This module must not know how a row is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from ledger.errors import InvalidInput
from ledger.policy import did_you_mean
from projections.reconciliation.identity import SCOPES
from projections.toml import read_toml

FOLDER: Final = Path(__file__).resolve().parent.parent / "maps"
_HINT: Final = 'it needs [columns] with date and amount, e.g. date = "Date"'
One = Annotated[str, Meta(min_length=1, max_length=1)]
None_or_one = Annotated[str, Meta(max_length=1)]
Column = str | Annotated[int, Meta(ge=1, le=10_000)]  # by name, or by number from 1
Lines = Annotated[int, Meta(ge=0, le=10_000)]


class Columns(Struct, frozen=True, forbid_unknown_fields=True):
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

    income: tuple[str, ...] = (
        "Income", "Credit", "CRDT", "CR", "C", "H", "Haben", "Gutschrift", "in", "incoming",
        "deposit", "Bij", "Crédit", "Crédito", "Credito", "Avere", "+",
        "收入", "入账", "存入", "贷",
    )
    expense: tuple[str, ...] = (
        "Expense", "Debit", "DBIT", "DR", "DB", "D", "S", "Soll", "Lastschrift", "out", "outgoing",
        "withdrawal", "Af", "Débit", "Débito", "Debito", "Dare", "-",
        "支出", "出账", "支取", "借",
    )
    booked: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


class ColumnMap(Struct, frozen=True, forbid_unknown_fields=True):
    """A column map: how a CSV is written, and what its columns mean."""

    columns: Columns
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
    for name, kind in (("columns", Columns), ("values", Values)):
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
