"""The trial balance as the columns tell it: another way to the figures of projections/journal.

Invariant: what the SQL gives is named and scaled here, never summed or corrected.
This module must not know what an event posts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from projections.journal.chart import BookAccount, Key, commodity, minor_unit
from projections.journal.reports import Line, in_chart_order

if TYPE_CHECKING:
    from projections.columns.asking import Asking
    from projections.columns.spark import Spark
    from projections.point import Point


def trial_balance(asking: Asking | Spark, point: Point) -> list[Line]:
    """Return every account's balance at a point, in the order of the chart."""
    balances: dict[Key, int] = {}
    for row in asking.rows("trial_balance", point):
        cells: tuple[Any, ...] = tuple(row)
        root, owner, currency, minor, fraction = cells
        account = BookAccount(root, owner)
        key = Key(account, commodity(account, currency))
        balances[key] = minor * minor_unit(currency) + fraction
    return in_chart_order(balances)
