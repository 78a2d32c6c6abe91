"""Keeps the stored views: catch up, rebuild beside the live one, compare, swap.

Each view's checkpoint (name, version, position, hash of the event there) is written in the
transaction of its rows. Invariant: a view's rows are exactly those of the log up to its
checkpoint; a checkpoint that does not fit this log (a restored file, another ledger, another
version) is noticed, and its view is built anew, never silently used.
"""

from __future__ import annotations

import hashlib
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from ledger import codec
from ledger.account import AccountState, fold
from ledger.catalog import fold_catalog
from ledger.events import ACCOUNT_PREFIX, POLICY_STREAM, PRICES_STREAM, account_of
from ledger.memory import no_cycles
from projections.balances import BALANCES
from projections.bills import BILLS
from projections.coupons import COUPONS
from projections.deadlines import DEADLINES
from projections.instances import INSTANCES
from projections.overdue import OVERDUE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from ledger.policy import Policy
    from ledger.store import Reader, Store, Writer
    from projections.projection import Projection, ViewRow

PROJECTIONS: tuple[Projection, ...] = (
    BALANCES, COUPONS, BILLS, INSTANCES, OVERDUE, DEADLINES,
)  # fmt: skip
LIVE = "view_"
SHADOW = "shadow_"
REBUILD_BATCH = 2000  # accounts per transaction of a rebuild

FRESH, BEHIND, FOREIGN, OUTDATED, MISSING = "fresh", "behind", "foreign", "outdated", "missing"


class ViewStatus(NamedTuple):
    """How a stored view stands: fresh, behind, foreign, outdated or missing."""

    name: str
    version: int
    position: int
    lag: int
    state: str


class Difference(NamedTuple):
    """The first row in which a stored view differs from the refolded log."""

    view: str
    account: str
    stored: ViewRow | None
    refolded: ViewRow | None


class _Checkpoint(NamedTuple):
    version: int
    position: int
    body_sha256: bytes


_CHECKPOINTS = (
    "CREATE TABLE IF NOT EXISTS checkpoints (name TEXT PRIMARY KEY, version INTEGER NOT NULL, "
    "position INTEGER NOT NULL, body_sha256 BLOB NOT NULL)"
)
_REBUILDS = (
    "CREATE TABLE IF NOT EXISTS rebuilds (name TEXT PRIMARY KEY, version INTEGER NOT NULL, "
    "target INTEGER NOT NULL, account TEXT NOT NULL)"
)


def _create(connection: sqlite3.Connection, table: str, projection: Projection) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in projection.columns)
    names = ", ".join(name for name, _ in projection.columns[: projection.key])
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({names})) WITHOUT ROWID"
    )
    if projection.order:
        connection.execute(
            f"CREATE INDEX IF NOT EXISTS {table}_by_{projection.order[0]} "
            f"ON {table} ({', '.join(projection.order)})"
        )


def _insert(
    connection: sqlite3.Connection, table: str, projection: Projection, rows: Sequence[ViewRow]
) -> None:
    if rows:
        places = ", ".join("?" * len(projection.columns))
        connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


class Views:
    """All stored views of one ledger."""

    def __init__(self, reader: Reader, store: Store | None = None) -> None:
        """Look through ``reader``; write through ``store``, where there is one."""
        self.reader = reader
        self.store = store

    # --- looking --------------------------------------------------------------------------

    def status(self) -> list[ViewStatus]:
        """Say how each view stands against the log."""
        head = self.reader.head().position
        found: list[ViewStatus] = []
        for projection in PROJECTIONS:
            checkpoint = _checkpoint(self.reader.connection, projection.name)
            state = self._judge(projection, checkpoint, self.reader)
            position = checkpoint.position if checkpoint is not None else 0
            found.append(
                ViewStatus(
                    projection.name, projection.version, position, head - position, state
                )
            )
        return found

    @property
    def fresh(self) -> bool:
        """Whether every view stands at the head."""
        return all(view.state == FRESH for view in self.status())

    def rows(
        self, name: str, where: str = "", parameters: Sequence[int | str] = ()
    ) -> Iterator[ViewRow]:
        """Give a view's rows, by key; ``where`` is a fixed text of ours, never a user's."""
        projection = _named(name)
        names = ", ".join(column for column, _ in projection.columns)
        keys = ", ".join(column for column, _ in projection.columns[: projection.key])
        text = f"SELECT {names} FROM {LIVE}{name} {'WHERE ' + where if where else ''}"
        yield from self.reader.connection.execute(f"{text} ORDER BY {keys}", parameters)

    def upcoming(
        self, connection: sqlite3.Connection, after: tuple[int, str] | None, limit: int
    ) -> Sequence[tuple[int, str]]:
        """Give stored deadlines behind one, ordered by (due instant, account)."""
        due_at, account = after if after is not None else (-1, "")
        return connection.execute(
            f"SELECT due_at, account FROM {LIVE}deadlines "
            "WHERE (due_at, account) > (?, ?) ORDER BY due_at, account LIMIT ?",
            (due_at, account, limit),
        ).fetchall()

    # --- catching up ----------------------------------------------------------------------

    def prepare(self, writer: Writer) -> None:
        """Catch the deadlines up inside the writer's transaction."""
        self._catch_up(writer, (DEADLINES,))

    def catch_up(self, progress: Callable[[int, int], None] | None = None) -> list[str]:
        """Catch every view up in one transaction; say which were not to be trusted."""
        if self.fresh:
            return []
        assert self.store is not None  # noqa: S101 - the caller opened it for writing
        with self.store.writing() as writer:
            return self._catch_up(writer, PROJECTIONS, progress)

    def _judge(
        self, projection: Projection, checkpoint: _Checkpoint | None, reader: Reader
    ) -> str:
        if checkpoint is None:
            return MISSING
        if checkpoint.version != projection.version:
            return OUTDATED
        head = reader.head()
        if checkpoint.position > head.position:
            return FOREIGN
        if checkpoint.position == head.position:
            return FRESH if checkpoint.body_sha256 == head.body_sha256 else FOREIGN
        row = reader.row(checkpoint.position)
        if row is None or hashlib.sha256(row.body).digest() != checkpoint.body_sha256:
            return FOREIGN
        return BEHIND

    def _catch_up(
        self,
        writer: Writer,
        projections: Sequence[Projection],
        progress: Callable[[int, int], None] | None = None,
    ) -> list[str]:
        reader, connection = writer.reader, writer.connection
        connection.execute(_CHECKPOINTS)
        notices: list[str] = []
        behind: dict[int, list[Projection]] = {}
        for projection in projections:
            checkpoint = _checkpoint(connection, projection.name)
            state = self._judge(projection, checkpoint, reader)
            if state == FRESH:
                continue
            if state in (FOREIGN, OUTDATED):
                notices.append(f"view {projection.name} was {state}: built anew from the log")
            position = checkpoint.position if checkpoint and state == BEHIND else 0
            if not position:
                connection.execute(f"DROP TABLE IF EXISTS {LIVE}{projection.name}")
                _create(connection, LIVE + projection.name, projection)
            behind.setdefault(position, []).append(projection)
        head = reader.head()
        for position, group in behind.items():
            accounts = _touched(reader, after=position, until=head.position)
            self._write(
                writer, group, accounts, until=head.position,
                clear=position > 0, progress=progress,
            )  # fmt: skip
            for projection in group:
                connection.execute(
                    "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?)",
                    (projection.name, projection.version, head.position, head.body_sha256),
                )
        return notices

    def _write(
        self,
        writer: Writer,
        group: Sequence[Projection],
        accounts: Sequence[str],
        *,
        until: int,
        clear: bool,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        """Write the rows of some accounts, folded up to a position, into live tables."""
        policy = _policy(writer.reader, until)
        connection = writer.connection
        if clear:
            for projection in group:
                connection.executemany(
                    f"DELETE FROM {LIVE}{projection.name} WHERE account = ?",
                    [(account,) for account in accounts],
                )
        for done, state in enumerate(_folded(writer.reader, accounts, until), 1):
            for projection in group:
                _insert(
                    connection, LIVE + projection.name, projection,
                    projection.rows(state, policy),
                )  # fmt: skip
            if progress is not None and done % REBUILD_BATCH == 0:
                progress(done, len(accounts))

    # --- rebuilding -----------------------------------------------------------------------

    def rebuild(
        self,
        name: str | None = None,
        *,
        shadow: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Difference | None:
        """Build views beside the live ones from the whole log, compare row by row, swap.

        The live ones keep serving meanwhile; an interrupted rebuild goes on where it was. With
        ``shadow`` the new tables are only compared and dropped. Gives the first difference.
        """
        assert self.store is not None  # noqa: S101 - the caller opened it for writing
        group = PROJECTIONS if name is None else (_named(name),)
        self.catch_up()
        target = self._build_beside(group, progress)
        with self.store.writing() as writer:
            connection, reader = writer.connection, writer.reader
            head = reader.head()
            late = _touched(reader, after=target, until=head.position)
            self._replace_accounts(writer, group, late, until=head.position)
            self._catch_up(writer, group)
            first: Difference | None = None
            for projection in group:
                live, beside = LIVE + projection.name, SHADOW + projection.name
                first = first or _compare_tables(connection, projection, live, beside)
                if shadow:
                    connection.execute(f"DROP TABLE {beside}")
                else:
                    connection.execute(f"DROP TABLE {live}")
                    connection.execute(f"ALTER TABLE {beside} RENAME TO {live}")
                    if projection.order:
                        connection.execute(
                            f"DROP INDEX IF EXISTS {beside}_by_{projection.order[0]}"
                        )
                        _create(connection, live, projection)
                connection.execute("DELETE FROM rebuilds WHERE name = ?", (projection.name,))
        return first

    def _build_beside(
        self, group: Sequence[Projection], progress: Callable[[int, int], None] | None
    ) -> int:
        """Fill shadow tables, some accounts a transaction; resume what was interrupted."""
        assert self.store is not None  # noqa: S101
        accounts = self.reader.streams(ACCOUNT_PREFIX)
        total = len(accounts)
        target, done = self._begin_rebuild(group)
        accounts = [stream for stream in accounts if stream > done]
        while accounts:
            batch, accounts = accounts[:REBUILD_BATCH], accounts[REBUILD_BATCH:]
            with self.store.writing() as writer:
                policy = _policy(writer.reader, target)
                names = [stream[len(ACCOUNT_PREFIX) :] for stream in batch]
                for state in _folded(writer.reader, names, target):
                    for projection in group:
                        _insert(
                            writer.connection, SHADOW + projection.name, projection,
                            projection.rows(state, policy),
                        )  # fmt: skip
                for projection in group:
                    writer.connection.execute(
                        "UPDATE rebuilds SET account = ? WHERE name = ?",
                        (batch[-1], projection.name),
                    )
            if progress is not None:
                progress(total - len(accounts), total)
        return target

    def _begin_rebuild(self, group: Sequence[Projection]) -> tuple[int, str]:
        """Give (target position, last account done) of a rebuild, begun now or before."""
        assert self.store is not None  # noqa: S101
        with self.store.writing() as writer:
            connection = writer.connection
            connection.execute(_REBUILDS)
            found = {
                connection.execute(
                    "SELECT version, target, account FROM rebuilds WHERE name = ?",
                    (projection.name,),
                ).fetchone()
                for projection in group
            }
            wanted = {projection.version for projection in group}
            begun = found.pop() if len(found) == 1 else None
            head = writer.reader.head().position
            if begun is not None and {begun[0]} == wanted and begun[1] <= head:
                return begun[1], begun[2]
            for projection in group:
                connection.execute(f"DROP TABLE IF EXISTS {SHADOW}{projection.name}")
                _create(connection, SHADOW + projection.name, projection)
                connection.execute(
                    "INSERT OR REPLACE INTO rebuilds VALUES (?, ?, ?, '')",
                    (projection.name, projection.version, head),
                )
            return head, ""

    def _replace_accounts(
        self, writer: Writer, group: Sequence[Projection], accounts: Sequence[str], *, until: int
    ) -> None:
        policy = _policy(writer.reader, until)
        for state in _folded(writer.reader, accounts, until):
            for projection in group:
                table = SHADOW + projection.name
                writer.connection.execute(
                    f"DELETE FROM {table} WHERE account = ?", (state.account,)
                )
                _insert(writer.connection, table, projection, projection.rows(state, policy))

    # --- refolding and comparing ------------------------------------------------------------------------

    def refold(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Fold everything from nothing and give how many rows that makes."""
        head = self.reader.head().position
        policy = _policy(self.reader, head)
        accounts = [s[len(ACCOUNT_PREFIX) :] for s in self.reader.streams(ACCOUNT_PREFIX)]
        rows = 0
        for done, state in enumerate(_folded(self.reader, accounts, head), 1):
            rows += sum(len(projection.rows(state, policy)) for projection in PROJECTIONS)
            if progress is not None and done % REBUILD_BATCH == 0:
                progress(done, len(accounts))
        return rows

    def compare(
        self, progress: Callable[[int, int], None] | None = None
    ) -> tuple[int, Difference | None]:
        """Refold everything from nothing; give (rows compared, the first differing row)."""
        head = self.reader.head().position
        policy = _policy(self.reader, head)
        accounts = [s[len(ACCOUNT_PREFIX) :] for s in self.reader.streams(ACCOUNT_PREFIX)]
        stored = {p.name: _by_account(self.rows(p.name)) for p in PROJECTIONS}
        held: dict[str, tuple[str, list[ViewRow]] | None] = {
            p.name: next(stored[p.name], None) for p in PROJECTIONS
        }
        compared = 0
        for done, state in enumerate(_folded(self.reader, accounts, head), 1):
            for projection in PROJECTIONS:
                refolded = projection.rows(state, policy)
                group = held[projection.name]
                there: list[ViewRow] = []
                if group is not None and group[0] <= state.account:
                    there = group[1]
                    held[projection.name] = next(stored[projection.name], None)
                if there != refolded:
                    return compared, _first(projection.name, state.account, there, refolded)
                compared += len(refolded)
            if progress is not None and done % REBUILD_BATCH == 0:
                progress(done, len(accounts))
        for name, group in held.items():
            if group is not None:
                return compared, Difference(name, group[0], group[1][0], None)
        return compared, None


# --- pieces ----------------------------------------------------------------------------------


def _named(name: str) -> Projection:
    return next(projection for projection in PROJECTIONS if projection.name == name)


def _checkpoint(connection: sqlite3.Connection, name: str) -> _Checkpoint | None:
    there = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'checkpoints'"
    ).fetchone()
    if there is None:
        return None
    row = connection.execute(
        "SELECT version, position, body_sha256 FROM checkpoints WHERE name = ?", (name,)
    ).fetchone()
    return _Checkpoint(*row) if row is not None else None


def _policy(reader: Reader, until: int) -> Policy:
    recorded = [
        one
        for stream in (POLICY_STREAM, PRICES_STREAM)
        for one in codec.decode_all(reader.stream_bodies(stream, until_position=until))
    ]
    return fold_catalog(recorded).policy


def _touched(reader: Reader, *, after: int, until: int) -> list[str]:
    """List the accounts that events in (after, until] touch; a policy change touches all."""
    streams = set(reader.streams_touched(after=after, until=until))
    if after == 0 or POLICY_STREAM in streams:
        streams = set(reader.streams(ACCOUNT_PREFIX))
    return sorted(name for name in map(account_of, streams) if name is not None)


def _folded(reader: Reader, accounts: Sequence[str], until: int) -> Iterator[AccountState]:
    """Fold accounts one after the other, in position order: memory of one account."""
    with no_cycles():
        for account in accounts:
            stream = ACCOUNT_PREFIX + account
            bodies = reader.stream_bodies(stream, until_position=until)
            state = fold(account, codec.decode_all(bodies))
            if state.opened_at is not None:
                yield state


def _by_account(rows: Iterator[ViewRow]) -> Iterator[tuple[str, list[ViewRow]]]:
    for account, group in groupby(rows, key=lambda row: row[0]):
        yield str(account), list(group)


def _first(
    view: str, account: str, stored: Sequence[ViewRow], refolded: Sequence[ViewRow]
) -> Difference:
    for i in range(max(len(stored), len(refolded))):
        one = stored[i] if i < len(stored) else None
        other = refolded[i] if i < len(refolded) else None
        if one != other:
            return Difference(view, account, one, other)
    return Difference(view, account, None, None)


def _compare_tables(
    connection: sqlite3.Connection, projection: Projection, live: str, beside: str
) -> Difference | None:
    for one, other, swapped in ((live, beside, False), (beside, live, True)):
        row = connection.execute(f"SELECT * FROM {one} EXCEPT SELECT * FROM {other}").fetchone()
        if row is not None:
            row = tuple(row)
            stored, refolded = (None, row) if swapped else (row, None)
            return Difference(projection.name, str(row[0]), stored, refolded)
    return None
