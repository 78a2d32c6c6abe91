"""A backtest as JSON: before, after and delta of each account, their totals and distribution.

Invariant: the rows add up to the totals, exactly. This module must not know how a history is
decided again.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ledger.money import exponent, format_minor
from projections.impact import COUNTS, MONEY, SPANS, Impact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Json = dict[str, Any]
MOST: Final = 20  # accounts that are named as those that change most
PLAIN: Final = (*SPANS, *COUNTS)
SIDES: Final = ("before", "after", "delta")


class Row(NamedTuple):
    """One account, as recorded and as decided again."""

    account: str
    before: Impact
    after: Impact

    @property
    def changed(self) -> bool:
        """Whether anything differs."""
        return self.before != self.after

    def delta(self, name: str) -> int:
        """Return by how much a measure changes."""
        after: int = getattr(self.after, name)
        before: int = getattr(self.before, name)
        return after - before

    def of(self, name: str, write: Callable[[int], object]) -> Json:
        """Write a measure."""
        return {
            "before": write(getattr(self.before, name)), "after": write(getattr(self.after, name)),
            "delta": write(self.delta(name)),
        }  # fmt: skip


def money_writer(currency: str) -> Callable[[int], str]:
    """Return what writes amounts of a currency."""
    return lambda amount: format_minor(amount, currency)


def row_json(row: Row) -> Json:
    """Write an account's row: the same keys as the totals."""
    currency = row.before.currency
    write = money_writer(currency)
    return {
        "account": row.account, "currency": currency, "changed": row.changed,
        currency: {name: row.of(name, write) for name in MONEY},
        **{name: row.of(name, int) for name in PLAIN},
        "refusal_codes": _codes([row]),
    }  # fmt: skip


def flat_row(row: Row) -> Json:
    """Write an account's row as plain cells, for CSV and Parquet."""
    shown = row_json(row)
    flat: Json = {"account": row.account, "currency": row.before.currency}
    for name, cells in (*shown[row.before.currency].items(), *((n, shown[n]) for n in PLAIN)):
        flat |= {f"{name}_{side}": cell for side, cell in cells.items()}
    return flat


def _codes(rows: Sequence[Row]) -> Json:
    before: dict[str, int] = {}
    after: dict[str, int] = {}
    for row in rows:
        for codes, side in ((row.before.codes, before), (row.after.codes, after)):
            for code, count in codes.items():
                side[code] = side.get(code, 0) + count
    return {
        code: {
            "before": before.get(code, 0), "after": after.get(code, 0),
            "delta": after.get(code, 0) - before.get(code, 0),
        }
        for code in sorted({*before, *after})
    }  # fmt: skip


def by_currency(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Divide the rows by their currency, in the order of the codes."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.before.currency, []).append(row)
    return dict(sorted(found.items()))


def total(rows: Sequence[Row]) -> Row:
    """Add rows of one currency up."""
    before, after = Impact(), Impact()
    for row in rows:
        for name in (*MONEY, *PLAIN):
            setattr(before, name, getattr(before, name) + getattr(row.before, name))
            setattr(after, name, getattr(after, name) + getattr(row.after, name))
    return Row("", before, after)


def totals_json(rows: Sequence[Row]) -> Json:
    """Write the totals: money by currency, seconds and counts of all accounts."""
    shown: Json = {}
    for currency, own in by_currency(rows).items():
        sums, write = total(own), money_writer(currency)
        shown[currency] = {name: sums.of(name, write) for name in MONEY}
    sums = total(rows)
    return {
        **shown, **{name: sums.of(name, int) for name in PLAIN}, "refusal_codes": _codes(rows),
    }  # fmt: skip


def distribution_json(rows: Sequence[Row]) -> Json:
    """Write how much single accounts change, whichever way: nearest rank of the sizes."""
    shown: Json = {}
    for currency, own in by_currency(rows).items():
        write = money_writer(currency)
        shown[currency] = {name: _ranks(own, name, write) for name in MONEY}
    return {**shown, **{name: _ranks(rows, name, int) for name in PLAIN}} if rows else {}


def _ranks(rows: Sequence[Row], name: str, write: Callable[[int], object]) -> Json:
    sizes = sorted(abs(row.delta(name)) for row in rows)
    count = len(sizes)
    return {
        "p50": write(sizes[(50 * count + 99) // 100 - 1]),
        "p95": write(sizes[(95 * count + 99) // 100 - 1]),
        "max": write(sizes[-1]),
    }


def most_changed(rows: Sequence[Row]) -> list[Row]:
    """Return the accounts that change most: by what is charged, then by lost service, then rest."""

    def weight(row: Row) -> tuple[object, ...]:
        ranked = ("charged", "stopped_seconds", "overdue_seconds", "collected", "refused", *COUNTS)
        return (*(-abs(row.delta(name)) for name in ranked), row.account)

    return sorted((row for row in rows if row.changed), key=weight)[:MOST]


def months_json(rows: Sequence[Row]) -> Json:
    """Write what was charged by month, before and after."""
    shown: Json = {}
    for currency, own in by_currency(rows).items():
        months = sorted({month for row in own for month in (*row.before.months, *row.after.months)})
        write = money_writer(currency)
        shown[currency] = [
            {
                "month": month,
                "before": write(sum(row.before.months.get(month, 0) for row in own)),
                "after": write(sum(row.after.months.get(month, 0) for row in own)),
            }
            for month in months
        ]
    return shown


def over(rows: Sequence[Row], limits: Sequence[tuple[str, Decimal]]) -> list[Json]:
    """Return the limits that the totals' differences exceed, whichever way."""
    found = []
    for name, limit in limits:
        parts = by_currency(rows).items() if name in MONEY else [("", list(rows))]
        for currency, own in parts:
            delta = total(own).delta(name)
            size = Decimal(delta).scaleb(-exponent(currency)) if currency else Decimal(delta)
            if abs(size) > limit:
                shown = money_writer(currency)(delta) if currency else str(delta)
                found.append({"measure": name, "currency": currency or None,
                              "limit": str(limit), "delta": shown})  # fmt: skip
    return found
