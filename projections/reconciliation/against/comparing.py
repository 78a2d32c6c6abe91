"""A comparison of two deliveries from its files to its rows, proved by their own sums.

Invariant: the totals are those of the files, and what was found explains their difference, or
there is no end to the answer (exit 5). This module must not know how it is printed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from ledger.errors import IntegrityBroken, InvalidInput
from projections.reconciliation.against.engines import groups, header_of
from projections.reconciliation.against.settling import (
    ADDED,
    CHANGED,
    GONE,
    change_json,
    row_of,
    settle,
)
from projections.reconciliation.against.shapes import common, shape_of
from projections.reconciliation.amounts import write_amount
from projections.reconciliation.focus import by_columns, by_rows, cells
from projections.reconciliation.focus.delivery import Delivery, sha256_of
from projections.reconciliation.lines import BadStatement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from projections.answers.terms import Json

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
