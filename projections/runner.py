"""Keeps the stored views: catch up, rebuild beside the live one, compare, swap.

Each view's checkpoint (name, version, position, hash of the event there) is written in the
transaction of its rows. Invariant: a view's rows are exactly those of the log up to its
checkpoint; a checkpoint that does not fit this log (a restored file, another ledger, another
version) is noticed, and its view is built again, never silently used. Long streams get their
frames (projections/snapshots.py), states and tiles on the way.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ledger import kept
from ledger.connection import mapped
from ledger.events import ACCOUNT_PREFIX
from ledger.kept import stream_tiles
from ledger.verification.indexes import require_sound
from projections import snapshots, stored
from projections.deadlines import DEADLINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ledger.connection import Connection
    from ledger.kept.stream_tiles import Versions
    from ledger.policy import Policy
    from ledger.state import AccountState
    from ledger.store import Reader, Store, Writer
    from projections.projection import Projection, ViewRow


REBUILD_BATCH = 2000  # accounts per transaction of a rebuild

FRESH, BEHIND, FOREIGN, OUTDATED, MISSING = "fresh", "behind", "foreign", "outdated", "missing"


class Views:
    """All stored views of one ledger."""

    def __init__(self, reader: Reader, store: Store | None = None) -> None:
        """Look through ``reader``; write through ``store``, where there is one."""
        self.reader = reader
        self.store = store

    # --- looking --------------------------------------------------------------------------

    def status(self) -> list[stored.ViewStatus]:
        """Return how far each view has read the log."""
        head = self.reader.head().position
        found: list[stored.ViewStatus] = []
        for projection in stored.PROJECTIONS:
            checkpoint = stored.checkpoint_of(self.reader.connection, projection.name)
            state = self._judge(projection, checkpoint, self.reader)
            position = checkpoint.position if checkpoint is not None else 0
            found.append(
                stored.ViewStatus(
                    projection.name, projection.version, position, head - position, state
                )
            )
        return found

    @property
    def fresh(self) -> bool:
        """Whether every view stands at the head."""
        return all(view.state == FRESH for view in self.status())

    def rows(self, name: str) -> Iterator[ViewRow]:
        """Yield a view's rows, by key."""
        projection = stored.named(name)
        names = ", ".join(column for column, _ in projection.columns)
        keys = ", ".join(column for column, _ in projection.columns[: projection.key])
        text = f"SELECT {names} FROM {stored.LIVE}{name} ORDER BY {keys}"
        # Not "yield from": it would close the cursor, which fails once the ledger is closed.
        found = self.reader.connection.execute(text)
        while batch := found.fetchmany(1000):
            yield from batch

    def upcoming(
        self, connection: Connection, after: tuple[int, str] | None, limit: int
    ) -> Sequence[tuple[int, str]]:
        """Return stored deadlines after one, ordered by (due instant, account)."""
        due_at, account = after if after is not None else (-1, "")
        return connection.execute(
            f"SELECT due_at, account FROM {stored.LIVE}deadlines "
            "WHERE (due_at, account) > (?, ?) ORDER BY due_at, account LIMIT ?",
            (due_at, account, limit),
        ).fetchall()

    # --- catching up ----------------------------------------------------------------------

    def prepare(self, writer: Writer) -> None:
        """Catch the deadlines up inside the writer's transaction."""
        self._catch_up(writer, (DEADLINES,))

    def catch_up(self, progress: Callable[[int, int], None] | None = None) -> list[str]:
        """Catch every view up in one transaction; return which were not to be trusted."""
        if self.fresh:
            return []
        assert self.store is not None  # noqa: S101 - the caller opened it for writing
        with self.store.writing() as writer, mapped(writer.connection):
            return self._catch_up(writer, stored.PROJECTIONS, progress)

    def catch_up_within(self, writer: Writer) -> None:
        """Catch every view up inside the writer's transaction."""
        self._catch_up(writer, stored.PROJECTIONS)

    def _judge(
        self, projection: Projection, checkpoint: stored.ViewCheckpoint | None, reader: Reader
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
        stored.ensure(connection, "checkpoints", stored.CREATE_CHECKPOINTS)
        notices: list[str] = []
        behind: dict[int, list[Projection]] = {}
        for projection in projections:
            checkpoint = stored.checkpoint_of(connection, projection.name)
            state = self._judge(projection, checkpoint, reader)
            if state == FRESH:
                continue
            if state in (FOREIGN, OUTDATED):
                notices.append(f"view {projection.name} was {state}: built again from the log")
            position = checkpoint.position if checkpoint and state == BEHIND else 0
            if not position:
                connection.execute(f"DROP TABLE IF EXISTS {stored.LIVE}{projection.name}")
                stored.create_table(connection, stored.LIVE + projection.name, projection)
            behind.setdefault(position, []).append(projection)
        head = reader.head()
        if 0 in behind and head.position:
            require_sound(reader)
        for position, group in behind.items():
            accounts = stored.touched_accounts(reader, after=position, until=head.position)
            self._write(
                writer, group, accounts, until=head.position,
                clear=position > 0, progress=progress,
            )  # fmt: skip
            for projection in group:
                connection.execute(
                    "INSERT INTO checkpoints VALUES (?, ?, ?, ?) "
                    "ON CONFLICT (name) DO UPDATE SET version = excluded.version, "
                    "position = excluded.position, body_sha256 = excluded.body_sha256",
                    (projection.name, projection.version, head.position, head.body_sha256),
                )
        return notices

    def _write(
        self, writer: Writer, group: Sequence[Projection], accounts: Sequence[str], *,
        until: int, clear: bool, progress: Callable[[int, int], None] | None = None,
        prefix: str = stored.LIVE,
    ) -> None:  # fmt: skip
        """Write the rows of some accounts, folded up to a position; ``clear`` what was there."""
        policy, live = stored.policy_at(writer.reader, until), prefix == stored.LIVE
        streams = stored.fold_streams(writer.reader, accounts, until, from_kept=clear and live)
        for done, (state, versions) in enumerate(streams, 1):
            if live:
                self._keep(writer, state, versions)
            self._put(writer, prefix, group, state, policy, clear=clear)
            if progress is not None and done % REBUILD_BATCH == 0:
                progress(done, len(accounts))

    def _put(
        self, writer: Writer, prefix: str, group: Sequence[Projection], state: AccountState,
        policy: Policy, *, clear: bool = False,
    ) -> None:  # fmt: skip
        """Write the rows of one account."""
        for projection in group:
            table, rows = prefix + projection.name, projection.rows(state, policy)
            if clear:
                stored.replace_rows(writer.connection, table, projection, state.account, rows)
            else:
                stored.insert_rows(writer.connection, table, projection, rows)

    def _keep(self, writer: Writer, state: AccountState, versions: Versions) -> None:
        """Keep what spares a later look or command the reading and folding of a long stream."""
        account, version = state.account, state.version
        snapshots.extend(writer, account, version=version, versions=versions)
        stream_tiles.extend(writer, account, version=version, versions=versions)
        kept.keep(writer, state)

    # --- rebuilding -----------------------------------------------------------------------

    def rebuild(
        self,
        name: str | None = None,
        *,
        shadow: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> stored.StoredDifference | None:
        """Build views beside the live ones from the whole log, compare row by row, swap.

        The live ones keep serving meanwhile; an interrupted rebuild goes on where it was. With
        ``shadow`` the new tables are only compared and dropped. Gives the first difference.
        """
        assert self.store is not None  # noqa: S101 - the caller opened it for writing
        group = stored.PROJECTIONS if name is None else (stored.named(name),)
        with mapped(self.reader.connection), self.reader.snapshot():
            require_sound(self.reader)
        self.catch_up()
        whole = name is None and not shadow
        if whole:
            with self.store.writing() as writer:
                kept.forget(writer.connection)
                snapshots.forget(writer.connection)
                stream_tiles.keep_only(writer.connection, writer.reader.accounts())
        target = self._build_beside(group, progress, whole=whole)
        with self.store.writing() as writer, mapped(writer.connection):
            connection, reader = writer.connection, writer.reader
            head = reader.head()
            late = stored.touched_accounts(reader, after=target, until=head.position)
            self._write(writer, group, late, until=head.position, clear=True, prefix=stored.SHADOW)
            self._catch_up(writer, group)
            first: stored.StoredDifference | None = None
            for projection in group:
                live, beside = stored.LIVE + projection.name, stored.SHADOW + projection.name
                first = first or stored.compare_tables(connection, projection, live, beside)
                if shadow:
                    connection.execute(f"DROP TABLE {beside}")
                else:
                    connection.execute(f"DROP TABLE {live}")
                    connection.execute(f"ALTER TABLE {beside} RENAME TO {live}")
                    if projection.order:
                        connection.execute(
                            f"DROP INDEX IF EXISTS {beside}_by_{projection.order[0]}"
                        )
                        stored.create_table(connection, live, projection)
                connection.execute("DELETE FROM rebuilds WHERE name = ?", (projection.name,))
        return first

    def _build_beside(
        self, group: Sequence[Projection], progress: Callable[[int, int], None] | None, *,
        whole: bool,
    ) -> int:  # fmt: skip
        """Fill shadow tables, some accounts a transaction; resume what was interrupted.

        One fold of an account gives its rows and, of ``whole``, all else that is derived from it:
        again for the accounts whose rows are there already.
        """
        assert self.store is not None  # noqa: S101 - the caller opened it for writing
        accounts = self.reader.streams(ACCOUNT_PREFIX)
        total = len(accounts)
        target, done = self._begin_rebuild(group)
        if not whole:
            accounts = [stream for stream in accounts if stream > done]
        while accounts:
            batch, accounts = accounts[:REBUILD_BATCH], accounts[REBUILD_BATCH:]
            with self.store.writing() as writer, mapped(writer.connection):
                policy = stored.policy_at(writer.reader, target)
                names = [stream[len(ACCOUNT_PREFIX) :] for stream in batch]
                for state, versions in stored.fold_streams(writer.reader, names, target):
                    if whole:  # tiles that are right stay
                        bodies = versions(0, state.version)
                        stream_tiles.replace(writer.connection, state.account, bodies)
                        self._keep(writer, state, versions)
                    if ACCOUNT_PREFIX + state.account > done:
                        self._put(writer, stored.SHADOW, group, state, policy)
                writer.connection.executemany(
                    "UPDATE rebuilds SET account = ? WHERE name = ?",
                    [(max(batch[-1], done), projection.name) for projection in group],
                )
            if progress is not None and batch[-1] > done:
                progress(total - len(accounts), total)
        return target

    def _begin_rebuild(self, group: Sequence[Projection]) -> tuple[int, str]:
        """Return (target position, last account done) of a rebuild, begun now or before."""
        assert self.store is not None  # noqa: S101 - the caller opened it for writing
        with self.store.writing() as writer:
            connection = writer.connection
            stored.ensure(connection, "rebuilds", stored.CREATE_REBUILDS)
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
                connection.execute(f"DROP TABLE IF EXISTS {stored.SHADOW}{projection.name}")
                stored.create_table(connection, stored.SHADOW + projection.name, projection)
                connection.execute(
                    "INSERT INTO rebuilds VALUES (?, ?, ?, '') ON CONFLICT (name) DO UPDATE SET "
                    "version = excluded.version, target = excluded.target, account = ''",
                    (projection.name, projection.version, head),
                )
            return head, ""

    # --- refolding and comparing ----------------------------------------------------------

    def compare(
        self, progress: Callable[[int, int], None] | None = None
    ) -> tuple[int, stored.StoredDifference | None]:
        """Refold everything from nothing; return (rows compared, the first differing row)."""
        accounts, compared = self.reader.accounts(), 0
        until = self.reader.head().position
        for done, one in enumerate(
            stored.refolded(self.reader, stored.PROJECTIONS, accounts, until=until), 1
        ):
            if one.difference is not None:
                return compared, one.difference
            compared += sum(map(len, one.rows.values()))
            if progress is not None and done % REBUILD_BATCH == 0:
                progress(done, len(accounts))
        return compared, stored.stranger(self.reader, stored.PROJECTIONS, frozenset(accounts))
