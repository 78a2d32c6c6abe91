"""The pieces of stored views: their tables, checkpoints, and the rows that a fold gives.

Invariant: a view's rows are those of its accounts folded up to one position, whoever asks.
This module must not know when views are caught up or rebuilt (projections/runner.py does).
"""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from ledger import codec, kept
from ledger.account import fold
from ledger.connection import equals, tables
from ledger.events import ACCOUNT_PREFIX, POLICY_STREAM, account_of
from ledger.loading import load_config
from ledger.memory import no_cycles
from projections.projection import VIEWS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ledger.connection import Connection
    from ledger.kept.stream_tiles import Versions
    from ledger.policy import Policy
    from ledger.state import AccountState
    from ledger.store import Reader
    from projections.projection import Projection, ViewRow

PROJECTIONS: tuple[Projection, ...] = tuple(VIEWS.load(name) for name in VIEWS.own)
LIVE = "view_"
SHADOW = "shadow_"
_TOGETHER = 50  # accounts whose stored rows are read at once


class ViewStatus(NamedTuple):
    """How a stored view stands: fresh, behind, foreign, outdated or missing."""

    name: str
    version: int
    position: int
    lag: int
    state: str


class StoredDifference(NamedTuple):
    """The first row in which a stored view differs from the refolded log."""

    view: str
    account: str
    stored: ViewRow | None
    refolded: ViewRow | None

    @property
    def kind(self) -> str:
        """What happened to the stored row, as verification names it."""
        if self.stored is None:
            return "deleted"
        return "inserted" if self.refolded is None else "modified"


class ViewCheckpoint(NamedTuple):
    """Up to where a view stands, and the hash of the event there."""

    version: int
    position: int
    body_sha256: bytes


CREATE_CHECKPOINTS = (
    "CREATE TABLE IF NOT EXISTS checkpoints (name TEXT PRIMARY KEY, version INTEGER NOT NULL, "
    "position INTEGER NOT NULL, body_sha256 BLOB NOT NULL)"
)
CREATE_REBUILDS = (
    "CREATE TABLE IF NOT EXISTS rebuilds (name TEXT PRIMARY KEY, version INTEGER NOT NULL, "
    "target INTEGER NOT NULL, account TEXT NOT NULL)"
)


def ensure(connection: Connection, table: str, statement: str) -> None:
    """Make a table that is not there; who may write rows need not have the right to make one."""
    if table not in tables(connection):
        connection.execute(statement)


def create_table(connection: Connection, table: str, projection: Projection) -> None:
    """Make a view's table and its index."""
    for statement in statements_of(table, projection):
        connection.execute(statement)


def statements_of(table: str, projection: Projection) -> list[str]:
    """Return the statements that make a view's table and its index."""
    columns = ", ".join(f"{name} {kind}" for name, kind in projection.columns)
    names = ", ".join(name for name, _ in projection.columns[: projection.key])
    made = f"CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({names})) WITHOUT ROWID"
    if not projection.order:
        return [made]
    index = f"{table}_by_{projection.order[0]} ON {table} ({', '.join(projection.order)})"
    return [made, f"CREATE INDEX IF NOT EXISTS {index}"]


def insert_rows(
    connection: Connection, table: str, projection: Projection, rows: Sequence[ViewRow]
) -> None:
    """Write rows of a view."""
    if rows:
        places = ", ".join("?" * len(projection.columns))
        connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


def named(name: str) -> Projection:
    """Find a projection by name."""
    return next(projection for projection in PROJECTIONS if projection.name == name)


def checkpoint_of(connection: Connection, name: str) -> ViewCheckpoint | None:
    """Return a view's checkpoint, if it has one; a view without its table has none."""
    if not {"checkpoints", LIVE + name} <= tables(connection):
        return None
    row = connection.execute(
        "SELECT version, position, body_sha256 FROM checkpoints WHERE name = ?", (name,)
    ).fetchone()
    return ViewCheckpoint(*row) if row is not None else None


def policy_at(reader: Reader, until: int) -> Policy:
    """Fold the policy in force at a position."""
    return load_config(reader, until_position=until).policy


def touched_accounts(reader: Reader, *, after: int, until: int) -> list[str]:
    """List the accounts that events in (after, until] touch; a policy change touches all."""
    streams = set(reader.streams_touched(after=after, until=until))
    if after == 0 or POLICY_STREAM in streams:
        streams = set(reader.streams(ACCOUNT_PREFIX))
    return sorted(name for name in map(account_of, streams) if name is not None)


def fold_accounts(reader: Reader, accounts: Sequence[str], until: int) -> Iterator[AccountState]:
    """Fold accounts one after the other, in position order: memory of one account."""
    for state, _ in fold_streams(reader, accounts, until):
        yield state


def fold_streams(
    reader: Reader, accounts: Sequence[str], until: int, *, from_kept: bool = False
) -> Iterator[tuple[AccountState, Versions]]:
    """Fold accounts, each with what gives the bodies of its stream: those that were read, if all.

    ``from_kept`` begins long streams at the state that is kept of them (``ledger/kept``).
    """
    with no_cycles():
        for account in accounts:
            stream = ACCOUNT_PREFIX + account
            if from_kept:
                state = kept.load(reader, account, until=until)
                versions: Versions = partial(reader.versions, stream)
            else:
                bodies = reader.stream_bodies(stream, until_position=until)
                state = fold(account, codec.folded(bodies))
                versions = partial(_part, bodies)
            if state is not None and state.opened_at is not None:
                yield state, versions


def _part(bodies: Sequence[bytes], after: int, to: int) -> Sequence[bytes]:
    return bodies[after:to]


def replace_rows(
    connection: Connection, table: str, projection: Projection, account: str,
    rows: Sequence[ViewRow],
) -> None:  # fmt: skip
    """Make an account's rows of a view what they are now; those that stay are not touched."""
    names = ", ".join(name for name, _ in projection.columns)
    there = set(
        map(tuple, connection.execute(f"SELECT {names} FROM {table} WHERE account = ?", (account,)))
    )
    gone = there.difference(rows)
    if gone:
        keys = " AND ".join(f"{name} = ?" for name, _ in projection.columns[: projection.key])
        connection.executemany(
            f"DELETE FROM {table} WHERE {keys}", [row[: projection.key] for row in gone]
        )
    insert_rows(connection, table, projection, [row for row in rows if row not in there])


class RefoldedRows(NamedTuple):
    """An account folded from nothing: its rows by view, and the first that is stored otherwise."""

    account: str
    events: int
    rows: dict[str, list[ViewRow]]
    difference: StoredDifference | None


def refolded(
    reader: Reader, projections: Sequence[Projection], accounts: Sequence[str], *, until: int,
    prefix: str | None = LIVE,
) -> Iterator[RefoldedRows]:  # fmt: skip
    """Fold accounts from nothing; compare their rows with those in tables of a prefix, if any."""
    policy = policy_at(reader, until)
    for begun in range(0, len(accounts), _TOGETHER):
        names = accounts[begun : begun + _TOGETHER]
        stored = {
            projection.name: {} if prefix is None else _stored(reader, prefix, projection, names)
            for projection in projections
        }
        for state in fold_accounts(reader, names, until):
            rows = {projection.name: projection.rows(state, policy) for projection in projections}
            there = {view: held.pop(state.account, []) for view, held in stored.items()}
            differ = (
                first_difference(view, state.account, there[view], again)
                for view, again in rows.items() if there[view] != again
            )  # fmt: skip
            found = None if prefix is None else next(differ, None)
            yield RefoldedRows(state.account, state.version, rows, found)
        for view, held in stored.items():  # of accounts that were never opened
            for account, more in held.items():
                yield RefoldedRows(account, 0, {}, StoredDifference(view, account, more[0], None))


def _stored(
    reader: Reader, prefix: str, projection: Projection, accounts: Sequence[str]
) -> dict[str, list[ViewRow]]:
    names = [column for column, _ in projection.columns]
    rows = reader.connection.execute(
        f"SELECT {', '.join(names)} FROM {prefix}{projection.name} WHERE account IN "
        f"({', '.join('?' * len(accounts))}) ORDER BY {', '.join(names[: projection.key])}",
        tuple(accounts),
    )
    return dict(by_account(map(tuple, rows)))


def stranger(
    reader: Reader, projections: Sequence[Projection], known: Collection[str],
    prefix: str = LIVE,
) -> StoredDifference | None:  # fmt: skip
    """Return the first stored row of an account that is not known."""
    for projection in projections:
        rows = reader.connection.execute(
            f"SELECT DISTINCT account FROM {prefix}{projection.name} ORDER BY account"
        )
        for (account,) in rows.fetchall():
            if account not in known:
                row = _stored(reader, prefix, projection, [account])[account][0]
                return StoredDifference(projection.name, account, row, None)
    return None


def by_account(rows: Iterator[ViewRow]) -> Iterator[tuple[str, list[ViewRow]]]:
    """Group a view's rows by account."""
    for account, group in groupby(rows, key=lambda row: row[0]):
        yield str(account), list(group)


def first_difference(
    view: str, account: str, stored: Sequence[ViewRow], refolded: Sequence[ViewRow]
) -> StoredDifference:
    """Find the first row in which two lists of one account's rows differ."""
    for i in range(max(len(stored), len(refolded))):
        one = stored[i] if i < len(stored) else None
        other = refolded[i] if i < len(refolded) else None
        if one != other:
            if len(stored) < len(refolded) and other not in stored:
                one = None
            elif len(stored) > len(refolded) and one not in refolded:
                other = None
            return StoredDifference(view, account, one, other)
    return StoredDifference(view, account, None, None)


def compare_tables(
    connection: Connection, projection: Projection, live: str, beside: str
) -> StoredDifference | None:
    """Find a row that one of two tables of a view has alone."""
    names = [name for name, _ in projection.columns]
    keys = ", ".join(f"a.{name}" for name in names[: projection.key])
    same = " AND ".join(
        f"b.{name} {'=' if i < projection.key else equals(connection)} a.{name}"
        for i, name in enumerate(names)
    )
    for one, other, swapped in ((live, beside, False), (beside, live, True)):
        row = connection.execute(
            f"SELECT a.* FROM {one} AS a WHERE NOT EXISTS "
            f"(SELECT 1 FROM {other} AS b WHERE {same}) ORDER BY {keys} LIMIT 1"
        ).fetchone()
        if row is not None:
            row = tuple(row)
            stored, refolded = (None, row) if swapped else (row, None)
            return StoredDifference(projection.name, str(row[0]), stored, refolded)
    return None
