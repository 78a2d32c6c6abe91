"""The whole history decided again under other rules: ``tally.backtest/1``.

A row and the totals have the same keys: a currency for what is money, and a name for each count.
Currencies as keys cannot be fields of a struct, so their schema is made here of the measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, field

from projections.answers.terms import Answer, Count, Currency, Fine, Id, Instant, Json, Part
from projections.impact import COUNTS, MONEY, SPANS

SIDES, RANKS = ("before", "after", "delta"), ("p50", "p95", "max")
PLAIN = (*SPANS, *COUNTS)
_WORDS = {
    "charged": "charged", "collected": "collected", "refunded": "refunded",
    "coupons_used": "coupons used", "outstanding": "outstanding at the end",
    "overdue_seconds": "overdue, seconds", "stopped_seconds": "out of service, seconds",
    "refused": "commands refused", "stops": "stops", "renewals": "renewals",
    "renewals_failed": "renewals failed", "lost_to_release": "instances lost to release",
    "notices": "notices",
}  # fmt: skip
_MONEY: Json = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_COUNT: Json = {"type": "integer"}


def _object(properties: Json, **more: Json) -> Json:
    return {
        "type": "object", "properties": properties, "required": list(properties),
        "additionalProperties": False, **more,
    }  # fmt: skip


def _measures(cells: Sequence[str], **more: Json) -> Json:
    """Describe one cell a measure: money below its currency, counts beside it."""
    count, money = (_object(dict.fromkeys(cells, kind)) for kind in (_COUNT, _MONEY))
    return _object(
        {**more, **dict.fromkeys(PLAIN, count)},
        patternProperties={"^[A-Z]{3}$": _object(dict.fromkeys(MONEY, money))},
    )


_CODES: Json = {
    "type": "object", "additionalProperties": _object(dict.fromkeys(SIDES, _COUNT)),
}  # fmt: skip
_ROW = _measures(
    SIDES, account={"type": "string"}, currency={"type": "string", "pattern": "^[A-Z]{3}$"},
    changed={"type": "boolean"}, refusal_codes=_CODES,
)  # fmt: skip
Measures: TypeAlias = Annotated[
    Mapping[str, Any], Meta(extra_json_schema=_measures(SIDES, refusal_codes=_CODES))
]
Ranks: TypeAlias = Annotated[
    Mapping[str, Any], Meta(extra_json_schema={**_measures(RANKS), "required": []})
]
Row: TypeAlias = Annotated[Mapping[str, Any], Meta(extra_json_schema=_ROW)]


class PriceTried(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price in place of the recorded price."""

    sku: str
    monthly_price: Fine
    from_: Instant | None = field(name="from")


class MonthCharged(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was charged in a month."""

    month: str
    before: Fine
    after: Fine


class MostChanged(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account, and the command that shows its history under these rules."""

    account: Id
    try_: str = field(name="try")


class Exceeded(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measure that changes by more than was allowed."""

    measure: str
    currency: str | None
    limit: str
    delta: str


class Backtest(
    Answer, frozen=True, kw_only=True, tag="tally.backtest/1", forbid_unknown_fields=True
):
    """The whole history decided again under other rules: what it would have cost whom.

    Attributes:
        customers: how they are assumed to behave.
        distribution: how much single accounts change, whichever way: nearest ranks of the sizes.
        rows: by account; they add up to the totals.

    """

    policy: Mapping[str, str]
    prices: Sequence[PriceTried]
    coupons: Mapping[str, Mapping[str, str] | None]
    customers: str
    from_: Instant | None = field(name="from")
    to: Instant
    position: Count
    accounts: Count
    changed: Count
    totals: Measures
    distribution: Ranks
    months: Mapping[Currency, Sequence[MonthCharged]]
    most_changed: Annotated[Sequence[MostChanged], Meta(max_length=20)]
    exceeded: Sequence[Exceeded]
    rows: Sequence[Row]

    def lines(self) -> list[list[Any]]:
        """Return a line for each measure: totals, then the sizes of single accounts' changes."""
        lines = [
            [f"{_WORDS[name]} {currency}", *self.totals[currency][name].values(),
             *self.distribution[currency][name].values()]
            for currency in self.months for name in MONEY
        ]  # fmt: skip
        return lines + [
            [_WORDS[name], *self.totals[name].values(), *self.distribution[name].values()]
            for name in PLAIN if self.rows
        ]  # fmt: skip

    def moved(self, account: str) -> tuple[str, Any, int]:
        """Return the currency of a row, and by how much its charges and its lost service change."""
        row = next(row for row in self.rows if row["account"] == account)
        currency = row["currency"]
        return currency, row[currency]["charged"]["delta"], row["stopped_seconds"]["delta"]
