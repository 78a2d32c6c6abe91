"""What a FOCUS file comes to, by currency: charges, taxes, credits, and what rounding cut off.

Invariant: charged + taxed + credited + rounding = billed, and billed is the sum of BilledCost, to
the last decimal. This module must not know the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.money import RATED_SCALE
from projections.answers.reconciling import Billed
from projections.reconciliation.amounts import SCALE, exact
from projections.reconciliation.lines import ROUNDING

if TYPE_CHECKING:
    from projections.reconciliation.lines import Line, Statement

_TEN: int = SCALE // 10**RATED_SCALE
_PARTS = ("charged", "taxed", "credited", ROUNDING)


def totals(statement: Statement) -> list[Billed]:
    """Return the totals of a statement, a currency each."""
    sums: dict[str, dict[str, int]] = {}
    for line in statement.lines:
        parts = sums.setdefault(line.currency, dict.fromkeys(_PARTS, 0))
        parts[_part(line)] += line.amount
    return [_written(currency, sums[currency]) for currency in sorted(sums)]


def _part(line: Line) -> str:
    if line.kind == ROUNDING:
        return ROUNDING
    if line.kind == "Tax":
        return "taxed"
    return "credited" if line.amount < 0 else "charged"


def _written(currency: str, parts: dict[str, int]) -> Billed:
    billed = sum(parts.values())
    rest = abs(billed) % _TEN
    rated = billed - rest if billed >= 0 else billed + rest
    return Billed(
        currency=currency, billed=exact(billed, currency),
        to_ten_decimals=exact(rated, currency),
        **{name: exact(amount, currency) for name, amount in parts.items()},
    )  # fmt: skip
