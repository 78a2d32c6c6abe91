"""Digests of derived state: the trial balance and the instance states at a point.

A digest is the SHA-256 of the view's rows, one JSON array a line, sorted by key: whoever has the
events can make the same bytes without this program. Invariant: the same point gives the same
digest, for ever. The trial balance is digested as the rows of the view ``balances``: the control
accounts of every customer, which the identities of the journal hold against the books.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from ledger.events import ACCOUNT_PREFIX
from projections.balances import BALANCES
from projections.instances import INSTANCES
from projections.point import Asked, account_at, catalog_at, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ledger.account import AccountState
    from ledger.store import Reader
    from projections.point import Point


class Digests(NamedTuple):
    """What a period close commits."""

    accounts: int
    instances: int
    trial_balance: str
    instance_states: str


def point_of(reader: Reader, *, at: int, position: int) -> Point:
    """Give the point at an effective instant, as the first ``position`` events know it."""
    row = reader.row(position)
    known = row.recorded_at if row is not None else at
    return resolve(reader, Asked(at=at, position=position), clock=max(at, known), offset=0)


def states_at(reader: Reader, point: Point) -> Iterator[AccountState]:
    """Fold every account that exists at a point, by id."""
    for stream in reader.streams(ACCOUNT_PREFIX):
        state = account_at(reader, stream.removeprefix(ACCOUNT_PREFIX), point)
        if state is not None:
            yield state


def digests(
    reader: Reader, point: Point, progress: Callable[[int, int], None] | None = None
) -> Digests:
    """Fold everything at a point and hash the rows."""
    policy = catalog_at(reader, point).policy
    balances, instances = sha256(), sha256()
    accounts = rows = 0
    for accounts, state in enumerate(states_at(reader, point), 1):
        for row in BALANCES.rows(state, policy):
            balances.update(line(row))
        for row in INSTANCES.rows(state, policy):
            rows += 1
            instances.update(line(row))
        if progress is not None:
            progress(accounts, 0)
    return Digests(accounts, rows, balances.hexdigest(), instances.hexdigest())


def line(row: tuple[int | str | None, ...]) -> bytes:
    """Write one row as it is hashed."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
