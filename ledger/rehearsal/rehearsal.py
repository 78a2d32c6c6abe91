"""A history decided again, in memory, from its facts and the clock.

The log is read in the order of positions, batch by batch. A command's batch gives the command
and its instant; a batch that the clock caused gives only the recorded instant at which the
ledger was awake. Invariant: the engine, its barrier and its order are those that recorded the
history (``ledger.engine``), so an unchanged history gives the same events again.
This module must not know what anybody wants to find out by it, and it writes nothing.
"""

from __future__ import annotations

from collections import deque
from heapq import merge
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from ledger import clock as clocks
from ledger import codec, requests
from ledger import commands as c
from ledger.engine import PAYMENTS, find_records, keys_used
from ledger.envelopes import batches
from ledger.errors import InvalidInput, Refused
from ledger.events import (
    ACCOUNT_PREFIX,
    LEDGER_STREAM,
    POLICY_STREAM,
    PRICES_STREAM,
    PolicyAdopted,
    RecordedEvent,
    account_of,
)
from ledger.rehearsal.changes import (
    NO_CHANGES,
    Changes,
    command_of,
    is_command,
    patched,
)
from ledger.rehearsal.fork import Fork
from ledger.repeats import Duplicate
from ledger.store import settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from ledger.store import Reader
    from ledger.store.rows import Request


class Step(NamedTuple):
    """A batch that was recorded, one that was decided again, or both of one command.

    Attributes:
        recorded: the recorded batch; empty for what only the rehearsal led to.
        derived: the batch decided again; empty for what it did not lead to.
        command: the command, for a command's step.
        error: why it was refused, or did not come from a command.
        duplicate: it repeats a command before it.
        inserted: number of the inserted command.
        noted: it is not decided again: the ledger's first event, a tag, what came before the
            first change.
        skipped: the command is left out.

    """

    recorded: Sequence[RecordedEvent]
    derived: Sequence[RecordedEvent]
    command: c.AnyCommand | None = None
    error: Refused | InvalidInput | None = None
    duplicate: bool = False
    inserted: int | None = None
    noted: bool = False
    skipped: bool = False

    @property
    def paired(self) -> bool:
        """Whether what was recorded and what was decided again belong together."""
        return self.command is not None or self.noted


def clock_end(reader: Reader) -> int:
    """Return the instant up to which everything due has certainly been recorded."""
    head = reader.head()
    return max(settings.clock_at(reader.meta(settings.CLOCK_KEY)), head.recorded_at)


def recorded_history(
    reader: Reader, accounts: Collection[str] | None
) -> Iterator[RecordedEvent]:
    """Return the log, or the accounts' part of it with the ledger's own streams, by position."""
    if accounts is None:
        return codec.decode_all(reader.bodies())
    streams = [POLICY_STREAM, PRICES_STREAM, *(ACCOUNT_PREFIX + name for name in accounts)]
    parts = [codec.decode_all(reader.stream_bodies(stream)) for stream in streams]
    parts.append(_refused_nowhere(reader, accounts))
    return merge(*parts, key=attrgetter("position"))


def _refused_nowhere(reader: Reader, accounts: Collection[str]) -> Iterator[RecordedEvent]:
    """Yield refusals that no account's log holds: the ledger's own, and before the opening."""
    for recorded in codec.decode_all(reader.stream_bodies(LEDGER_STREAM)):
        if whose(recorded) in (None, *accounts):
            yield recorded


def whose(recorded: RecordedEvent) -> str | None:
    """Return the account that an event is about, opened or not; None for the ledger's own."""
    account = account_of(recorded.stream)
    if account is None and recorded.stream == LEDGER_STREAM and is_command(recorded):
        command = requests.from_request(recorded.request)
        return command.account if isinstance(command, c.AccountCommand) else None
    return account


class Rehearsal(Fork):
    """Decides a recorded history again, whole or for some accounts, with or without changes."""

    def __init__(
        self,
        reader: Reader,
        *,
        accounts: Collection[str] | None = None,
        changes: Changes = NO_CHANGES,
        since: int | None = None,
        history: Iterable[RecordedEvent] | None = None,
    ) -> None:
        """Choose the history; ``accounts`` must hold every account that a change names.

        It stands before ``since``, by default before the first change: what was recorded by then
        cannot depend on it, so it is folded and not decided again. A pinned policy is in force
        from that instant on. The whole ledger is always decided from its first event: nobody
        could hold it in memory. ``history``: what ``recorded_history`` of the accounts gives,
        where it was read before.
        """
        if since is None:
            since = 0 if accounts is None else changes.since(reader)
        stands = reader.position_known_at(since - 1) if since else 0
        told = recorded_history(reader, accounts) if history is None else history
        if stands:
            told = list(told)
            self._before = [one for one in told if one.position <= stands]
            told = [one for one in told if one.position > stands]
        else:
            self._before = []
        super().__init__(reader, position=stands, before=self._before)
        self._after = told
        self._stands, self._since = stands, since
        self._accounts = accounts
        self._changes = changes
        self._inserts = deque(enumerate(changes.inserts))
        self._requests: dict[tuple[str, str], Request] = {}
        self._now_at = stands  # position of the recorded command that is decided again

    def run(self, *, until: int | None = None) -> Iterator[Step]:
        """Decide everything again up to an instant, inclusive; by default up to the clock."""
        end = clock_end(self._reader) if until is None else until
        yield from self._stand()
        for batch in batches(self._after):
            first = batch[0]
            if first.recorded_at > end:
                break
            yield from self._insert(before=first.recorded_at)
            if is_command(first):
                yield from self._clock(first.recorded_at)
                yield from self._again(batch)
            elif isinstance(first.event, PolicyAdopted):
                self._adopt(first)
                yield Step(batch, batch, noted=True)
            elif account_of(first.stream) is None:  # a note: a tag, a close, a reconciliation
                if self.config.clock == clocks.SIMULATED:
                    yield from self._clock(first.recorded_at)
                for recorded in batch:
                    self.config.apply(recorded)
                self.position += len(batch)
                self.recorded_at = first.recorded_at
                yield Step(batch, batch, noted=True)
            else:
                if self.config.clock == clocks.SYSTEM:
                    yield from self._clock(first.recorded_at)
                yield Step(batch, ())
        yield from self._insert(before=end + 1)
        yield from self._clock(end)

    def _stand(self) -> Iterator[Step]:
        """Yield what was recorded before, and begin to decide: from here on the changes hold."""
        if self._before:
            yield from (Step(batch, batch, noted=True) for batch in batches(self._before))
            self._pin()
            for account in self._accounts or ():
                self.load(account)
            self.reschedule_all()

    def _adopt(self, recorded: RecordedEvent) -> None:
        """Adopt the ledger's first event as it is: its identity and its policy."""
        self.config.apply(recorded)
        self.position = recorded.position
        self.recorded_at = recorded.recorded_at
        self._pin()

    def _pin(self) -> None:
        """Put the changed values back in force."""
        if self._changes.policy:
            self.config.policy.adopt(self._changes.policy, at=self._since)

    def _take(self) -> list[RecordedEvent]:
        made = list(self.pending)
        self.pending.clear()
        return made

    def _clock(self, now: int) -> Iterator[Step]:
        self.run_due(until=now)
        if self.pending:
            for batch in batches(self._take()):
                yield Step((), batch)

    def _again(self, batch: list[RecordedEvent]) -> Iterator[Step]:
        first = batch[0]
        if first.position in self._changes.skips:
            yield Step(batch, (), command=command_of(first), skipped=True)
            return
        command = command_of(first)
        values = self._changes.patches.get(first.position)
        if values:
            command = patched(command, values, offset=self.config.policy.calendar_offset)
        self._now_at = first.position
        yield from self._decide(command, now=first.recorded_at, recorded=batch)

    def _insert(self, *, before: int) -> Iterator[Step]:
        while self._inserts and self._inserts[0][1].at < before:
            number, (at, command) = self._inserts.popleft()
            yield from self._clock(at)
            yield from self._decide(command, now=at, number=number)

    def _decide(
        self,
        command: c.AnyCommand,
        *,
        now: int,
        recorded: Sequence[RecordedEvent] = (),
        number: int | None = None,
    ) -> Iterator[Step]:
        records, _ = find_records(command, self._lookup)
        error: Refused | InvalidInput | None = None
        duplicate = False
        try:
            made, error = self.decide(command, now=now, records=records)
        except Duplicate:
            made, duplicate = (), True
        except InvalidInput as invalid:
            made, error = (), invalid
        self.pending.clear()
        yield Step(recorded, made, command, error, duplicate, number)
        if error is None and made:
            self._requests.update(keys_used(command, made))
            if isinstance(command, c.SetPolicy):
                self._pin()
                self.reschedule_all()
                yield from self._clock(now)

    def _lookup(self, scope: str, key: str) -> Request | None:
        """Look a key up among what was decided again; other accounts' stand as recorded."""
        decided = self._requests.get((scope, key))
        if decided is not None or self._accounts is None:
            return decided
        stored = self._reader.request(scope, key)
        if stored is None or stored.first_position > self._now_at:
            return None
        if stored.first_position <= self._stands:
            return stored
        payer = stored.digest.decode(errors="replace").rpartition("\x1f")[0]
        return None if scope != PAYMENTS or payer in self._accounts else stored
