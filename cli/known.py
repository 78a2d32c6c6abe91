"""What the ledger has of a vendor's file before it is imported: known things, and true repeats.

Files follow each other month by month, overlap, and are imported twice by mistake. So an importer
is told what is there, and a command that an earlier import recorded with the same content is a
repeat: it gets its first result, and nothing is recorded (R28).
This module must not know what is in a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ledger import codec, requests
from ledger import commands as c
from ledger.events import ACCOUNT_PREFIX, NO_REQUEST, CommandRefused, RecordedEvent
from ledger.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from cli.bootstrap import Session

# What does not make another command of one: when and by whom it was told, and how safely.
_ASIDE = ("at", "actor", "reason", "effective_at", "token", "expected_version", "override")


class Recorded:
    """The commands that accounts have recorded, by their content."""

    def __init__(self, session: Session, accounts: Iterable[str], *, position: int) -> None:
        """Read the logs of these accounts up to a position."""
        self._offset = session.offset
        self._positions: dict[Hashable, list[tuple[int, ...]]] = {}
        self.notes: dict[tuple[str, str], str] = {}
        for account in accounts:
            bodies = session.reader.stream_bodies(ACCOUNT_PREFIX + account, until_position=position)
            self._read(codec.decode_all(bodies))

    def _read(self, stream: Iterable[RecordedEvent]) -> None:
        batch: list[RecordedEvent] = []
        for recorded in stream:
            if recorded.request != NO_REQUEST or recorded.command is None:
                self._note(batch)
                batch = []
            batch.append(recorded)
        self._note(batch)

    def _note(self, batch: Sequence[RecordedEvent]) -> None:
        if not batch or batch[0].request == NO_REQUEST or type(batch[0].event) is CommandRefused:
            return
        first = batch[0]
        command = requests.from_request(first.request)
        key = _content(command, first.effective_at)
        self._positions.setdefault(key, []).append(tuple(one.position for one in batch))
        if isinstance(command, c.CreditNote):
            self.notes[command.account, command.note] = command.bill

    def repeat_of(self, line: bytes | str) -> Outcome | None:
        """Return the first result of a command that is recorded already, None for a new one."""
        if not self._positions:
            return None
        command = c.normalise(c.parse(line), self._offset)
        effective = getattr(command, "effective_at", None) or command.at
        there = self._positions.get(_content(command, effective))
        if not there:
            return None
        taken_back = isinstance(command, c.ReverseTopUp)  # each time once: parts may be equal
        positions = there.pop(0) if taken_back else there[0]
        return Outcome(ok=True, positions=positions, duplicate=True)


def _content(command: c.AnyCommand, effective_at: Any) -> Hashable:
    """Return what a command says, so that two that say the same are equal."""
    said = msgspec.structs.asdict(command)
    for name in _ASIDE:
        said.pop(name, None)
    if isinstance(command, c.GrantCoupon):  # one that a bill implies ends when it is imported
        del said["ends"]
    if isinstance(command, c.ReverseTopUp):  # it has no name of its own
        said["effective_at"] = effective_at
    return type(command), *(
        (name, tuple(one) if isinstance(one, list) else one) for name, one in said.items()
    )
