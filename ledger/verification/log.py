"""The log: columns, leaves, versions, recorded times, remembered requests.

Its ranges are looked at first, apart from each other (``ranges``). Where one is not whole, one
pass in order names what is wrong, and where first.
Invariant: everything is judged by the stored bytes; what stands beside them must say the same.
Memory is one batch, and the last version of each stream. This module must not know what an event
does, nor signatures.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from ledger import codec
from ledger.connection import highest_given
from ledger.errors import (
    BACKWARDS,
    DELETED,
    INSERTED,
    MODIFIED,
    REORDERED,
    TRUNCATED,
    UnknownEventType,
)
from ledger.proof import tree
from ledger.store.schema import EVENTS
from ledger.verification.findings import CheckResult, Fault, first
from ledger.verification.requests import SENTENCE as REQUESTS
from ledger.verification.requests import Requests, count_requests
from ledger.verification.tree_checks import BATCH, Growth, Level, check_stored, tell_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ledger.codec import Envelope
    from ledger.proof.nodes import Nodes
    from ledger.store import Reader
    from ledger.verification.sharing import Ranges

    # position, stream, version, type, recorded_at, effective_at, bytes
    Stored = tuple[int, str, int, str, int, int, bytes]

COLUMNS = "every column agrees with the stored bytes"
LEAVES = "every stored leaf is the hash of the event's bytes"
NODES = "every stored node is the hash of the two below it"
ROOT = "the root of the bytes is the root of the stored tree"
VERSIONS = "the versions of each stream have no gap"
CLOCK = "recorded times never go back, and the clock is at or after the last"
_NAMES = ("position", "stream", "version", "type", "recorded_at", "effective_at")


class Scan(NamedTuple):
    """What the pass found: its checks, how many events there are, the root of their bytes."""

    checks: list[CheckResult]
    events: int
    root: bytes


def check_log(
    reader: Reader, nodes: Nodes, ranges: Ranges, progress: Callable[[int, int], None] | None = None
) -> Scan:
    """Check the whole log: range by range, and in order where something in one is not right."""
    total = reader.head().position
    whole = ranges.whole(progress) if nodes.there and ranges.size == total else None
    stored = count_requests(reader.connection)
    if whole is None or whole.requests != stored:
        return _in_order(reader, nodes, total, progress)
    position, clock = _last_position(reader), _clock(reader, whole.recorded_at)
    judged = (
        ("columns", COLUMNS, position), ("leaves", LEAVES, None), ("nodes", NODES, None),
        ("root", ROOT, None), ("versions", VERSIONS, None), ("clock", CLOCK, clock),
    )  # fmt: skip
    checks = [CheckResult(name, sentence, total, fault) for name, sentence, fault in judged]
    return Scan([*checks, CheckResult("requests", REQUESTS, stored)], total, whole.root)


def _in_order(
    reader: Reader, nodes: Nodes, total: int, progress: Callable[[int, int], None] | None
) -> Scan:
    bytes_, leaves = _Columns(), _Leaves(nodes)
    requests = Requests(reader)
    for batch in reader.batches(BATCH):
        leaves.take(batch)
        requests.take(bytes_.take(batch))
        if progress is not None:
            progress(bytes_.count, total)
    checks = leaves.checks(reader)
    by_tree = checks[0].fault
    columns = bytes_.columns
    if columns is not None and columns.kind == REORDERED and by_tree is not None:
        columns = by_tree  # the tree tells a moved event from a missing or an added one
    checks = [
        CheckResult("columns", COLUMNS, bytes_.count, first(columns, _last_position(reader))),
        *checks,
        CheckResult("versions", VERSIONS, bytes_.count, bytes_.versions),
        CheckResult(
            "clock", CLOCK, bytes_.count, bytes_.clock or _clock(reader, bytes_.recorded_at)
        ),
        requests.check(),
    ]
    return Scan(checks, bytes_.count, leaves.growth.root())


def _last_position(reader: Reader) -> Fault | None:
    """Compare the head with the highest position that the table ever gave."""
    highest = highest_given(reader.connection, EVENTS)
    head = reader.head().position
    if highest <= head:
        return None
    return Fault(TRUNCATED, head + 1, f"the log ends at @{head}, but @{highest} was recorded")


def _clock(reader: Reader, recorded_at: int) -> Fault | None:
    """Compare the simulated clock with the last event."""
    text = reader.meta("clock")
    if text is None:
        return None
    with suppress(ValueError):  # what is not a number does not stand after anything
        if int(text) >= recorded_at:
            return None
    return Fault(BACKWARDS, reader.head().position, "the clock stands before the last event")


class _Columns:
    """Columns against bytes, versions of streams, recorded times."""

    def __init__(self) -> None:
        self.count = 0
        self.recorded_at = 0
        self.columns: Fault | None = None
        self.versions: Fault | None = None
        self.clock: Fault | None = None
        self._last: dict[str, int] = {}

    def take(self, batch: list[Stored]) -> Iterator[Envelope]:
        decode, last = codec.decode_envelope, self._last
        for row in batch:
            self.count += 1
            try:
                e = decode(row[6])
            except UnknownEventType as error:
                said = f"the bytes of @{row[0]} cannot be read: {error}"
                self.columns = self.columns or Fault(MODIFIED, row[0], said)
                continue
            said_by_bytes = (
                e.position, e.stream, e.version, e.event.type, e.recorded_at, e.effective_at,
            )  # fmt: skip
            if said_by_bytes != row[:6] and self.columns is None:
                self.columns = _column_fault(row, said_by_bytes)
            version = last.get(e.stream, 0)
            if e.version != version + 1 and self.versions is None:
                kind = DELETED if e.version > version else INSERTED
                said = f"{e.stream} has version {e.version} after {version}"
                self.versions = Fault(kind, row[0], said)
            last[e.stream] = e.version
            if e.recorded_at < self.recorded_at and self.clock is None:
                said = f"@{row[0]} is recorded before the one before"
                self.clock = Fault(BACKWARDS, row[0], said)
            self.recorded_at = max(self.recorded_at, e.recorded_at)
            yield e


def _column_fault(row: Stored, said_by_bytes: tuple[int, str, int, str, int, int]) -> Fault:
    wrong = [
        name
        for name, column, told in zip(_NAMES, row, said_by_bytes, strict=False)
        if column != told
    ]
    said = f"@{row[0]}: {', '.join(wrong)} not as in the bytes"
    return Fault(REORDERED if "position" in wrong else MODIFIED, row[0], said)


class _Leaves:
    """The bytes against the stored tree."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self.there = nodes.there
        self.growth = Growth(nodes if self.there else None)
        self._plain: Growth | None = None  # once the leaves differ, for the root alone
        self._stored = Level(nodes, 0) if self.there else None
        self._bad: int | None = None
        self._count = 0

    def take(self, batch: list[Stored]) -> None:
        leaves = tree.leaf_hashes([row[6] for row in batch])
        expected = self._count + 1
        self._count += len(batch)
        if self._stored is not None and self._bad is None:
            if batch[0][0] != expected or batch[-1][0] != self._count:
                positions = [row[0] for row in batch]
                gap = next(i for i, one in enumerate(positions) if one != expected + i)
                self._stored.take(leaves[:gap])
                self._bad = expected + gap
            else:
                self._stored.take(leaves)
            if self._stored.fault is not None:
                self._bad = self._stored.fault.position  # it lies before a gap that may follow
        self.growth.take(leaves)

    def checks(self, reader: Reader) -> list[CheckResult]:
        """Close the comparison: leaves, nodes, root."""
        if self._stored is None:
            said = "this ledger was made before there was a tree: open the ledger once for writing"
            return [CheckResult("leaves", LEAVES, 0, Fault(None, None, said), derived=True)]
        if self._bad is None:
            self._stored.end()
            if self._stored.fault is not None:
                self._bad = self._stored.fault.position
        leaves = tell_apart(reader, self.nodes, self._bad) if self._bad is not None else None
        inner = check_stored(self.nodes) if leaves is not None else self.growth.fault()
        root = leaves or inner
        return [
            CheckResult("leaves", LEAVES, self._count, leaves),
            CheckResult("nodes", NODES, self._count, inner),
            CheckResult("root", ROOT, self._count, root and root._replace(said="the roots differ")),
        ]
