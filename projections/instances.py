"""The view ``instances``: one row an instance, with what the calendar holds for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.account.deadlines import next_slot, releases_at, restored_at
from projections.projection import Projection, ViewRow

if TYPE_CHECKING:
    from ledger.policy import Policy
    from ledger.state import AccountState


def rows(state: AccountState, policy: Policy) -> list[ViewRow]:
    """Return one row an instance, by id."""
    found: list[ViewRow] = []
    for name, instance in sorted(state.instances.items()):
        slot = next_slot(instance, policy)
        found.append(
            (
                state.account, name, instance.kind, instance.state, instance.sku,
                instance.expires_at, releases_at(instance, policy),
                restored_at(instance, policy), int(instance.auto_enabled),
                instance.auto_months, slot[0] if slot is not None else None,
            )
        )  # fmt: skip
    return found


INSTANCES = Projection(
    name="instances",
    version=1,
    columns=(
        ("account", "TEXT"), ("instance", "TEXT"), ("kind", "TEXT"), ("state", "TEXT"),
        ("sku", "TEXT"), ("expires_at", "INTEGER"), ("releases_at", "INTEGER"),
        ("restored_at", "INTEGER"), ("auto_renew", "INTEGER"), ("auto_months", "INTEGER"),
        ("next_attempt_at", "INTEGER"),
    ),
    key=2,
    rows=rows,
)  # fmt: skip
