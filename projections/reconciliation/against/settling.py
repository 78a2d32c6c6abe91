"""One charge's rows in both deliveries: what of them is the same, changed, added or gone.

Rows that are equal in everything are the same, one for one, whatever their order. Of what is left
the n-th in the old file is the n-th in the new one.
Invariant: each row of either file is in one change, or the same as one of the other.
This module must not know a file.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from projections.reconciliation.against.shapes import Common, Shape, canonical
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.focus import cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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
