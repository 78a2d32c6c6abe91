"""A vendor's file as lines of commands for ``tally import --from``, the same ones whenever asked.

What the lines say depends on where the clock stood and which accounts there were when the import
began. The first run notes both with what it records, so that ``--resume`` makes the same lines.
Files follow each other month by month, overlap, and are imported twice by mistake. So an importer
is told what is there, and a command that an earlier import recorded with the same content is a
repeat: it gets its first result, and nothing is recorded (R28).
"""

from __future__ import annotations

import hashlib
import io
import json
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import msgspec

from cli.deliveries import statement_file
from cli.render import note
from ledger import clock as clocks
from ledger import codec, requests
from ledger import commands as c
from ledger.errors import BadLine
from ledger.events import ACCOUNT_PREFIX, NO_REQUEST, AccountOpened, CommandRefused, RecordedEvent
from ledger.importer.run import Origin
from ledger.outcomes import LineResult, Outcome
from ledger.store.settings import SettingBroken
from projections.answers.terms import Formatter
from projections.reconciliation.focus.booking import FocusImporter
from projections.reconciliation.focus.delivery import sha256_of
from projections.reconciliation.focus.fitting import by_currency
from projections.reconciliation.imports import NAMELESS, Importer, known_of
from projections.reconciliation.lines import BadStatement
from projections.reconciliation.readers import format_of, read_statement, source_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from cli.bootstrap import Session
    from ledger.store import Reader
    from projections.reconciliation.lines import Statement

# What does not make another command of one: when and by whom it was told, and how safely.
_ASIDE = ("at", "actor", "reason", "effective_at", "token", "expected_version", "override")


class Converted(NamedTuple):
    """A vendor's file as lines of commands; ``repeats``: results of lines recorded already."""

    statement: Statement
    lines: Sequence[str]
    repeats: Mapping[int, Outcome]
    origin: Origin

    @property
    def new(self) -> BinaryIO:
        """The lines that are not recorded yet."""
        return io.BytesIO("".join(
            f"{line}\n" for number, line in enumerate(self.lines, 1) if number not in self.repeats
        ).encode())

    def with_repeats(self, results: Iterable[LineResult]) -> Iterator[LineResult]:
        """Return the results of all lines, those of the new ones under their own numbers.

        Raises: BadLine, under its own number.
        """
        news = [number for number in range(1, len(self.lines) + 1) if number not in self.repeats]

        def numbered() -> Iterator[LineResult]:
            try:
                for result in results:
                    yield result._replace(line=news[result.line - 1])
            except BadLine as error:
                raise BadLine(line=news[error.line - 1], error=error.error) from None

        repeats = (LineResult(*one) for one in sorted(self.repeats.items()))
        return merge(numbered(), repeats, key=lambda one: one.line)


def converted(
    session: Session, file: str, name: str, *,
    resume: bool, account: str, encoding: str, dates_lost: bool,
) -> Converted:  # fmt: skip
    """Turn a vendor's file into lines of commands. Raises: SettingBroken."""
    body = statement_file(file, name)
    digest = _digest(body, repr((name, account, encoding, dates_lost)))
    key = f"import-of:{name}:{digest}"
    begun = _noted(session, key) if resume else None
    if begun is None:
        begun = Begun(session.reader.head().position, session.now, session.offset)
    try:
        statement = read_statement(
            body, name, offset=begun.offset, currency=session.config.currency,
            encoding=encoding, account=account,
        )  # fmt: skip
    except BadStatement as error:
        hint = remedy(body) if "--source" in (error.hint or "") else error.hint
        raise BadStatement(str(error), hint=hint) from None
    importer, statement, recorded = importing(
        session, statement, begun=begun, dates_lost=dates_lost
    )
    importer.origin = f"{Path(file).name} sha256:{sha256_of(body)}"
    lines = [json.dumps(command, ensure_ascii=False) for command in importer.commands(statement)]
    for said in importer.unsaid:
        note(f"note: {said}")
    origin = Origin(f"{name}:{digest}", key, msgspec.json.encode(begun).decode())
    repeats = {
        number: repeat for number, line in enumerate(lines, 1)
        if (repeat := recorded.repeat_of(line)) is not None
    }  # fmt: skip
    return Converted(statement, lines, repeats, origin)


def remedy(body: bytes | Path) -> str:
    """Return how the ledger takes a file of another kind than it was imported as."""
    found = source_of(body)
    if not found:
        return ""
    if not format_of(found).vendor:
        return f"it looks like {found}: compare it with tally reconcile --source {found} --propose"
    return f"it looks like {found}: use --from {found}"


def _digest(body: bytes | Path, options: str) -> str:
    """Hash a file, and how it is to be read."""
    digest = hashlib.sha256(options.encode())
    if isinstance(body, Path):
        with body.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    else:
        digest.update(body)
    return digest.hexdigest()


def _noted(session: Session, key: str) -> Begun | None:
    text = session.reader.meta(key)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Begun)
    except msgspec.DecodeError:
        want = "the head of the ledger when an import began"
        raise SettingBroken(key, value=text, want=want) from None


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
