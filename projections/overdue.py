"""The view ``overdue``: one row an account that is overdue, and since which item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.projection import Projection, ViewRow

if TYPE_CHECKING:
    from ledger.policy import Policy
    from ledger.state import AccountState


def rows(state: AccountState, _: Policy) -> list[ViewRow]:
    """Return the account's row, if it is overdue."""
    if state.overdue_since is None:
        return []
    return [
        (
            state.account, state.overdue_since, state.overdue_item, state.outstanding,
            len(state.items),
        )
    ]  # fmt: skip


OVERDUE = Projection(
    name="overdue",
    version=1,
    columns=(
        ("account", "TEXT"), ("overdue_since", "INTEGER"), ("item", "TEXT"),
        ("outstanding", "INTEGER"), ("items", "INTEGER"),
    ),
    key=1,
    rows=rows,
)  # fmt: skip
