"""The ledger as an application: load, run what is due, decide, append, remember.

One transaction records a batch of commands: the store's write lock makes this process the only
writer, so states kept in memory stay true until another process appends, which is noticed by the
head and folded in. Invariant: everything due at or before an instant is recorded before any
command at that instant (the catch-up barrier, R57); a batch is recorded whole or not at all.
This module must not know projections: their views are handed in (cli/bootstrap.py wires them).
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol

from ledger import clock as clocks
from ledger import codec, kept
from ledger import commands as c
from ledger.account import evolve
from ledger.certain import certain
from ledger.engine import Engine, find_records, keys_used
from ledger.errors import ClockWentBackwards, InvalidInput, NoSuchThing, WrongClock
from ledger.events import RecordedEvent, account_of
from ledger.loading import load_config
from ledger.memory import WEIGHT, let_go, weight
from ledger.outcomes import Outcome, warnings
from ledger.periods import format_instant
from ledger.repeats import is_repeat
from ledger.store import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from ledger.connection import Connection
    from ledger.state import AccountState
    from ledger.store import Reader, Store, Writer
    from ledger.store.rows import Request

STEP = 2000  # events that are held before they are appended, inside the transaction
HELD_MAX = 3_000_000  # what accounts in memory may weigh before some are dropped
FOLDED_AT_ONCE = 1000  # accounts that a change of policy folds beside those in memory


class ViewWriter(Protocol):
    """What the application needs of the stored views (projections/runner.py)."""

    def prepare(self, writer: Writer) -> None:
        """Catch the deadlines up, inside the writer's transaction."""
        ...

    def upcoming(
        self, connection: Connection, after: tuple[int, str] | None, limit: int
    ) -> Sequence[tuple[int, str]]:
        """Return stored deadlines in order, as the writer's connection sees them."""
        ...


class Ledger(Engine):
    """A ledger that is open for recording.

    Attributes:
        config: policy, prices and identity as of the last event folded.
        position: position of the last event folded or recorded here.
        step: events that are held before they are appended.
        held_max: what accounts in memory may weigh.

    """

    def __init__(self, store: Store, views: ViewWriter | None = None) -> None:
        """Fold the ledger's own streams; accounts are folded when they are first needed."""
        self.store = store
        self.views = views
        self._reader: Reader = store.reader
        self._writer: Writer | None = None  # of the transaction that is open
        self._mark: int | None = None  # position before the command that is decided
        self.step = STEP
        self.held_max = HELD_MAX
        self._saved = False  # a part of that command's events is appended already
        super().__init__()
        self.forget()

    def forget(self) -> None:
        """Forget what is in memory: it is read again when it is needed."""
        self.restart()
        self._reader = self.store.reader
        self.clock_at = 0
        self._held = 0  # what accounts in memory weigh
        self._recent: set[str] = set()  # those that were asked for since some were dropped
        self._requests: dict[tuple[str, str], Request] = {}
        self._load_config()

    # --- one transaction ------------------------------------------------------------------

    def execute(
        self,
        commands: Iterable[c.AnyCommand],
        *,
        also: Callable[[Writer, int], None] | None = None,
        stop_on_refusal: bool = False,
        writing: Callable[[], AbstractContextManager[Writer]] | None = None,
    ) -> tuple[list[Outcome], InvalidInput | None]:
        """Record commands in order, in one durable transaction.

        Gives the outcomes of what was recorded, and the error of the first invalid
        command: it ends the batch, nothing of its line is recorded and what came before it stays.
        ``also`` is told how many commands were recorded, and writes in the same transaction.
        ``writing`` opens it, in the place of the store; what it gives may not hold the lock.
        """
        outcomes: list[Outcome] = []
        failure: InvalidInput | None = None
        with self._open(writing) as writer:
            for command in commands:
                self._mark, self._saved, clock_at = self.position, False, self.clock_at
                try:
                    outcomes.append(self._execute(writer, command))
                except InvalidInput as error:
                    self._undo(writer, clock_at)
                    failure = error
                    break
                if self._saved:
                    writer.keep()
                if len(self.pending) >= self.step:
                    self._flush(writer)
                if stop_on_refusal and not outcomes[-1].ok:
                    break
            self._append(writer)
            if also is not None:
                also(writer, len(outcomes))
        if failure is not None:
            self.forget()
        return outcomes, failure

    def advance(self, to: int | None = None) -> range:
        """Move the clock (to ``to``, or on a system ledger to now) and run what falls due.

        Gives the positions of what was recorded; ``recorded`` reads it.
        Raises: WrongClock, ClockWentBackwards.
        """
        with self._open():
            if to is not None and self.config.clock == clocks.SYSTEM:
                raise WrongClock(what="tally clock advance", clock=clocks.SYSTEM)
            before = self.position
            self._move(to)
        return range(before + 1, self.position + 1)

    def recorded(self, positions: range) -> Iterator[RecordedEvent]:
        """Read events from the log, a few at a time."""
        bodies = self.store.reader.bodies(after=positions.start - 1, until=positions.stop - 1)
        yield from codec.decode_all(bodies)

    @contextmanager
    def transaction(self) -> Iterator[tuple[Writer, int]]:
        """Run what is due, yield the writer and the instant, append what is decided within.

        What is pending is appended before it yields, so that the writer's reader sees it.
        """
        with self._open() as writer:
            now = self._move(None)
            self._append(writer)
            yield writer, now

    def version_of(self, stream: str) -> int:
        """Return the last version of a stream that is not an account's, looked up when needed."""
        if stream not in self.config.versions:
            self.config.versions[stream] = self._reader.stream_version(stream)
        return self.config.versions[stream]

    def next_deadline(self) -> tuple[int, str] | None:
        """Return (instant, account) of what is due next."""
        with self._open():
            return self.due.first()

    def now(self) -> int:
        """Return the ledger's clock: the simulated one, or the machine's, never before the log."""
        if self.config.clock == clocks.SIMULATED:
            return max(self.clock_at, self.recorded_at)
        return max(clocks.system_now(), self.recorded_at)

    # --- inside the transaction -----------------------------------------------------------

    @contextmanager
    def _open(
        self, writing: Callable[[], AbstractContextManager[Writer]] | None = None
    ) -> Iterator[Writer]:
        """Open a transaction and append what is decided in it; where it fails, forget all."""
        try:
            with (writing or self.store.writing)() as writer:
                self._sync(writer)
                yield writer
                self._append(writer)
        except BaseException:
            self.forget()
            raise
        finally:
            self._writer, self._mark, self._reader = None, None, self.store.reader

    def _sync(self, writer: Writer) -> None:
        """Fold in what others have recorded since, and let the stored deadlines catch up."""
        head = writer.head
        if head.position == 0:
            raise NoSuchThing("the ledger is empty", hint="make one with: tally init")
        self._writer = writer
        if self.views is not None:
            self.due.read_through(partial(self.views.upcoming, writer.connection))
        self._reader = writer.reader
        if head.position != self.position:
            if self.position == 0:
                self._load_config()
            else:
                for recorded in codec.decode_all(self._reader.bodies(after=self.position)):
                    self._fold_in(recorded)
            self.position = head.position
            self.recorded_at = head.recorded_at
            self._prepare(writer)
        self.clock_at = settings.clock_at(writer.meta(settings.CLOCK_KEY))
        self._let_go(writer)

    def _load_config(self) -> None:
        reader = self._reader
        self.config = load_config(reader)
        self.recorded_at = reader.head().recorded_at
        self.clock_at = settings.clock_at(reader.meta(settings.CLOCK_KEY))

    def _fold_in(self, recorded: RecordedEvent) -> None:
        account = account_of(recorded.stream)
        if account is None:
            self.config.apply(recorded)
        elif (state := self.states.get(account)) is not None:
            evolve(state, recorded)
        else:
            self.states.pop(account, None)

    def load(self, account: str) -> AccountState | None:
        """Return an account's state at the head, folding on what is kept of it on first need."""
        self._recent.add(account)
        try:
            return self.states[account]
        except KeyError:
            state = self.states[account] = kept.load(self._reader, account)
            self._held += weight(state)
            return state

    def _move(self, to: int | None) -> int:
        """Move the clock to an instant, running everything due on the way (R57)."""
        now, simulated = self.now(), self.config.clock == clocks.SIMULATED
        if simulated and to is not None:
            if to < now:
                offset = self.config.policy.calendar_offset
                raise ClockWentBackwards(
                    at=format_instant(to, offset), clock=format_instant(now, offset)
                )
            now = to
        self.run_due(until=now)
        if simulated:
            self.clock_at = now
        return now

    def _execute(self, writer: Writer, command: c.AnyCommand) -> Outcome:
        """Move the clock to the command, then decide it. Raises: InvalidInput."""
        offset = self.config.policy.calendar_offset
        c.normalise(command, offset)
        if command.at is not None and self.config.clock == clocks.SYSTEM:
            raise WrongClock(what='"at" given', clock=clocks.SYSTEM)
        records, first = find_records(command, partial(self._request, writer))
        account = command.account if isinstance(command, c.AccountCommand) else None
        state = self.load(account) if account is not None and first is not None else None
        if first is not None and is_repeat(state, command, records):
            # Before the clock moves: a repeat is safe whenever it comes (R28).
            return self._first_result(first)
        now = self._move(command.at)
        made, refused = self.decide(command, now=now, records=records)
        positions = [recorded.position for recorded in made]
        if refused is not None:
            return Outcome.of(refused, positions)
        self._requests.update(keys_used(command, made))
        if isinstance(command, c.SetPolicy):
            self._policy_changed(writer, now)
        return Outcome(ok=True, positions=positions, warnings=self._warnings(made))

    def _policy_changed(self, writer: Writer, now: int) -> None:
        """Compute every account's deadline again, and run what the change made due (section 4)."""
        if self.views is not None and not self._all_in_memory(writer):
            self._append(writer)
            self._prepare(writer)
        else:
            self.reschedule_all()
        self.run_due(until=now)

    def _all_in_memory(self, writer: Writer) -> bool:
        """Load the accounts not in memory yet, if they are few: no stored view is asked then."""
        missing = [name for name in writer.reader.accounts() if name not in self.states]
        if len(missing) > FOLDED_AT_ONCE or self.full:
            return False
        if missing:
            self._append(writer)
        for name in missing:
            self.load(name)
        return True

    # --- idempotency ----------------------------------------------------------------------

    def _request(self, writer: Writer, scope: str, key: str) -> Request | None:
        return self._requests.get((scope, key)) or writer.request(scope, key)

    def _first_result(self, request: Request) -> Outcome:
        """Return the first result of a command again, with its warnings."""
        positions = range(request.first_position, request.last_position + 1)
        held = self.pending[0].position if self.pending else self.position + 1
        made: list[RecordedEvent] = []
        for position in positions:
            if position >= held:
                made.append(self.pending[position - held])
            elif (row := self._reader.row(position)) is not None:
                made.append(codec.decode(row.body))
        return Outcome(ok=True, duplicate=True, positions=positions, warnings=self._warnings(made))

    def _warnings(self, made: Sequence[RecordedEvent]) -> list[str]:
        restated = map(self.config.closes.warning, made)
        return [*warnings(made), *(said for said in restated if said is not None)]

    # --- writing --------------------------------------------------------------------------

    def _add(self, made: Sequence[RecordedEvent], recorded_at: int) -> None:
        """Append what was decided in steps: a long jump is not held in memory."""
        super()._add(made, recorded_at)
        self._held += len(made)
        writer = certain(self._writer)  # events are decided inside a transaction
        if self._mark is None:
            if len(self.pending) >= self.step:
                self._flush(writer)
        elif self.position - self._mark >= self.step:
            self._step(writer, self._mark)

    def _step(self, writer: Writer, mark: int) -> None:
        """Append what one command alone makes due; it may yet prove to be none."""
        if not self._saved:
            if self.pending:
                self._write(writer, mark + 1 - self.pending[0].position)
            writer.save()
            self._saved = True
        if len(self.pending) >= self.step:
            self._flush(writer)

    def _flush(self, writer: Writer) -> None:
        self._write(writer, len(self.pending))
        self._let_go(writer)

    def _let_go(self, writer: Writer) -> None:
        """Drop accounts where there are too many in memory: the log holds all of them."""
        if not self.full or not writer.locked:
            return
        self._held = let_go(self.states, self._recent, most=self.held_max * 3 // 4)
        if self.views is not None and len(self.due) * WEIGHT > self.held_max:
            self._prepare(writer)

    def _prepare(self, writer: Writer) -> None:
        """Let the stored deadlines catch up, and go on from them. Raises: LockNeeded."""
        writer.require_lock()
        if self.views is not None:
            self.views.prepare(writer)
        self.due.reset()

    @property
    def full(self) -> bool:
        """Whether accounts in memory weigh so much that some are to be dropped."""
        return self._held > self.held_max

    def _undo(self, writer: Writer, clock_at: int) -> None:
        """Undo what the last line, which was not a command, has made due (exit 2)."""
        mark = certain(self._mark)  # set before each command
        if self._saved:
            writer.undo()
            self.pending.clear()
        elif self.pending:
            del self.pending[max(0, mark + 1 - self.pending[0].position) :]
        self.clock_at = clock_at

    def _write(self, writer: Writer, count: int) -> None:
        """Append the first events that are held."""
        if count > 0:
            writer.append(self.pending[:count])
            del self.pending[:count]

    def _append(self, writer: Writer) -> None:
        self._write(writer, len(self.pending))
        if self._requests:
            writer.put_requests(self._requests)
            self._requests.clear()
        if self.config.clock == clocks.SIMULATED and self.clock_at:
            writer.set_meta(settings.CLOCK_KEY, str(self.clock_at))
