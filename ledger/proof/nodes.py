"""The stored nodes of the tree: one row for up to 256 neighbouring hashes of one level.

Invariant: written in the transaction of the events they cover, never changed; a row never crosses
a multiple of 256, and the hashes of a level have no gap. So a root or a proof reads some rows and
hashes no event, and opening a ledger hashes nothing.
This module must not know what an event is: it is handed bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.connection import tables
from ledger.errors import IntegrityBroken
from ledger.proof import tree
from ledger.proof.tree import HASH_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ledger.connection import Connection

WIDTH = 256  # hashes of a full row: a tile of C2SP tlog-tiles
TABLE = "tree_nodes"
BUILD_BATCH = 4096
LEVELS = 63  # positions are integers of 64 bits
_END = 1 << LEVELS  # the first number that is not stored

_FIND = f"SELECT start, hashes FROM {TABLE} WHERE level = ? AND start <= ? ORDER BY start DESC"


class Nodes:
    """Looks nodes up through one connection."""

    def __init__(self, connection: Connection) -> None:
        """Look through a connection that gives tuples."""
        self._connection = connection

    @property
    def there(self) -> bool:
        """Whether this file has the table; one made before there was a tree has none."""
        return TABLE in tables(self._connection)

    def size(self) -> int:
        """Return how many leaves the tree has."""
        row = self._connection.execute(f"{_FIND} LIMIT 1", (0, 1 << 62)).fetchone()
        return row[0] + len(row[1]) // HASH_BYTES if row is not None else 0

    def fetch(self, level: int, index: int) -> bytes:
        """Return the hash of one complete subtree. Raises: IntegrityBroken."""
        row = self._connection.execute(f"{_FIND} LIMIT 1", (level, index)).fetchone()
        if row is not None:
            at = (index - row[0]) * HASH_BYTES
            node: bytes = row[1][at : at + HASH_BYTES]
            if len(node) == HASH_BYTES:
                return node
        position = (index << level) + 1
        msg = f"the tree has no node {index} of level {level}"
        raise IntegrityBroken(msg, kind="deleted", position=position)

    def root(self, size: int) -> bytes:
        """Return the root of the first ``size`` events."""
        return tree.root(self.fetch, size)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Prove that an event is in the log's first ``size``."""
        return tree.inclusion_proof(self.fetch, index, size)

    def consistency(self, old: int, size: int) -> list[bytes]:
        """Prove that the first ``old`` events are the beginning of the first ``size``."""
        return tree.consistency_proof(self.fetch, old, size)

    def levels(self) -> int:
        """Return how many levels have rows, of those that a tree can have."""
        (top,) = self._connection.execute(
            f"SELECT MAX(level) FROM {TABLE} WHERE level < ?", (LEVELS,)
        ).fetchone()
        return 0 if top is None else int(top) + 1

    def strays(self) -> int:
        """Count the rows of levels that no tree has."""
        (count,) = self._connection.execute(
            f"SELECT COUNT(*) FROM {TABLE} WHERE level < 0 OR level >= ?", (LEVELS,)
        ).fetchone()
        return int(count)

    def rows(
        self, level: int, *, start: int = -_END, end: int = _END
    ) -> Iterator[tuple[int, bytes]]:
        """Stream a level's rows in order: those that begin in [start, end)."""
        yield from self._connection.execute(
            f"SELECT start, hashes FROM {TABLE} WHERE level = ? AND start >= ? AND start <= ? "
            "ORDER BY start",
            (level, start, end - 1),
        )

    def beyond(self, size: int) -> bool:
        """Return whether rows are stored that no tree of ``size`` leaves has."""
        if self.strays():
            return True
        return any(
            self._connection.execute(
                f"SELECT 1 FROM {TABLE} WHERE level = ? AND (start < 0 OR start >= ?) LIMIT 1",
                (level, size >> level),
            ).fetchone()
            for level in range(self.levels())
        )


class Edge(NamedTuple):
    """A tree's size and right edge: the complete subtrees that growing it may ask for."""

    size: int
    hashes: Mapping[tuple[int, int], bytes]  # by level and index


def append(
    connection: Connection, bodies: Sequence[bytes], *, before: int, edge: Edge | None = None
) -> Edge:
    """Add the leaves of new events to a tree of ``before``, inside their transaction.

    ``edge`` is what an earlier append returned, where nobody else has written since.
    Raises: IntegrityBroken where the tree is of another log.
    """
    nodes = Nodes(connection)
    known = Edge(nodes.size(), {}) if edge is None else edge
    if known.size != before:
        msg = f"the tree has {known.size} leaves, the log has {before} events: nothing was recorded"
        raise IntegrityBroken(msg, kind="truncated" if known.size > before else "inserted")
    hashes = _insert(connection, before, tree.leaf_hashes(bodies), nodes, known.hashes)
    if nodes.size() != before + len(bodies):
        msg = "the database did not keep the leaves of new events: nothing was recorded"
        raise IntegrityBroken(msg, kind="deleted", position=before + 1)
    return Edge(before + len(bodies), hashes)


def build(
    connection: Connection,
    bodies: Iterator[bytes],
    *,
    total: int,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Build the tree of a log that was recorded before there was one."""
    nodes = Nodes(connection)
    done = 0
    batch: list[bytes] = []
    for position, body in enumerate(bodies, 1):
        batch.append(body)
        if len(batch) == BUILD_BATCH or position == total:
            _insert(connection, done, tree.leaf_hashes(batch), nodes)
            done = position
            batch = []
            if progress is not None:
                progress(done, total)
        if position == total:
            return


def _insert(
    connection: Connection, size: int, leaves: Sequence[bytes], nodes: Nodes,
    known: Mapping[tuple[int, int], bytes] | None = None,
) -> dict[tuple[int, int], bytes]:  # fmt: skip
    """Insert what grows a tree, and return what is known of its new right edge."""
    there = known or {}
    added = tree.grow(size, leaves, lambda *at: there.get(at) or nodes.fetch(*at))
    rows: list[tuple[int, int, bytes]] = []
    for level, (first, hashes) in enumerate(added):
        at, end = first, first + len(hashes)
        while at < end:
            until = min(end, (at // WIDTH + 1) * WIDTH)
            rows.append((level, at, b"".join(hashes[at - first : until - first])))
            at = until
    if len(rows) <= LEVELS:  # one statement: a server is waited for once
        places = ", ".join(["(?, ?, ?)"] * len(rows))
        cells = [cell for row in rows for cell in row]
        connection.execute(f"INSERT INTO {TABLE} VALUES {places}", cells)
    else:
        connection.executemany(f"INSERT INTO {TABLE} VALUES (?, ?, ?)", rows)
    last = {
        (level, first + len(hashes) - 1): hashes[-1]
        for level, (first, hashes) in enumerate(added)
    }  # fmt: skip
    end = size + len(leaves)
    known_now = {**there, **last}
    return {at: hash_ for at, hash_ in known_now.items() if at[1] == (end >> at[0]) - 1}
