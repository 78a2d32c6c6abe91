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
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from ledger.errors import IntegrityBroken, InvalidInput
from projections.answers.delivering import (
    Against,
    ChargeRestated,
    FileGiven,
    RestatedCounts,
    RestatedTotal,
)
from projections.reconciliation.against.engines import (
    canonical,
    common,
    groups,
    header_of,
    shape_of,
)
from projections.reconciliation.amounts import exact
from projections.reconciliation.focus import by_columns, by_rows, cells
from projections.reconciliation.focus.delivery import FocusFile, sha256_of
from projections.reconciliation.lines import BadStatement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

ADDED, GONE, CHANGED = "added", "gone", "changed"
ID_DIGITS: Final = 12
COLUMNS_FROM: Final = 8 << 20  # bytes, as the FOCUS reader has it


class DeliveriesDoNotAddUp(IntegrityBroken):
    """The changes do not explain the difference of two files: our own bug (exit 5)."""

    code = "DELIVERIES_DO_NOT_ADD_UP"


class RowDiff(NamedTuple):
    """A row that is not the same in both files."""

    number: int
    cells: Mapping[str, str]
    cost: int
    content: tuple[str, ...]


class Comparison:
    """Two deliveries of one kind; ``rows`` is read once, then ``totals`` and ``counts`` stand."""

    def __init__(
        self, old: Path | bytes, new: Path | bytes, *, source: str | None, currency: str,
        encoding: str = "utf-8", small: int = COLUMNS_FROM,
    ) -> None:  # fmt: skip
        """Open both files and find their common columns. Raises: BadStatement, InvalidInput."""
        self._old, self._new = (FocusFile(one, encoding=encoding) for one in (old, new))
        headers = header_of(self._old), header_of(self._new)
        self.shape = shape_of(source, headers[1])
        self.both = common(self.shape, *headers)
        self._currency, self._small = currency, small
        self.counts: Counter[str] = Counter()
        self._sums: dict[str, Counter[str]] = {}

    def rows(self) -> Iterator[ChargeRestated]:
        """Yield what was added, gone or changed. Raises: DeliveriesDoNotAddUp, BadStatement."""
        self._sums = {
            "old": self._sum(self._old, "old_rows"), "new": self._sum(self._new, "new_rows"),
            ADDED: Counter(), GONE: Counter(), CHANGED: Counter(),
        }  # fmt: skip
        for group in groups(self._old, self._new, self.both, small=self._small):
            before, after = ([self._row(*row) for row in rows] for rows in group)
            for change in self._settle(before, after):
                yield self._restated(*change)
        for code in self._currencies():
            was, now, added, gone, changed = (sums[code] for sums in self._sums.values())
            if was + added - gone + changed != now:
                raise DeliveriesDoNotAddUp(f"{code}: the changes are not the difference")

    def answer(self, rows: Sequence[ChargeRestated], *, old: str, new: str) -> Against:
        """Return ``tally.against/1``, when the rows are read; the files have names."""
        counts = self.counts
        return Against(
            source=cast("Any", self.shape.source),
            old=FileGiven(file=old, sha256=sha256_of(self._old.source), rows=counts["old_rows"]),
            new=FileGiven(file=new, sha256=sha256_of(self._new.source), rows=counts["new_rows"]),
            counts=RestatedCounts(added=counts[ADDED], gone=counts[GONE], changed=counts[CHANGED]),
            totals=self.totals(), not_compared=self.both.left_out, rows=rows,
        )  # fmt: skip

    def totals(self) -> list[RestatedTotal]:
        """Return old, added, gone, changed and new, a currency each."""
        return [
            RestatedTotal(currency=code, **{
                name: exact(sums[code], code) for name, sums in self._sums.items()
            }) for code in self._currencies()
        ]  # fmt: skip

    def _currencies(self) -> list[str]:
        return sorted({code for sums in self._sums.values() for code in sums})

    def _row(self, number: int, texts: Mapping[str, str]) -> RowDiff:
        return RowDiff(
            number, texts, cells.read_cost(texts[self.both.amount]),
            tuple(canonical(name, texts[name]) for name in self.both.content),
        )  # fmt: skip

    def _settle(
        self, before: Sequence[RowDiff], after: Sequence[RowDiff]
    ) -> Iterator[tuple[str, RowDiff | None, RowDiff | None]]:
        """Yield the changes among the rows of one identity, each with the charge's name."""
        same = Counter((row.cost, row.content) for row in before)
        same &= Counter((row.cost, row.content) for row in after)
        gone, come = _without(before, same), _without(after, same)
        for n, (old, new) in enumerate(zip_longest(gone, come), same.total()):
            texts = (new or old or before[0]).cells
            said = [canonical(name, texts[name]) for name in self.both.identity]
            named = hashlib.sha256("\x1f".join([*said, str(n)]).encode()).hexdigest()
            yield named[:ID_DIGITS], old, new

    def _restated(self, charge: str, old: RowDiff | None, new: RowDiff | None) -> ChargeRestated:
        """Return a change as a row of the answer, and count it in."""
        kind = CHANGED if old and new else GONE if old else ADDED
        row, both = cast("RowDiff", new or old), self.both
        delta = (new.cost if new else 0) - (old.cost if old else 0)
        shown = {
            name: next(
                (canonical(column, row.cells[column]) for column in columns
                 if row.cells.get(column)), None,
            ) for name, columns in self.shape.shown
        }  # fmt: skip
        code = shown["currency"] = shown["currency"] or self._currency
        self.counts[kind] += 1
        self._sums[kind][code] += -delta if kind == GONE else delta
        changed = []
        if old is not None and new is not None:
            changed = [both.amount] if delta else []
            pairs = zip(both.content, old.content, new.content, strict=True)
            changed += [name for name, before, after in pairs if before != after]
        return ChargeRestated(
            change=cast("Any", kind), charge=charge, **cast("Any", shown),
            old=exact(old.cost, code) if old else None, new=exact(new.cost, code) if new else None,
            delta=exact(delta, code), columns=changed, old_row=old.number if old else None,
            new_row=new.number if new else None,
        )  # fmt: skip

    def _sum(self, delivery: FocusFile, counted: str) -> Counter[str]:
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


def _without(rows: Sequence[RowDiff], same: Counter[tuple[int, tuple[str, ...]]]) -> list[RowDiff]:
    """Leave out the rows that both files have, and order what is left by what it says."""
    taken = Counter(same)
    left = []
    for row in sorted(rows, key=lambda row: (row.cost, row.content, row.number)):
        if taken[row.cost, row.content]:
            taken[row.cost, row.content] -= 1
        else:
            left.append(row)
    return left
