"""What an interrupted rebuild left: the rows that the next one would go on from.

Invariant: a table beside a live view holds the rows of the accounts up to the one that is noted,
folded at the position that is noted, and nothing else. This module must not write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.connection import tables
from ledger.events import ACCOUNT_PREFIX
from ledger.verification.findings import DELETED, INSERTED, MODIFIED, Check, Fault
from projections.stored import (
    PROJECTIONS,
    SHADOW,
    by_account,
    first_difference,
    fold_accounts,
    policy_at,
)

if TYPE_CHECKING:
    from ledger.store import Reader
    from projections.projection import Projection
    from projections.stored import Difference

REBUILDS = "the rows of an interrupted rebuild equal a fold"


def check_rebuilds(reader: Reader) -> Check:
    """Compare every table that is being rebuilt beside a live view with the fold."""
    there = tables(reader.connection)
    noted: dict[str, tuple[int, int, str]] = {}
    if "rebuilds" in there:
        rows = reader.connection.execute("SELECT name, version, target, account FROM rebuilds")
        noted = {name: (version, target, account) for name, version, target, account in rows}
    known = {projection.name: projection for projection in PROJECTIONS}
    strange = next((name for name in noted if name not in known), None)
    fault = None if strange is None else Fault(INSERTED, None, f"there is no view {strange!r}")
    for name, projection in known.items():
        table = f"{SHADOW}{name}"
        if fault is None and (name in noted) != (table in there):
            gone = f"the note of {table}" if table in there else table
            fault = Fault(DELETED, None, f"{gone} is gone: a rebuild of {name} cannot go on")
        elif fault is None and name in noted:
            fault = _fault(reader, projection, *noted[name])
    return Check("rebuilds", REBUILDS, len(noted), fault, derived=True)


def _fault(
    reader: Reader, projection: Projection, version: int, target: int, account: str
) -> Fault | None:
    if version != projection.version:
        return Fault(MODIFIED, None, f"the rebuild of {projection.name} is of another version")
    streams = reader.streams(ACCOUNT_PREFIX)
    if not 0 < target <= reader.head().position or (account and account not in streams):
        return Fault(MODIFIED, None, f"the rebuild of {projection.name} stands nowhere")
    difference = _first(reader, projection, target, account)
    if difference is None:
        return None
    said = f"{SHADOW}{difference.view} differs at account {difference.account}"
    return Fault(difference.kind, None, said)


def _first(
    reader: Reader, projection: Projection, target: int, account: str
) -> Difference | None:
    names = [one for one in reader.streams(ACCOUNT_PREFIX) if one <= account]
    keys = ", ".join(column for column, _ in projection.columns[: projection.key])
    rows = reader.connection.execute(f"SELECT * FROM {SHADOW}{projection.name} ORDER BY {keys}")
    stored = dict(by_account(tuple(row) for row in rows))
    policy = policy_at(reader, target)
    bare = [one[len(ACCOUNT_PREFIX) :] for one in names]
    for state in fold_accounts(reader, bare, target):
        refolded = projection.rows(state, policy)
        there = stored.pop(state.account, [])
        if there != refolded:
            return first_difference(projection.name, state.account, there, refolded)
    for name, more in stored.items():
        return first_difference(projection.name, name, more, [])
    return None
