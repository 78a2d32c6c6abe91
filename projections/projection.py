"""The protocol of a stored view: a name, a version, typed columns, and rows of one account.

Invariant: an account's rows are a pure function of its folded state and the policy in force, so
catching up, rebuilding and refolding cannot differ. A change of columns or meaning raises the
version, and the view is then built again. This module must not know how views are stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from projections.registry import Own, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ledger.policy import Policy
    from ledger.state import AccountState

Cell = int | str | None
ViewRow = tuple[Cell, ...]


class Projection(NamedTuple):
    """One stored view.

    Attributes:
        columns: (name, SQL type); the first is always ``account``.
        key: how many leading columns identify a row.
        rows: gives an account's rows, sorted by key.
        order: columns of a further index, if looks need another order.

    """

    name: str
    version: int
    columns: Sequence[tuple[str, str]]
    key: int
    rows: Callable[[AccountState, Policy], list[ViewRow]]
    order: Sequence[str] = ()


# In the order in which a replay hashes their rows: a new one comes last.
VIEWS: Final[Registry[Projection]] = Registry(
    "tallystick.projections", "view",
    {
        "balances": Own("projections.balances:BALANCES", "every account's money"),
        "coupons": Own("projections.coupons:COUPONS", "every coupon, and what is left of it"),
        "bills": Own("projections.bills:BILLS", "every bill, and what is left of it"),
        "instances": Own("projections.instances:INSTANCES", "every instance and its state"),
        "overdue": Own("projections.overdue:OVERDUE", "who is overdue, and since when"),
        "deadlines": Own("projections.deadlines:DEADLINES", "what is due next, by account"),
    },
)  # fmt: skip
