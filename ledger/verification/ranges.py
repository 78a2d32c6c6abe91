"""One look at a range of the log: is everything in it as it must be, yes or no.

Most ledgers are whole, and to find that takes less than to say what is wrong with one: a range is
compared in batches, apart from all others. Only where one is not whole does ``log`` read
everything again, in order, and name the kind and the first position.
Invariant: where ``log`` would find a fault, the answer here is no. This module must not know who
looks at which range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from ledger import codec
from ledger.errors import IntegrityBroken, UnknownEventType
from ledger.proof import tree
from ledger.proof.nodes import WIDTH, Nodes
from ledger.verification.requests import Requests
from ledger.verification.tree_checks import Growth, LeafRange, Level, root_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ledger.codec import Envelope
    from ledger.store import Reader

LEVEL = 16  # of the subtree over a full range, which takes some tenths of a second
_ROWS = 256  # at once: with all that is made of them, they stay in the processor's cache
_WIDE = WIDTH.bit_length() - 1  # so far below lie the nodes whose rows do not cross a range


class Seen(Struct, array_like=True, gc=False):
    """What a range that is whole says to those beside it.

    Attributes:
        streams: by name, the version before the first one here, and the last one.
        recorded_at: when its first event was recorded, and its last.
        requests: how many requests its events carry.
        peaks: the hashes of the complete subtrees that it falls into, by level.
        tops: the hashes of the highest level that was compared with what is stored.

    """

    start: int
    end: int
    streams: dict[str, tuple[int, int]]
    recorded_at: tuple[int, int]
    requests: int
    peaks: dict[int, bytes]
    tops: list[bytes]


class Whole(NamedTuple):
    """A log in which everything is as it must be."""

    recorded_at: int
    requests: int
    root: bytes


def spans(size: int, level: int = LEVEL) -> Iterator[LeafRange]:
    """Split the leaves of a log into ranges."""
    for start in range(0, size, 1 << level):
        yield LeafRange(start, min(start + (1 << level), size), level - _WIDE)


def look(reader: Reader, span: LeafRange, tick: Callable[[int], None]) -> Seen | None:
    """Look at a range; None where something in it is not as it must be."""
    nodes = Nodes(reader.connection)
    growth, leaves = Growth(nodes, span), Level(nodes, 0, span)
    streams: dict[str, tuple[int, int]] = {}
    requests = Requests(reader)
    recorded, at = [0], span.start
    for batch in reader.batches(_ROWS, after=span.start, until=span.end):
        events = _decoded(batch, at)
        if events is None or not _follow(streams, events):
            return None
        times = [event.recorded_at for event in events]
        hashes = tree.leaf_hashes([row[6] for row in batch])
        if times[0] < recorded[-1] or times != sorted(times) or not leaves.take(hashes):
            return None
        growth.take(hashes)
        if not requests.take(events):
            return None
        at += len(batch)
        recorded += times[0], times[-1]
        tick(len(batch))
    leaves.end()
    if at != span.end or leaves.fault is not None or growth.fault() is not None:
        return None
    if not requests.end(span.end):
        return None
    return Seen(
        span.start, span.end, streams, (recorded[1], recorded[-1]), requests.count,
        growth.peaks(), growth.tops,
    )  # fmt: skip


def _decoded(batch: Sequence[tuple[object, ...]], at: int) -> list[Envelope] | None:
    """Decode a batch, if every column is a copy of the bytes and no position is left out."""
    try:
        events = codec.decode_envelopes([row[6] for row in batch])  # type: ignore[misc]
    except UnknownEventType:
        return None
    said = [
        (e.position, e.stream, e.version, e.event.type, e.recorded_at, e.effective_at)
        for e in events
    ]
    if said != [row[:6] for row in batch]:
        return None
    positions = [event.position for event in events]
    return events if positions == list(range(at + 1, at + 1 + len(events))) else None


def _follow(streams: dict[str, tuple[int, int]], events: Sequence[Envelope]) -> bool:
    """Note the versions of each stream; False where one does not follow the one before."""
    for event in events:
        stream, version = event.stream, event.version
        known = streams.get(stream)
        if known is None:
            streams[stream] = version - 1, version
        elif known[1] + 1 == version:
            streams[stream] = known[0], version
        else:
            return False
    return True


class Joined:
    """Puts the ranges of a log together, in order."""

    def __init__(self, nodes: Nodes, level: int = LEVEL) -> None:
        """Begin before the first range; a full one has 2^level leaves."""
        self._nodes = nodes
        self._end = self._recorded_at = self._requests = 0
        self._streams: dict[str, int] = {}
        self._lowest = level - _WIDE
        self._upper = Growth(nodes, lowest=self._lowest)
        self._rest: dict[int, bytes] = {}

    def take(self, seen: Seen) -> bool:
        """Add the next range; False where it does not follow those before."""
        streams = self._streams
        if seen.start != self._end or seen.recorded_at[0] < self._recorded_at:
            return False
        for name, (before, _) in seen.streams.items():
            if streams.get(name, 0) != before:
                return False
        streams.update((name, last) for name, (_, last) in seen.streams.items())
        self._end, self._recorded_at = seen.end, seen.recorded_at[1]
        self._requests += seen.requests
        self._upper.take(seen.tops)
        self._rest = {level: one for level, one in seen.peaks.items() if level < self._lowest}
        return self._stored(seen)

    def _stored(self, seen: Seen) -> bool:
        """Compare the range's subtrees with those stored here: another process hashed them."""
        start = seen.start
        for level, peak in sorted(seen.peaks.items(), reverse=True):
            try:
                if self._nodes.fetch(level, start >> level) != peak:
                    return False
            except IntegrityBroken:
                return False
            start += 1 << level
        return True

    def end(self, size: int) -> Whole | None:
        """Compare what is stored above the ranges; None where it is not as it must be."""
        if self._end != size or self._upper.fault() is not None or self._nodes.beyond(size):
            return None
        root = root_of({**self._rest, **self._upper.peaks()})
        return Whole(self._recorded_at, self._requests, root)
