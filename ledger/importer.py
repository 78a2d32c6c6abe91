"""Imports: many commands from a file or a pipe, in batches, resumable after any interruption.

Each transaction also notes how many lines of the input it covers and their SHA-256, so ``resume``
finds the longest recorded beginning of the same input and goes on behind it.
Invariant: a line is recorded together with its note, or not at all.
"""

from __future__ import annotations

import hashlib
import json
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ledger import commands as c
from ledger.errors import BadLine, InvalidInput
from ledger.lines import LINE_MAX, bare, without_mark
from ledger.memory import no_cycles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ledger.application import Ledger, Outcome
    from ledger.store import Writer

BATCH_LINES = 2000
BATCH_BYTES = LINE_MAX
NOTES_KEY = "imports"
NOTES_MAX = 100


class Result(NamedTuple):
    """The outcome of one line of the input."""

    line: int
    outcome: Outcome


class _Cover:
    """How many lines of the input are covered, and their digest (line ends do not count)."""

    def __init__(self) -> None:
        self.lines = 0
        self._digest = hashlib.sha256()

    def add(self, line: bytes) -> None:
        self.lines += 1
        self._digest.update(without_mark(line).rstrip(b"\r\n") + b"\n")

    def note(self) -> list[int | str]:
        return [self.lines, self._digest.hexdigest()]


def _notes(text: str | None) -> dict[str, list[int | str]]:
    notes: dict[str, list[int | str]] = json.loads(text) if text else {}
    return notes


def import_lines(
    ledger: Ledger,
    source: Iterable[bytes | None],
    *,
    resume: bool = False,
    stop_on_refusal: bool = False,
    batch_lines: int = BATCH_LINES,
) -> Iterator[Result]:
    """Record every line of ``source`` and give what became of each.

    Empty lines are passed over; None says that no more is there for now, so that what a pipe
    has given is recorded without waiting for the rest.
    Raises: BadLine; what was recorded before it stays.
    """
    with no_cycles():
        yield from _import(
            ledger, iter(source), resume=resume, stop_on_refusal=stop_on_refusal,
            batch_lines=batch_lines,
        )  # fmt: skip


def _import(
    ledger: Ledger,
    lines: Iterator[bytes | None],
    *,
    resume: bool,
    stop_on_refusal: bool,
    batch_lines: int,
) -> Iterator[Result]:
    cover = _Cover()
    run = f"@{ledger.store.reader.head().position}"
    if resume:
        run, lines = _behind_recorded(ledger, lines, cover, run)
    for batch in _batches(lines, batch_lines):
        first_line = cover.lines + 1
        parsed, bad = _parse(batch, first_line)
        numbers = [number for number, _ in parsed]

        def note(writer: Writer, recorded: int, batch: Sequence[bytes] = batch) -> None:
            whole = recorded == len(numbers) and bad is None  # noqa: B023 - called at once
            last = numbers[recorded - 1] if recorded else cover.lines  # noqa: B023 - called at once
            for line in batch if whole else batch[: last - cover.lines]:
                cover.add(line)
            notes = _notes(writer.meta(NOTES_KEY))
            notes.pop(run, None)
            notes[run] = cover.note()
            for old in list(notes)[:-NOTES_MAX]:
                del notes[old]
            writer.set_meta(NOTES_KEY, json.dumps(notes))

        outcomes, failure = ledger.execute(
            [command for _, command in parsed], also=note, stop_on_refusal=stop_on_refusal
        )
        for number, outcome in zip(numbers, outcomes, strict=False):
            yield Result(number, outcome)
        if failure is not None:
            raise BadLine(line=numbers[len(outcomes)], error=failure)
        if len(outcomes) < len(numbers):  # stopped on a refusal
            return
        if bad is not None:
            raise bad


def _batches(lines: Iterator[bytes | None], most: int) -> Iterator[list[bytes]]:
    """Cut the input into batches, at None, at a number of lines and at a number of bytes."""
    batch: list[bytes] = []
    length = 0
    for line in lines:
        if line is not None:
            batch.append(line)
            length += len(line)
        if batch and (line is None or len(batch) >= most or length >= BATCH_BYTES):
            yield batch
            batch, length = [], 0
    if batch:
        yield batch


def _parse(
    batch: Sequence[bytes], first_line: int
) -> tuple[list[tuple[int, c.AnyCommand]], BadLine | None]:
    """Read commands up to the first line that is none."""
    parsed: list[tuple[int, c.AnyCommand]] = []
    for number, line in enumerate(batch, first_line):
        try:
            if bare(line).strip():
                parsed.append((number, c.parse(line)))
        except InvalidInput as error:
            return parsed, BadLine(line=number, error=error)
    return parsed, None


def _behind_recorded(
    ledger: Ledger, lines: Iterator[bytes | None], cover: _Cover, run: str
) -> tuple[str, Iterator[bytes | None]]:
    """Pass over the longest beginning of the input that a transaction of this ledger covers."""
    notes = _notes(ledger.store.reader.meta(NOTES_KEY))
    wanted = {int(note[0]) for note in notes.values()}
    last = max(wanted, default=0)
    probe = _Cover()
    held: list[bytes] = []  # read, but behind the last match
    for line in lines if last else ():
        if line is None:
            continue
        probe.add(line)
        held.append(line)
        if probe.lines in wanted:
            name = next((name for name, note in notes.items() if note == probe.note()), None)
            if name is not None:
                run = name
                for matched in held:
                    cover.add(matched)
                held.clear()
        if probe.lines >= last:
            break
    return run, chain(held, lines)
