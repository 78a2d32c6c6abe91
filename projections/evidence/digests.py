"""Digests of derived state: trial balance, balances and instance states at a point (R61).

A digest is the SHA-256 of rows, one JSON array a line, sorted by key: whoever has the events can
make the same bytes without this program. Rows of the trial balance are [account of the books,
commodity, amount], zero balances left out, at the scale of the books; the others are the rows of
the views ``balances`` and ``instances``. Invariant: the same point gives the same digests, for
ever.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from ledger.account import fold
from ledger.decisions.checklist import Digests
from ledger.events import ACCOUNT_PREFIX
from projections.balances import BALANCES
from projections.instances import INSTANCES
from projections.journal.books import Books, totals
from projections.journal.reports import in_chart_order
from projections.point import Asked, config_at, history, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.store import Reader
    from projections.point import Point


class DerivedAt(NamedTuple):
    """Everything that a close derives at a point; ``sums``: each commodity's books, zero."""

    digests: Digests
    sums: dict[str, int]


def point_of(reader: Reader, *, at: int, position: int) -> Point:
    """Return the point at an effective instant, as the first ``position`` events know it."""
    row = reader.row(position)
    known = row.recorded_at if row is not None else at
    return resolve(reader, Asked(at=at, position=position), clock=max(at, known), offset=0)


def derive(
    reader: Reader, point: Point, progress: Callable[[int, int], None] | None = None
) -> DerivedAt:
    """Fold everything at a point once, and hash the rows."""
    policy = config_at(reader, point).policy
    balances, instances, lines = sha256(), sha256(), sha256()
    books = Books()
    accounts = rows = 0
    for account in reader.accounts():
        events = list(history(reader, ACCOUNT_PREFIX + account, point))
        state = fold(account, events)
        if state.opened_at is None:
            continue
        accounts += 1
        books.customer(events)
        for row in BALANCES.rows(state, policy):
            balances.update(line(row))
        for row in INSTANCES.rows(state, policy):
            rows += 1
            instances.update(line(row))
        if progress is not None:
            progress(accounts, 0)
    booked = books.balances(point.seen_at)
    for key, amount in in_chart_order(booked):
        if amount:
            lines.update(line((str(key.account), key.commodity, amount)))
    digests = Digests(
        accounts, rows, lines.hexdigest(), instances.hexdigest(), balances.hexdigest()
    )
    return DerivedAt(digests, totals(booked))


def line(row: tuple[int | str | None, ...]) -> bytes:
    """Write one row as it is hashed."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
