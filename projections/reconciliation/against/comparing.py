"""Two deliveries compared, from their files to the rows, proved by their own sums.

Rows of one charge that are equal in everything are the same, one for one, whatever their order. Of
what is left the n-th in the old file is the n-th in the new one.
Invariant: each row of either file is in one change, or the same as one of the other; the totals are
those of the files, and what was found explains their difference, or there is no end to the answer
(exit 5). This module must not know how it is printed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.errors import IntegrityBroken, InvalidInput
from projections.reconciliation.against.engines import groups, header_of
from projections.reconciliation.against.shapes import Common, Shape, canonical, common, shape_of
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.focus import by_columns, by_rows, cells
from projections.reconciliation.focus.delivery import Delivery, sha256_of
from projections.reconciliation.lines import BadStatement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from projections.answers.terms import Json

ADDED, GONE, CHANGED = "added", "gone", "changed"
ID_DIGITS: Final = 12


class Row(NamedTuple):
    """A row that is not the same in both files."""

    number: int
    cells: Mapping[str, str]
    cost: int
    content: tuple[str, ...]


class Change(NamedTuple):
    """What became of one charge."""

    kind: str
    charge: str
    old: Row | None
    new: Row | None

    @property
    def delta(self) -> int:
        """By how much it moves the total."""
        return (self.new.cost if self.new else 0) - (self.old.cost if self.old else 0)

    @property
    def cells(self) -> Mapping[str, str]:
        """The cells of the newer row, or of the one there is."""
        row = self.new or self.old
        return row.cells if row is not None else {}


def row_of(number: int, texts: Mapping[str, str], both: Common) -> Row:
    """Make a row of its cells."""
    return Row(
        number, texts, cells.read_cost(texts[both.amount]),
        tuple(canonical(name, texts[name]) for name in both.content),
    )  # fmt: skip


def settle(old: Iterable[Row], new: Iterable[Row], both: Common) -> Iterator[Change]:
    """Yield the changes among the rows of one identity."""
    before, after = list(old), list(new)
    same = Counter((row.cost, row.content) for row in before)
    same &= Counter((row.cost, row.content) for row in after)
    gone, come = _without(before, same), _without(after, same)
    whole = Counter(same)
    for n in range(max(len(gone), len(come))):
        first = gone[n] if n < len(gone) else None
        second = come[n] if n < len(come) else None
        kind = CHANGED if first and second else GONE if first else ADDED
        yield Change(kind, _name(first or second, both, n + whole.total()), first, second)


def _without(rows: list[Row], same: Counter[tuple[int, tuple[str, ...]]]) -> list[Row]:
    """Leave out the rows that both files have, and order what is left by what it says."""
    taken = Counter(same)
    left = []
    for row in sorted(rows, key=lambda row: (row.cost, row.content, row.number)):
        if taken[row.cost, row.content]:
            taken[row.cost, row.content] -= 1
        else:
            left.append(row)
    return left


def _name(row: Row | None, both: Common, ordinal: int) -> str:
    """Name a charge by all that identifies it, and its ordinal among its equals."""
    texts = row.cells if row is not None else {}
    said = [canonical(name, texts[name]) for name in both.identity]
    return hashlib.sha256("\x1f".join([*said, str(ordinal)]).encode()).hexdigest()[:ID_DIGITS]


def change_json(one: Change, shape: Shape, both: Common, currency: str) -> Json:
    """Return a change as a row of the answer."""
    shown = {
        name: next(
            (canonical(column, one.cells[column]) for column in columns if one.cells.get(column)),
            None,
        ) for name, columns in shape.shown
    }  # fmt: skip
    code = shown["currency"] or currency
    changed = []
    if one.old is not None and one.new is not None:
        changed = [both.amount] if one.delta else []
        pairs = zip(both.content, one.old.content, one.new.content, strict=True)
        changed += [name for name, before, after in pairs if before != after]
    return {
        "change": one.kind, "charge": one.charge, **shown, "currency": code,
        "old": None if one.old is None else write_amount(one.old.cost, code),
        "new": None if one.new is None else write_amount(one.new.cost, code),
        "delta": write_amount(one.delta, code), "columns": changed,
        "old_row": one.old.number if one.old else None,
        "new_row": one.new.number if one.new else None,
    }  # fmt: skip


COLUMNS_FROM: Final = 8 << 20  # bytes, as the FOCUS reader has it


class DeliveriesDoNotAddUp(IntegrityBroken):
    """The changes do not explain the difference of two files: our own bug (exit 5)."""

    code = "DELIVERIES_DO_NOT_ADD_UP"


class Comparison:
    """Two deliveries of one kind; ``rows`` is read once, then ``totals`` and ``counts`` stand."""

    def __init__(
        self, old: Path | bytes, new: Path | bytes, *, source: str | None, currency: str,
        encoding: str = "utf-8", small: int = COLUMNS_FROM,
    ) -> None:  # fmt: skip
        """Open both files and find their common columns. Raises: BadStatement, InvalidInput."""
        self._old, self._new = (Delivery(one, encoding=encoding) for one in (old, new))
        headers = header_of(self._old), header_of(self._new)
        self.shape = shape_of(source, headers[1])
        self.both = common(self.shape, *headers)
        self._currency, self._small = currency, small
        self.counts: Counter[str] = Counter()
        self._sums: dict[str, Counter[str]] = {}

    def files(self) -> tuple[Json, Json]:
        """Return the hash of each file."""
        old, new = ({"sha256": sha256_of(one.source)} for one in (self._old, self._new))
        return old, new

    def rows(self) -> Iterator[Json]:
        """Yield what was added, gone or changed. Raises: DeliveriesDoNotAddUp, BadStatement."""
        self._sums = {
            "old": self._sum(self._old, "old_rows"), "new": self._sum(self._new, "new_rows"),
            ADDED: Counter(), GONE: Counter(), CHANGED: Counter(),
        }  # fmt: skip
        for before, after in groups(self._old, self._new, self.both, small=self._small):
            found = settle(
                (row_of(number, texts, self.both) for number, texts in before),
                (row_of(number, texts, self.both) for number, texts in after), self.both,
            )  # fmt: skip
            for one in found:
                row = change_json(one, self.shape, self.both, self._currency)
                self.counts[one.kind] += 1
                delta = -one.delta if one.kind == GONE else one.delta
                self._sums[one.kind][row["currency"]] += delta
                yield row
        for currency in self._currencies():
            old, added, gone, changed, new = self._row(currency)
            if old + added - gone + changed != new:
                raise DeliveriesDoNotAddUp(f"{currency}: the changes are not the difference")

    def totals(self) -> list[Json]:
        """Return old, added, gone, changed and new, a currency each."""
        names = ("old", ADDED, GONE, CHANGED, "new")
        return [
            {"currency": code, **{
                name: write_amount(amount, code)
                for name, amount in zip(names, self._row(code), strict=True)
            }} for code in self._currencies()
        ]  # fmt: skip

    def _row(self, currency: str) -> tuple[int, ...]:
        return tuple(self._sums[name][currency] for name in ("old", ADDED, GONE, CHANGED, "new"))

    def _currencies(self) -> list[str]:
        return sorted({code for sums in self._sums.values() for code in sums})

    def _sum(self, delivery: Delivery, counted: str) -> Counter[str]:
        """Add up a file by currency, and count its rows, as the FOCUS reader does."""
        names = {
            "BilledCost": self.both.amount,
            "BillingCurrency": next(iter(self.shape.shown[1][1])),
        }
        parts = None
        if delivery.size >= self._small and by_columns.usable():
            parts = by_columns.parts_of(delivery, names=names)
        sums: Counter[str] = Counter()
        for part in by_rows.parts_of(delivery, names=names) if parts is None else parts:
            try:
                cost = part.rows * cells.read_cost(part.odd_cost) if part.odd_cost else (
                    cells.scaled(part.digits, part.scale)
                )  # fmt: skip
            except InvalidInput as error:
                msg = f"row {part.first}, {self.both.amount}: {error}"
                raise BadStatement(msg, hint=error.hint) from None
            sums[part.currency.strip() or self._currency] += cost
            self.counts[counted] += part.rows
        return sums
