"""Answers kept while they hold: at a point of the past for as long as the log stays as it is.

Invariant: an answer is given again only to the same question over the same log and, where the
question leaves the present open, at the same simulated instant. This module must not know a page.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from cli.bootstrap import Session
from cli.explorer.asking import Reply, ask, refused, words_of
from ledger import clock, codec
from ledger.periods import format_instant
from projections.history.points import Point as Asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

KEPT_MAX: Final = 48 << 20  # bytes of answers; read as objects they take several times as much


class Stamp(NamedTuple):
    """What an answer rests on: the head, and the clock where it stands still (else None)."""

    position: int
    now: int | None


class PagePoint(NamedTuple):
    """Where a page stands: its point as it was resolved, and the ends of both sliders."""

    at: str
    known_at: str
    position: int
    starts: str
    now: str
    head: int
    ledger: str


class Answers:
    """One ledger's answers, asked or remembered."""

    def __init__(self, location: str) -> None:
        """Begin with none."""
        self.location = location
        self._kept: OrderedDict[tuple[object, ...], Reply] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._starts: int | None = None

    def stamp(self) -> Stamp:
        """Look where the log and the clock are."""
        with Session(self.location) as session:
            return _stamp(session)

    def look(self, point: Mapping[str, str]) -> tuple[Stamp, PagePoint]:
        """Resolve the point of a page. Raises: LedgerError."""
        with Session(self.location) as session:
            found, offset = session.at(Asked(**point) if point else None), session.offset
            if self._starts is None:
                row = session.reader.row(1)
                assert row is not None  # noqa: S101 - a ledger begins with its policy
                self._starts = codec.decode(row.body).recorded_at
            at, known_at, starts, now = (
                format_instant(instant, offset)
                for instant in (found.at, found.known_at, self._starts, session.now)
            )
            if found.everything:
                at = known_at = now
            stamp = _stamp(session)
            return stamp, PagePoint(
                at, known_at, found.position, starts, now, stamp.position, session.config.ledger
            )

    def reply(
        self, stamp: Stamp, name: str, arguments: Sequence[str], given: Iterable[tuple[str, str]]
    ) -> Reply:
        """Ask a command."""
        words = words_of(name, arguments, given)
        if isinstance(words, str):
            return refused(words, hint="see: tally serve --help")
        return self.kept(stamp, tuple(words), lambda: ask(self.location, words))

    def kept(self, stamp: Stamp, words: tuple[str, ...], make: Callable[[], Reply]) -> Reply:
        """Return what was made for the same words over the same log, or make it."""
        if stamp.now is None and not _pinned(words):
            return make()
        key = (words, stamp)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._bytes += len(made.body)
            while self._bytes > KEPT_MAX and self._kept:
                self._bytes -= len(self._kept.popitem(last=False)[1].body)
        return made

    def drawn(self, stamp: Stamp, words: tuple[str, ...], make: Callable[[], str]) -> str:
        """Return what was drawn for the same words over the same log, or draw it."""
        return self.kept(stamp, words, lambda: Reply(0, make().encode())).body.decode()


def _stamp(session: Session) -> Stamp:
    still = session.config.clock == clock.SIMULATED
    return Stamp(session.reader.head().position, session.now if still else None)


def _pinned(words: tuple[str, ...]) -> bool:
    """Return whether a question says on both axes what it means."""
    given = {word.partition("=")[0] for word in words}
    return "--as-of" in given or ("--at" in given and bool(given & {"--known-at", "--position"}))
