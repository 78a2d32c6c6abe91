"""One import: which lines are recorded, noted with them, so that it can be resumed.

Each transaction also notes how many lines of the input are recorded by then, under the digest of
those lines: what it covers, not who recorded it, so that no run can spoil the notes of another.
``resume`` finds the longest recorded beginning of the same input and goes on after it; it looks
again in every transaction, for another run may resume the same input at the same time.
Invariant: a line is recorded together with its note, or not at all.
"""

from __future__ import annotations

import hashlib
import json
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ledger import commands as c
from ledger.errors import BadLine, InvalidInput
from ledger.input.lines import bare, without_mark
from ledger.outcomes import LineResult
from ledger.store import settings
from ledger.store.errors import CannotKeep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from ledger.application import Ledger
    from ledger.store import Reader, Writer

COMMANDS = "commands"  # the source of an input that holds commands as they are
NOTES_MAX = 100  # that one run leaves behind; older ones lie within what the newer ones cover
OLD_KEY = "imports"  # older versions kept all notes in one setting


class Origin(NamedTuple):
    """Where an input comes from: the name of its source, and a setting that its first run notes.

    The setting says what another run must know to make the same lines again.
    """

    source: str = COMMANDS
    key: str | None = None
    value: str = ""


class _Cover:
    """How many lines of the input are covered, and their digest (line ends do not count)."""

    def __init__(self, source: str) -> None:
        self.lines = 0
        self._source = source
        self._digest = hashlib.sha256()

    def add(self, *lines: bytes) -> None:
        self.lines += len(lines)
        plain = [without_mark(line).rstrip(b"\r\n") for line in lines]
        self._digest.update(b"\n".join([*plain, b""]))

    def copy(self) -> _Cover:
        other = _Cover(self._source)
        other.lines, other._digest = self.lines, self._digest.copy()
        return other

    @property
    def key(self) -> str:
        return f"import:{self._source}:{self._digest.hexdigest()}"


def _notes(reader: Reader, source: str) -> dict[str, int]:
    """Return how many lines each note covers, by key. Raises: SettingBroken."""
    first = f"import:{source}:"
    rows = reader.connection.execute(
        "SELECT key, value FROM meta WHERE key >= ? AND key < ?", (first, first[:-1] + ";")
    )
    notes = {key: settings.whole(key, value) for key, value in rows}
    old = reader.meta(OLD_KEY) if source == COMMANDS else None
    if old is not None:
        try:
            notes |= {f"{first}{digest}": int(lines) for lines, digest in json.loads(old).values()}
        except (ValueError, TypeError, AttributeError, RecursionError):
            want = "the notes of imports"
            raise settings.SettingBroken(OLD_KEY, value=old, want=want) from None
    return notes


Place = tuple[_Cover, list[str]]  # how far an import is


class ImportRun:
    """One import: what it has covered so far, and the notes it has left."""

    def __init__(self, ledger: Ledger, origin: Origin, *, resume: bool) -> None:
        """Begin before the first line."""
        self.stopped = False
        self.ledger = ledger
        self._origin = origin
        self._resume = resume
        self._cover = _Cover(origin.source)
        self._left: list[str] = []

    def behind_recorded(self, lines: Iterator[bytes | None]) -> Iterator[bytes | None]:
        """Pass over the longest beginning of the input that this ledger covers already."""
        if not self._resume:
            return lines
        notes = _notes(self.ledger.store.reader, self._origin.source)
        last = max(notes.values(), default=0)
        probe = self._cover.copy()
        held: list[bytes] = []  # read, but after the last match
        for line in lines if last else ():
            if line is None:
                continue
            probe.add(line)
            held.append(line)
            if notes.get(probe.key) == probe.lines:
                self._cover = probe.copy()
                held.clear()
            if probe.lines >= last:
                break
        return chain(held, lines)

    def place(self) -> Place:
        """Return how far the import is."""
        return self._cover.copy(), list(self._left)

    def go_back(self, place: Place) -> None:
        """Go back to where the import was: what it covered since was not recorded."""
        cover, left = place
        self._cover, self._left = cover.copy(), list(left)

    def record(
        self, batch: Sequence[bytes], *, stop_on_refusal: bool,
        writing: Callable[[], AbstractContextManager[Writer]] | None = None,
    ) -> Iterator[LineResult]:  # fmt: skip
        """Record a batch in one transaction. Raises: BadLine.

        Where the store cannot keep a text of it, halves are tried until that line is alone.
        """
        place = self.place()
        try:
            yield from self._record(batch, stop_on_refusal=stop_on_refusal, writing=writing)
        except CannotKeep as error:  # nothing of the batch was recorded, and nothing yielded
            self.go_back(place)
            if len(batch) == 1:
                named = InvalidInput(str(error), hint=error.hint)
                raise BadLine(line=self._cover.lines + 1, error=named) from None
            half = len(batch) // 2
            yield from self.record(batch[:half], stop_on_refusal=stop_on_refusal)
            if not self.stopped:
                yield from self.record(batch[half:], stop_on_refusal=stop_on_refusal)

    def _record(
        self, batch: Sequence[bytes], *, stop_on_refusal: bool,
        writing: Callable[[], AbstractContextManager[Writer]] | None = None,
    ) -> Iterator[LineResult]:  # fmt: skip
        parsed, bad = _parse(batch, self._cover.lines + 1)
        skipped = 0  # lines of this batch that another run has recorded meanwhile

        def wanted() -> Iterator[c.AnyCommand]:  # asked for under the write lock
            nonlocal skipped, parsed
            skipped = self._recorded_meanwhile(batch)
            first = self._cover.lines + skipped
            parsed = [(number, command) for number, command in parsed if number > first]
            for _, command in parsed:
                yield command

        def note(writer: Writer, recorded: int) -> None:
            whole = recorded == len(parsed) and bad is None
            last = parsed[recorded - 1][0] if recorded else self._cover.lines + skipped
            self._cover.add(*(batch if whole else batch[: last - self._cover.lines]))
            self._note(writer)

        outcomes, failure = self.ledger.execute(
            wanted(), also=note, stop_on_refusal=stop_on_refusal, writing=writing
        )
        for (number, _), outcome in zip(parsed, outcomes, strict=False):
            yield LineResult(number, outcome)
        if failure is not None:
            raise BadLine(line=parsed[len(outcomes)][0], error=failure)
        self.stopped = len(outcomes) < len(parsed)  # on a refusal
        if bad is not None and not self.stopped:
            raise bad

    def _recorded_meanwhile(self, batch: Sequence[bytes]) -> int:
        """Count the first lines of a batch that another run of the same input has recorded."""
        if not self._resume:
            return 0
        notes = _notes(self.ledger.store.reader, self._origin.source)
        if max(notes.values(), default=0) <= self._cover.lines:
            return 0
        probe, found = self._cover.copy(), 0
        for line in batch:
            probe.add(line)
            if notes.get(probe.key) == probe.lines:
                found = probe.lines - self._cover.lines
        return found

    def _note(self, writer: Writer) -> None:
        """Note what is covered by now, and forget the oldest note of this run."""
        if not self._cover.lines:
            return
        key = self._origin.key
        if key is not None and not self._left and writer.meta(key) is None:
            writer.set_meta(key, self._origin.value)
        writer.set_meta(self._cover.key, str(self._cover.lines))
        self._left.append(self._cover.key)
        if len(self._left) > NOTES_MAX:
            writer.drop_meta(self._left.pop(0))


def _parse(
    batch: Sequence[bytes], first_line: int
) -> tuple[list[tuple[int, c.AnyCommand]], BadLine | None]:
    """Read commands up to the first line that is not a command."""
    parsed: list[tuple[int, c.AnyCommand]] = []
    for number, line in enumerate(batch, first_line):
        try:
            if bare(line).strip():
                parsed.append((number, c.parse(line)))
        except InvalidInput as error:
            return parsed, BadLine(line=number, error=error)
    return parsed, None
