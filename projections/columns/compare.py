"""Both derivations compared with each other: the fold of every account, and the SQL over columns.

Invariant: the points are drawn from the log's own root, so two people verify the same ones and
nobody who changes the columns can choose them. A difference is drift, never tampering with the
log. This module must not write: where nothing was built the columns are made in memory.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.errors import DELETED, MODIFIED, CorruptHistory, UnknownEventType
from ledger.events import ACCOUNT_PREFIX
from ledger.store.errors import ColumnsDamaged
from ledger.verification.findings import CheckResult, Fault
from projections import balances, coupons, instances
from projections.columns import arrow, books
from projections.columns.asking import Asking, rebuilt
from projections.columns.segments import MISSING, TRUSTED, Columns
from projections.journal import reports
from projections.point import Point, account_at, config_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ledger.policy import Policy
    from ledger.state import AccountState
    from ledger.store import Reader
    from projections.journal.reports import TrialLine
    from projections.projection import ViewRow

    Progress = Callable[[int, int], None]

NAME: Final = "derivations"
SENTENCE: Final = "the fold and the SQL over columns give the same rows, now and in the past"
PAST_POINTS: Final = 3
_FIXED: Final = 1 << 62  # after every instant


class Differs(NamedTuple):
    """The first row that the two derivations give differently."""

    view: str
    point: Point
    folded: ViewRow | None
    asked: ViewRow | None

    def __str__(self) -> str:
        """Name the view, the account and the point."""
        row = self.folded or self.asked or ("?",)  # of the books: the account
        where = f"at {self.point.at} us, position {self.point.position}"
        return f"{self.view} of account {row[0]} {where}: fold {self.folded}, SQL {self.asked}"


def check_columns(reader: Reader, root: bytes, progress: Progress | None = None) -> CheckResult:
    """Compare every account, coupon and instance; skipped where the extra is not installed."""
    if not arrow.available():
        skipped = "the extra 'columns' is not installed"
        return CheckResult(NAME, SENTENCE, 0, derived=True, skipped=skipped)
    columns = Columns(reader)
    standing = columns.standing(whole=True)
    if standing.state not in (*TRUSTED, MISSING):
        there = all(Path(path).is_file() for path in columns.paths(standing.segments))
        said = f"the columns are {standing.state}: {standing.said}"
        fault = Fault(MODIFIED if there else DELETED, None, said)
        return CheckResult(NAME, SENTENCE, 0, fault, derived=True)
    points = points_of(reader, root)
    try:
        with closing(Asking(reader, until=points[0].position)) as asking:
            return _check(reader, asking, points, progress)
    except (ColumnsDamaged, CorruptHistory, UnknownEventType) as error:
        return CheckResult(NAME, SENTENCE, 0, Fault(None, None, str(error)), derived=True)


def _check(
    reader: Reader, asking: Asking, points: list[Point], progress: Progress | None
) -> CheckResult:
    checked = 0
    for number, point in enumerate(points, 1):
        rows, differs = compare(reader, asking, point)
        checked += rows
        if differs is not None:
            fault = Fault(None, _last_of(reader, differs), str(differs))
            return CheckResult(NAME, SENTENCE, checked, fault, derived=True)
        if progress is not None:
            progress(number, len(points))
    return CheckResult(NAME, SENTENCE, checked, derived=True)


def points_of(reader: Reader, root: bytes, count: int = PAST_POINTS) -> list[Point]:
    """Draw the head and some past points from the root of the log."""
    head = reader.head()
    first = reader.row(1)
    points = [Point(_FIXED, _FIXED, head.position, everything=True)]
    if first is None:
        return points
    span = head.recorded_at - first.recorded_at + 1
    for number in range(count):
        drawn = hashlib.sha256(root + number.to_bytes(4, "big")).digest()
        position = 1 + int.from_bytes(drawn[:8], "big") % head.position
        row = reader.row(position)
        known_at = row.recorded_at if row is not None else head.recorded_at
        at = first.recorded_at + int.from_bytes(drawn[8:16], "big") % span
        points.append(Point(at, known_at, position, everything=False))
    return points


def compare(reader: Reader, asking: Asking, point: Point) -> tuple[int, Differs | None]:
    """Compare every row at one point; return how many there are and the first difference."""
    policy = config_at(reader, point).policy
    asked: dict[str, Iterator[ViewRow]] = {
        **{name: iter(list(asking.rows(name, point))) for name in ("balances", "coupons")},
        "instances": iter(
            [
                row for one in asking.rows("instances", point)
                for row in instances.rows(rebuilt(one), policy)
            ]
        ),
        "overdue": iter(list(asking.rows("overdue", point))),
    }
    count = 0
    for state in _states(reader, point):
        for view, row in _rows(state, policy):
            count += 1
            other = next(asked[view], None)
            if row != other:
                return count, Differs(view, point, row, other)
    for view, rest in asked.items():
        if (row_too_many := next(rest, None)) is not None:
            return count, Differs(view, point, None, row_too_many)
    lines, differs = _compare_books(reader, asking, point)
    return count + lines, differs


def _compare_books(reader: Reader, asking: Asking, point: Point) -> tuple[int, Differs | None]:
    """Compare the trial balance, line by line."""
    folded, asked = reports.trial_balance(reader, point), books.trial_balance(asking, point)
    for count, (one, other) in enumerate(zip_longest(folded, asked), 1):
        if one != other:
            return count, Differs("trial_balance", point, _written(one), _written(other))
    return len(folded), None


def _written(line: TrialLine | None) -> ViewRow | None:
    if line is None:
        return None
    account, commodity = line.key
    return account.root, account.owner, commodity, line.amount


def _states(reader: Reader, point: Point) -> Iterator[AccountState]:
    for account in reader.accounts():
        state = account_at(reader, account, point)
        if state is not None:
            yield state


def _rows(state: AccountState, policy: Policy) -> Iterator[tuple[str, ViewRow]]:
    yield from (("balances", row) for row in balances.rows(state, policy))
    yield from (("coupons", row) for row in coupons.rows(state, policy))
    yield from (("instances", row) for row in instances.rows(state, policy))
    if state.overdue_since is not None:
        row = (state.account, state.overdue_since, state.overdue_item, state.outstanding)
        yield "overdue", row


def _last_of(reader: Reader, differs: Differs) -> int | None:
    """Find the account's last event that the point selects: where to begin to look."""
    row = differs.folded or differs.asked
    if row is None:
        return None
    positions = reader.stream_positions(
        f"{ACCOUNT_PREFIX}{row[0]}", after=0, until=differs.point.position, at=differs.point.at
    )
    return positions[-1] if positions else None
