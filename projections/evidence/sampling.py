"""The sample of a pack: what it is drawn from, and how, so that anybody can draw it again.

Invariant: the frame holds every event that the period is about: recorded in it, or effective in
it and recorded whenever. Memory is that of the spans of the frame and of what is drawn.
"""

from __future__ import annotations

from hashlib import sha256
from heapq import nsmallest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.events import RecordedEvent
    from ledger.periods import Period

FRAME_COLUMNS = ("from", "to")
METHOD = (
    "The frame is every event that was recorded in the period or is effective in it, late and "
    "back-dated entries among them, as known at the checkpoint: the positions from..to of "
    "frame.csv, both included. Each position is ranked by the SHA-256 of the text SEED:POSITION; "
    "the lowest are drawn. Unless a seed was given it is the root of the checkpoint, which nobody "
    "could know while the events were recorded."
)


class Frame:
    """Positions that a sample is drawn from, as spans."""

    def __init__(self, period: Period) -> None:
        """Begin with none."""
        self._period = period
        self.spans: list[list[int]] = []

    def take(self, recorded: RecordedEvent) -> None:
        """Look at the next event of the log."""
        starts, ends = self._period.starts, self._period.ends
        if starts <= recorded.recorded_at < ends or starts <= recorded.effective_at < ends:
            if self.spans and self.spans[-1][1] == recorded.position - 1:
                self.spans[-1][1] = recorded.position
            else:
                self.spans.append([recorded.position, recorded.position])

    def __len__(self) -> int:
        """Count the positions."""
        return sum(last - first + 1 for first, last in self.spans)

    def __iter__(self) -> Iterator[int]:
        """Yield them in order."""
        for first, last in self.spans:
            yield from range(first, last + 1)

    def draw(self, seed: str, count: int) -> list[int]:
        """Choose the positions with the lowest SHA-256 of seed and number."""
        return sorted(
            nsmallest(count, self, key=lambda one: sha256(f"{seed}:{one}".encode()).digest())
        )
