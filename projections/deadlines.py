"""The view ``deadlines``: each account's next due transition; by it the clock finds its work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.account.ordering import next_due
from projections.projection import Projection, ViewRow

if TYPE_CHECKING:
    from ledger.policy import Policy
    from ledger.state import AccountState
    from ledger.store import Reader


def rows(state: AccountState, policy: Policy) -> list[ViewRow]:
    """Return the account's row, if anything is due ever."""
    deadline = next_due(state, policy)
    if deadline is None:
        return []
    return [(state.account, deadline.at, deadline.kind, deadline.key)]


DEADLINES = Projection(
    name="deadlines",
    version=1,
    columns=(("account", "TEXT"), ("due_at", "INTEGER"), ("kind", "INTEGER"), ("key", "TEXT")),
    key=1,
    rows=rows,
    order=("due_at", "account"),
)


def stored_next(reader: Reader) -> tuple[str, int, int, str] | None:
    """Return what the stored view says is due next: account, instant, kind, key."""
    found: tuple[str, int, int, str] | None = reader.connection.execute(
        "SELECT account, due_at, kind, key FROM view_deadlines ORDER BY due_at, account"
    ).fetchone()
    return found
