"""Files that banks, vendors and providers deliver, as the readers take them.

A FOCUS file is handed over by its path, for it is read piece by piece; any other is read whole.
Files follow each other month by month, overlap, and are imported twice by mistake. So an importer
is told what is there, and a command that an earlier import recorded with the same content is a
repeat: it gets its first result, and nothing is recorded (R28).
This module must not know what is in a file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ledger import clock as clocks
from ledger import codec, requests
from ledger import commands as c
from ledger.errors import InvalidInput
from ledger.events import (
    ACCOUNT_PREFIX,
    NO_REQUEST,
    AccountOpened,
    CommandRefused,
    RecordedEvent,
)
from ledger.outcomes import Outcome
from projections.answers.terms import Formatter
from projections.reconciliation.focus.booking import FocusImporter
from projections.reconciliation.focus.fitting import by_currency
from projections.reconciliation.imports import NAMELESS, Importer
from projections.reconciliation.known import known_of
from projections.reconciliation.readers import format_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from cli.bootstrap import Session
    from ledger.store import Reader
    from projections.reconciliation.lines import Statement

BYTES_MAX = 1 << 30


def statement_file(file: str, source: str) -> bytes | Path:
    """Read a file, or give its path. Raises: OSError, InvalidInput."""
    return delivered(file) if format_of(source).pieces else _whole(file)


def delivered(file: str) -> bytes | Path:
    """Return the path of a file that is read piece by piece, or the bytes of a pipe."""
    path = Path(file)
    return path if path.is_file() else _whole(file)


def _whole(file: str) -> bytes:
    path = Path(file)
    stream = sys.stdin.buffer if file == "-" else path.open("rb")
    with stream:
        body = stream.read(BYTES_MAX + 1)
    if len(body) > BYTES_MAX:
        raise InvalidInput("the file is larger than 1 GiB", hint="reconcile month by month")
    return body


class Begun(msgspec.Struct):
    """Where the ledger stood when the import of a file began: what its commands depend on."""

    position: int
    now: int
    offset: int


def importing(
    session: Session, statement: Statement, *, begun: Begun, dates_lost: bool = False
) -> tuple[Importer, Statement, Recorded]:
    """Return an importer, the statement in the ledger's words, and what is recorded of it."""
    kind = Importer
    accounts = _accounts(session.reader, until=begun.position)
    there = {line.account or NAMELESS for line in statement.lines}.intersection(accounts)
    if statement.source == "focus":
        kind = FocusImporter
        statement = by_currency(statement, currencies(session.reader, there))
        there = {line.account or NAMELESS for line in statement.lines}.intersection(accounts)
    recorded = Recorded(session, there, position=begun.position)
    known = known_of(session, statement, accounts, there, position=begun.position)
    importer = kind(
        Formatter(offset=begun.offset, currency=session.config.currency), now=begun.now,
        clock=begun.now if session.config.clock == clocks.SIMULATED else None,
        known=known._replace(notes=recorded.notes), dates_lost=dates_lost,
    )  # fmt: skip
    return importer, statement, recorded


def _accounts(reader: Reader, *, until: int) -> list[str]:
    """List the accounts that there were at a position."""
    streams = reader.streams()
    if until < reader.head().position:
        opened = ((stream, reader.stream_row(stream, 1)) for stream in streams)
        streams = [stream for stream, row in opened if row is not None and row[0] <= until]
    return [stream.removeprefix(ACCOUNT_PREFIX) for stream in streams]


def currencies(reader: Reader, accounts: Iterable[str]) -> dict[str, str]:
    """Return the currencies of those accounts that the ledger has."""
    found = {}
    for account in set(accounts):
        opened = reader.stream_row(ACCOUNT_PREFIX + account, 1)
        if opened is not None:
            event = codec.decode(opened[1]).event
            if isinstance(event, AccountOpened):
                found[account] = event.currency
    return found


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
