"""Compares the stored nodes with those that follow from the leaves, level by level.

Invariant: memory is one row a level, whatever the size of the log; only where the leaves differ
are all of them read, to say what happened. This module must not know columns or signatures.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from ledger.errors import DELETED, INSERTED, MODIFIED, REORDERED, TRUNCATED
from ledger.proof import tree
from ledger.proof.tree import HASH_BYTES
from ledger.quoting import plural
from ledger.verification.findings import Fault, first

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ledger.proof.nodes import Nodes
    from ledger.store import Reader

BATCH = 4096


class LeafRange(NamedTuple):
    """The leaves [start, end) of a log, and up to which level its rows of nodes lie inside."""

    start: int
    end: int
    top: int


class Level:
    """The stored hashes of one level, read once from left to right."""

    def __init__(self, nodes: Nodes, level: int, span: LeafRange | None = None) -> None:
        """Begin at the left: of everything that is stored, or of a range of leaves."""
        self._level = level
        self._held = b""
        start = 0 if span is None else span.start >> level
        self._rows = nodes.rows(level) if span is None else nodes.rows(
            level, start=start, end=span.end >> level
        )  # fmt: skip
        self._next = start  # index of the first hash that is not read yet
        self._read = start  # index after the last hash given out
        self.fault: Fault | None = None

    def take(self, hashes: Sequence[bytes]) -> bool:
        """Compare the next stored hashes with these; stop at the first fault."""
        if self.fault is not None:
            return False
        wanted = b"".join(hashes)
        there = self._some(len(wanted))
        if there == wanted:
            self._read += len(hashes)
            return True
        if self.fault is None:
            for i in range(len(hashes)):
                at = slice(i * HASH_BYTES, (i + 1) * HASH_BYTES)
                if there[at] != wanted[at]:
                    kind = MODIFIED if len(there[at]) == HASH_BYTES else DELETED
                    self._set(kind, self._read + i, "differs" if kind == MODIFIED else "is missing")
                    break
        return False

    def end(self) -> None:
        """Note hashes that belong to no event."""
        if self.fault is None and self._some(HASH_BYTES):
            self._set(INSERTED, self._read, "is more than the events account for")

    def _some(self, size: int) -> bytes:
        parts, have = [self._held], len(self._held)
        while have < size and self.fault is None:
            row = next(self._rows, None)
            if row is None:
                break
            start, hashes = row
            if start != self._next or len(hashes) % HASH_BYTES or not hashes:
                gap = start > self._next
                said = "is missing" if gap else "is duplicated or incomplete"
                self._set(DELETED if gap else INSERTED, min(start, self._next), said)
                break
            self._next += len(hashes) // HASH_BYTES
            parts.append(hashes)
            have += len(hashes)
        held = b"".join(parts)
        self._held = held[size:]
        return held[:size]

    def _set(self, kind: str, index: int, said: str) -> None:
        position = (max(index, 0) << self._level) + 1
        what = "leaf" if self._level == 0 else f"node of level {self._level}"
        self.fault = Fault(kind, position, f"the stored {what} over @{position} {said}")


class Growth:
    """Grows the tree again from leaves, comparing what it gives with what is stored."""

    def __init__(
        self, nodes: Nodes | None, span: LeafRange | None = None, *, lowest: int = 0
    ) -> None:
        """Compare with these nodes; with None only the root is computed.

        With a span only the subtree over it is grown, and compared up to its top; ``lowest`` is
        the level of what is added, where these are not leaves.
        """
        self.size = 0
        self.tops: list[bytes] = []  # the hashes of a span's top level
        self._last: dict[int, bytes] = {}
        self._nodes = nodes
        self._span = span
        self._lowest = lowest
        self._top = None if span is None else span.top
        there = 0 if nodes is None else nodes.levels()
        if self._top is not None:
            there = min(there, self._top + 1)
        self._levels = {n: Level(nodes, n, span) for n in range(lowest + 1, there)} if nodes else {}

    def take(self, hashes: Sequence[bytes]) -> None:
        """Add leaves, or nodes of the lowest level."""
        grown = tree.grow(self.size, hashes, self._left)
        for level, (_, found) in enumerate(grown, self._lowest):
            self._last[level] = found[-1]
            if level == self._top:
                self.tops += found
            if level > self._lowest and (self._top is None or level <= self._top):
                self._compare(level, found)
        self.size += len(hashes)

    def _compare(self, level: int, hashes: Sequence[bytes]) -> None:
        if self._nodes is not None:
            if level not in self._levels:
                self._levels[level] = Level(self._nodes, level, self._span)
            self._levels[level].take(hashes)

    def _left(self, level: int, _: int) -> bytes:
        return self._last[self._lowest + level]

    def peaks(self) -> dict[int, bytes]:
        """Return the hashes of the complete subtrees that what was added falls into, by level."""
        return {
            level: self._last[level]
            for level in range(self._lowest, self._lowest + self.size.bit_length())
            if self.size >> level - self._lowest & 1
        }

    def root(self) -> bytes:
        """Return the root of what was added."""
        return root_of(self.peaks())

    def fault(self) -> Fault | None:
        """Return the first fault of all levels above the leaves."""
        for level in self._levels.values():
            level.end()
        lowest = first(*(level.fault for level in self._levels.values()))
        nodes = self._nodes if self._span is None else None  # of all leaves, not of some
        if lowest is None and nodes is not None and nodes.strays():
            return Fault(INSERTED, None, "there are stored nodes of levels that no tree has")
        return lowest


def root_of(peaks: dict[int, bytes]) -> bytes:
    """Return the root above complete subtrees, one a level, the largest on the left."""
    root = b""
    for _, peak in sorted(peaks.items()):
        root = tree.node_hash(peak, root) if root else peak
    return root or tree.EMPTY_ROOT


def check_stored(nodes: Nodes) -> Fault | None:
    """Check that each stored node is the hash of the two below it, whatever the events say."""
    growth = Growth(nodes)
    for batch in _batches(_leaves(nodes)):
        growth.take(batch)
    return growth.fault()


def _leaves(nodes: Nodes) -> Iterator[bytes]:
    for _, hashes in nodes.rows(0):
        for at in range(0, len(hashes), HASH_BYTES):
            yield hashes[at : at + HASH_BYTES]


def _batches(hashes: Iterable[bytes]) -> Iterator[list[bytes]]:
    source = iter(hashes)
    while batch := list(islice(source, BATCH)):
        yield batch


def tell_apart(reader: Reader, nodes: Nodes, position: int) -> Fault:
    """Return what happened at the first position where leaf and bytes do not fit."""
    stored = {
        start + i + 1: hashes[i * HASH_BYTES : (i + 1) * HASH_BYTES]
        for start, hashes in nodes.rows(0)
        for i in range(len(hashes) // HASH_BYTES)
        if start + i + 1 >= position
    }
    actual = {
        row.position: tree.leaf_hash(row.body) for row in reader.rows(after=position - 1)
    }
    here, wanted = actual.get(position), stored.get(position)
    kind = _kind(actual, stored, here, wanted)
    if wanted is None and kind == INSERTED:
        above = max(
            ((start + len(hashes) // HASH_BYTES) << level
            for level in range(1, nodes.levels())
            for start, hashes in nodes.rows(level)),
            default=0,
        )
        if max(stored, default=0) > position or above >= position or nodes.size() == 0:
            return Fault(DELETED, position, f"the stored leaf of @{position} is missing")
    said = {
        MODIFIED: f"the bytes of @{position} are not those that were recorded",
        DELETED: f"the event that was recorded @{position} is gone",
        INSERTED: f"@{position} holds an event that was not recorded there",
        REORDERED: f"the event that was recorded @{position} is at another position",
        TRUNCATED: f"the log ends before @{position}; {plural(len(stored), 'event')} cut off",
    }
    return Fault(kind, position, said[kind])


def _kind(
    actual: dict[int, bytes], stored: dict[int, bytes], here: bytes | None, wanted: bytes | None
) -> str:
    """Classify by whether the leaf here was recorded elsewhere, and the recorded one still is."""
    if here is None and not actual:
        return TRUNCATED
    kept = wanted is not None and wanted in set(actual.values())
    known = here is not None and here in set(stored.values())
    if wanted is None or (kept and not known and here is not None):
        return INSERTED
    if kept:
        longer = len(actual) - len(stored)
        return REORDERED if longer == 0 or here is None else INSERTED if longer > 0 else DELETED
    return DELETED if known or here is None else MODIFIED
