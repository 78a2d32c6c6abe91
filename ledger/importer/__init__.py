"""Imports: many commands from a file or a pipe, in batches, resumable after any interruption.

What an import has recorded stands in ``run``; ``pipelined`` lets a second process write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.importer.run import ImportRun, Origin
from ledger.input.lines import LINE_MAX
from ledger.memory import no_cycles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ledger.application import Ledger
    from ledger.outcomes import LineResult

BATCH_LINES = 8000  # a page that many lines touch is written once a batch (decision 0092)
BATCH_BYTES = LINE_MAX


def import_lines(
    ledger: Ledger,
    source: Iterable[bytes | None],
    *,
    resume: bool = False,
    stop_on_refusal: bool = False,
    batch_lines: int = BATCH_LINES,
    origin: Origin | None = None,
    workers: int = 1,
) -> Iterator[LineResult]:
    """Record every line of ``source`` and give what became of each.

    Empty lines are passed over; None means no more input yet, so that what a pipe
    has given is recorded without waiting for the rest.
    ``workers``: 2 lets another process write what this one decides.
    Raises: BadLine; what was recorded before it stays.
    """
    run = ImportRun(ledger, origin or Origin(), resume=resume)
    with no_cycles():
        batches = _batches(run.behind_recorded(iter(source)), batch_lines)
        if workers > 1:
            from ledger.importer.pipelined import pipelined  # noqa: PLC0415 - for two processes alone

            yield from pipelined(run, batches, stop_on_refusal=stop_on_refusal)
            return
        for batch, _ in batches:
            if not batch:
                continue
            yield from run.record(batch, stop_on_refusal=stop_on_refusal)
            if run.stopped:
                return


def _batches(lines: Iterator[bytes | None], most: int) -> Iterator[tuple[list[bytes], bool]]:
    """Cut the input into batches, at None, at a number of lines and at a number of bytes.

    Each comes with whether it ends at None: who sends the input may wait for its results, those
    of an empty batch too.
    """
    batch: list[bytes] = []
    length = 0
    for line in lines:
        if line is not None:
            batch.append(line)
            length += len(line)
        if line is None or len(batch) >= most or length >= BATCH_BYTES:
            yield batch, line is None
            batch, length = [], 0
    if batch:
        yield batch, True
