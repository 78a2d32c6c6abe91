"""Which release of the program decided what: kept with each seal and each close.

A close says it in its event. A checkpoint has three lines and no more, so a seal's release is a
setting beside the log. Invariant: what was recorded up to a seal or close was decided by its
release or an earlier one; what came after the last one is nobody's yet.
This module must not know how a release is named.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from ledger.events import PeriodClosed
from ledger.loading import events_of_closes
from ledger.proof import seals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.events import RecordedEvent
    from ledger.proof.notes import SigningKey
    from ledger.proof.seals import Seal
    from ledger.store import Reader, Writer

_KEY = "release of seal {}"


def seal(writer: Writer, keys: Sequence[SigningKey], *, origin: str, release: str) -> Seal:
    """Sign a checkpoint, and keep which release did. Raises: IntegrityBroken."""
    before = seals.last_seal(writer.connection)
    made = seals.seal(writer.connection, keys, origin=origin, head=writer.head.position)
    if before is None or made.number != before.number:
        writer.set_meta(_KEY.format(made.number), release)
    return made


class Stretch(NamedTuple):
    """The log up to a position and its recorded instant, and the release that was there by then."""

    position: int
    recorded_at: int
    release: str


class Releases:
    """The releases that a ledger remembers, oldest first."""

    def __init__(self, reader: Reader) -> None:
        """Read them from the closes and beside the seals."""
        there: dict[int, str] = {}
        for recorded in events_of_closes(reader):
            event = recorded.event
            if isinstance(event, PeriodClosed) and event.release:
                there[recorded.position] = event.release
        for one in seals.stored_seals(reader.connection):
            release = reader.meta(_KEY.format(one.number))
            if release:
                there.setdefault(one.size, release)
        self.stretches = [
            Stretch(position, row.recorded_at, there[position])
            for position in sorted(there)
            if (row := reader.row(position)) is not None
        ]

    def of(self, recorded: RecordedEvent | None, derived: RecordedEvent | None) -> str | None:
        """Name the release that decided an event, or that should have; None: not known yet.

        What was never recorded has no position of its own: its recorded instant stands for it.
        """
        if recorded is not None:
            place = bisect_left(self.stretches, recorded.position, key=lambda one: one.position)
        elif derived is not None:
            place = bisect_left(
                self.stretches, derived.recorded_at, key=lambda one: one.recorded_at
            )
        else:
            return None
        return self.stretches[place].release if place < len(self.stretches) else None
