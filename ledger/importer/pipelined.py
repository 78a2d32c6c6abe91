"""An import in two processes: this one decides, another writes and commits (``--workers 2``).

Invariant: a result is given only after its batch was committed. Where the other process cannot go
on (somebody else has written, the disk is full, it was killed), or the lock is needed to go on,
what is not committed is decided again here, alone, which also says what is wrong.
This module must not know how batches get to the other process.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ledger.errors import BadLine, InvalidInput
from ledger.store.handover import Handover, HandoverLost
from ledger.store.writing import LockNeeded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ledger.importer.run import ImportRun, Place
    from ledger.outcomes import LineResult


class _Flight(NamedTuple):
    """A batch that is decided; ``number``: how many were sent with it."""

    number: int
    batch: Sequence[bytes]
    place: Place
    results: Sequence[LineResult]


class _Import:
    """One import, and the batches that are decided and not committed."""

    def __init__(self, run: ImportRun, *, stop_on_refusal: bool) -> None:
        self._run = run
        self._stop_on_refusal = stop_on_refusal
        self._over: Handover | None = None
        self._flying: deque[_Flight] = deque()
        self._alone = False  # the other process was lost once

    def record(self, batch: Sequence[bytes], *, wait: bool) -> Iterator[LineResult]:
        """Decide a batch, and give what has been committed by now; ``wait``: it too."""
        place, error = self._run.place(), None
        undecided = [_Flight(0, batch, place, ())]
        if self._alone or self._run.ledger.full:
            yield from self.finish(undecided)
            return
        try:
            over = self._over = self._over or Handover(self._run.ledger.store.location)
            results: list[LineResult] = []
            try:
                for result in self._decided(batch, over):
                    results.append(result)  # noqa: PERF402 - those before a bad line count
            except BadLine as bad:
                error = bad
            self._flying.append(_Flight(over.sent, batch, place, results))
            undecided.clear()
            if wait or error is not None or self._run.stopped:
                over.drain()
        except (HandoverLost, LockNeeded):
            yield from self.finish(undecided)
            return
        yield from self._landed()
        if error is not None:
            raise error

    def finish(self, undecided: Sequence[_Flight] = ()) -> Iterator[LineResult]:
        """End the other process, and decide here what it has not committed."""
        if self._over is not None:
            self._alone = not self._over.end()
            yield from self._landed()
            self._over = None
        again = [*self._flying, *undecided]
        if self._flying:
            self._run.ledger.forget()  # it holds what was decided and never recorded
            self._flying.clear()
        if again:
            self._run.go_back(again[0].place)
        for flight in again:
            yield from self._run.record(flight.batch, stop_on_refusal=self._stop_on_refusal)
            if self._run.stopped:
                return

    def close(self) -> None:
        """End the other process; what was sent whole is committed."""
        if self._over is not None:
            self._over.end()
            self._over = None

    def _decided(self, batch: Sequence[bytes], over: Handover) -> Iterator[LineResult]:
        return self._run.record(
            batch, stop_on_refusal=self._stop_on_refusal, writing=over.writing
        )

    def _landed(self) -> Iterator[LineResult]:
        assert self._over is not None  # noqa: S101 - something was sent
        while self._flying and self._flying[0].number <= self._over.committed:
            yield from self._flying.popleft().results


def pipelined(
    run: ImportRun, batches: Iterable[tuple[Sequence[bytes], bool]], *, stop_on_refusal: bool
) -> Iterator[LineResult]:
    """Record batches in two processes; each with whether more input waits for its results.

    Raises: InvalidInput, BadLine.
    """
    location = run.ledger.store.location
    if not Path(location).is_file():
        msg = f"two processes write a ledger in a file, and {location} is not a file"
        raise InvalidInput(msg, hint="leave out --workers")
    run.ledger.next_deadline()  # folds in, under the lock, what others have recorded
    one = _Import(run, stop_on_refusal=stop_on_refusal)
    try:
        for batch, waits in batches:
            yield from one.record(batch, wait=waits) if batch else one.finish()
            if run.stopped:
                return
        yield from one.finish()
    finally:
        one.close()
