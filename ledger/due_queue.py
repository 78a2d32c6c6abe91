"""Which account is due next, over the whole ledger.

Merges what this process has changed (a heap in memory) with a stored view of everyone's next
deadline, read ahead in chunks. Invariant: an account that was touched here is never taken from
the view, which knows only what was committed before. Order: (due instant, account).
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

CHUNK = 1000


class Upcoming(Protocol):
    """A stored view of deadlines."""

    def __call__(self, after: tuple[int, str] | None, limit: int, /) -> Sequence[tuple[int, str]]:
        """Return up to ``limit`` (due instant, account) pairs after one, in that order."""
        ...


def nothing_stored(_after: tuple[int, str] | None, _limit: int) -> Sequence[tuple[int, str]]:
    """Serve as the view of a ledger that is held in memory as a whole."""
    return ()


class DueQueue:
    """The next deadline of every account."""

    __slots__ = ("_ahead", "_current", "_done", "_heap", "_next", "_upcoming")

    def __init__(self) -> None:
        """Start with no stored view: everything is in memory."""
        self._upcoming: Upcoming = nothing_stored
        self.reset()

    def read_through(self, upcoming: Upcoming) -> None:
        """Read the stored view through this transaction from now on."""
        self._upcoming = upcoming

    def reset(self) -> None:
        """Forget what is in memory: the stored view has caught up."""
        self._heap: list[tuple[int, str]] = []
        self._current: dict[str, int | None] = {}
        self._ahead: Sequence[tuple[int, str]] = ()
        self._next = 0
        self._done = False

    def __len__(self) -> int:
        """Return how many accounts are in memory."""
        return len(self._current)

    def put(self, account: str, due_at: int | None) -> None:
        """Note the account's next deadline, None for none."""
        if account in self._current and self._current[account] == due_at:
            return
        self._current[account] = due_at
        if due_at is not None:
            heappush(self._heap, (due_at, account))

    def first(self) -> tuple[int, str] | None:
        """Return the first (due instant, account) over all."""
        heap = self._heap
        while heap and self._current.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        stored = self._first_stored()
        if not heap:
            return stored
        return heap[0] if stored is None else min(heap[0], stored)

    def _first_stored(self) -> tuple[int, str] | None:
        while True:
            while self._next < len(self._ahead):
                entry = self._ahead[self._next]
                if entry[1] not in self._current:
                    return entry
                self._next += 1
            if self._done:
                return None
            last = self._ahead[-1] if self._ahead else None
            self._ahead = self._upcoming(last, CHUNK)
            self._next = 0
            self._done = len(self._ahead) < CHUNK
