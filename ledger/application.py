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
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ledger import clock as clocks
from ledger import codec, settings
from ledger import commands as c
from ledger.account import AccountState, evolve, fold
from ledger.catalog import Catalog
from ledger.engine import Engine, find_precedents, keys_used
from ledger.errors import (
    ClockWentBackwards,
    InvalidInput,
    NoSuchThing,
    WrongClock,
)
from ledger.events import (
    ACCOUNT_PREFIX,
    POLICY_STREAM,
    AutoRenewEnabled,
    PolicyAdopted,
    RecordedEvent,
    TopUpReceived,
    account_of,
)
from ledger.money import check_currency
from ledger.periods import format_instant
from ledger.policy import Policy
from ledger.repeats import is_repeat
from ledger.settings import CLOCK_KEY
from ledger.store.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ledger.connection import Connection
    from ledger.store import Reader, Store, Writer
    from ledger.store.rows import Request

STATES_MAX = 200_000  # accounts kept in memory before all are dropped and folded anew on demand


class Outcome(NamedTuple):
    """What became of one command: INTERFACE section 3's result, before it is written as JSON."""

    ok: bool
    positions: Sequence[int] = ()
    duplicate: bool = False
    warnings: Sequence[str] = ()
    code: str | None = None
    message: str | None = None
    hint: str | None = None
    rule: str | None = None


class Views(Protocol):
    """What the application needs of the stored views (projections/runner.py)."""

    def prepare(self, writer: Writer) -> None:
        """Catch the deadlines up, inside the writer's transaction."""
        ...

    def upcoming(
        self, connection: Connection, after: tuple[int, str] | None, limit: int
    ) -> Sequence[tuple[int, str]]:
        """Give stored deadlines in order, as the writer's connection sees them."""
        ...


def create(
    store: Store,
    *,
    clock: str,
    start: int,
    currency: str,
    policy: dict[str, str],
    ledger: str,
) -> None:
    """Record a new ledger's first event: its identity and every policy value (section 4).

    Raises: InvalidInput.
    """
    check_currency(currency)
    values = Policy()
    values.check(policy)
    values.adopt(policy, at=0)
    recorded = RecordedEvent(
        position=1, stream=POLICY_STREAM, version=1, recorded_at=start, effective_at=start,
        event=PolicyAdopted(values=values.values, ledger=ledger, currency=currency, clock=clock),
    )  # fmt: skip
    with store.writing() as writer:
        writer.append([_row(recorded)])
        if clock == clocks.SIMULATED:
            writer.set_meta(CLOCK_KEY, str(start))


def _row(recorded: RecordedEvent) -> Row:
    return Row(
        recorded.position, recorded.stream, recorded.version, codec.tag(type(recorded.event)),
        recorded.recorded_at, recorded.effective_at, codec.encode(recorded),
    )  # fmt: skip


class Ledger(Engine):
    """A ledger that is open for recording.

    Attributes:
        catalog: policy, prices and identity as of the last event folded.
        position: position of the last event folded or recorded here.

    """

    def __init__(self, store: Store, views: Views | None = None) -> None:
        """Fold the ledger's own streams; accounts are folded when they are first needed."""
        self.store = store
        self.views = views
        self._reader: Reader = store.reader
        super().__init__()
        self._forget()

    def _forget(self) -> None:
        self.restart()
        self.clock_at = 0
        self._requests: dict[tuple[str, str], Request] = {}
        self._load_catalog()

    # --- one transaction ------------------------------------------------------------------

    def execute(
        self,
        commands: Iterable[c.AnyCommand],
        *,
        also: Callable[[Writer, int], None] | None = None,
        stop_on_refusal: bool = False,
    ) -> tuple[list[Outcome], InvalidInput | None]:
        """Record commands in order, in one durable transaction.

        Gives the outcomes of what was recorded, and the error of the first command that is not
        one: it ends the batch, nothing of its line is recorded and what came before it stays.
        ``also`` is told how many commands were recorded, and writes in the same transaction.
        """
        outcomes: list[Outcome] = []
        failure: InvalidInput | None = None
        try:
            with self.store.writing() as writer:
                self._sync(writer)
                for command in commands:
                    mark, clock_at = len(self.pending), self.clock_at
                    try:
                        outcomes.append(self._execute(writer, command))
                    except InvalidInput as error:
                        del self.pending[mark:]
                        self.clock_at = clock_at
                        failure = error
                        break
                    if stop_on_refusal and not outcomes[-1].ok:
                        break
                self._append(writer)
                if also is not None:
                    also(writer, len(outcomes))
        except BaseException:
            self._forget()
            raise
        if failure is not None:
            self._forget()
        return outcomes, failure

    def advance(self, to: int | None = None) -> list[RecordedEvent]:
        """Move the clock (to ``to``, or on a system ledger to now) and run what falls due.

        Raises: WrongClock, ClockWentBackwards.
        """
        made: list[RecordedEvent] = []
        try:
            with self.store.writing() as writer:
                self._sync(writer)
                if to is not None and self.catalog.clock == clocks.SYSTEM:
                    raise WrongClock(what="tally clock advance", clock=clocks.SYSTEM)
                self._move(to)
                made = list(self.pending)
                self._append(writer)
        except BaseException:
            self._forget()
            raise
        return made

    @contextmanager
    def transaction(self) -> Iterator[tuple[Writer, int]]:
        """Run what is due, yield the writer and the instant, append what is decided within.

        What is pending is appended before it yields, so that the writer's reader sees it.
        """
        try:
            with self.store.writing() as writer:
                self._sync(writer)
                now = self._move(None)
                self._append(writer)
                yield writer, now
                self._append(writer)
        except BaseException:
            self._forget()
            raise

    def next_deadline(self) -> tuple[int, str] | None:
        """Give (instant, account) of what is due next."""
        with self.store.writing() as writer:
            self._sync(writer)
            return self.agenda.first()

    def now(self) -> int:
        """Give the ledger's clock: the simulated one, or the machine's, never before the log."""
        if self.catalog.clock == clocks.SIMULATED:
            return max(self.clock_at, self.recorded_at)
        return max(clocks.system_now(), self.recorded_at)

    # --- inside the transaction -----------------------------------------------------------

    def _sync(self, writer: Writer) -> None:
        """Fold in what others have recorded since, and let the stored deadlines catch up."""
        head = writer.head
        if head.position == 0:
            msg = "the ledger is empty"
            raise NoSuchThing(msg, hint="make one with: tally init")
        if len(self.states) > STATES_MAX:
            self._forget()
        if self.views is not None:
            self.agenda.read_through(partial(self.views.upcoming, writer.connection))
        self._reader = writer.reader
        if head.position != self.position:
            if self.position == 0:
                self._load_catalog()
            else:
                for recorded in codec.decode_all(self._reader.bodies(after=self.position)):
                    self._fold_in(recorded)
            self.position = head.position
            self.recorded_at = head.recorded_at
            if self.views is not None:
                self.views.prepare(writer)
            self.agenda.reset()
        self.clock_at = settings.clock_at(writer.meta(CLOCK_KEY))

    def _load_catalog(self) -> None:
        self.catalog = Catalog()
        reader = self._reader
        own: list[RecordedEvent] = []
        for stream in ("policy", "prices", "ledger"):
            own += codec.decode_all(reader.stream_bodies(stream))
        for recorded in sorted(own, key=lambda one: one.position):
            self.catalog.apply(recorded)
        self.recorded_at = reader.head().recorded_at
        self.clock_at = settings.clock_at(reader.meta(CLOCK_KEY))

    def _fold_in(self, recorded: RecordedEvent) -> None:
        account = account_of(recorded.stream)
        if account is None:
            self.catalog.apply(recorded)
        elif (state := self.states.get(account)) is not None:
            evolve(state, recorded)
        else:
            self.states.pop(account, None)

    def load(self, account: str) -> AccountState | None:
        """Give an account's state at the head, folding its stream on first need."""
        try:
            return self.states[account]
        except KeyError:
            bodies = self._reader.stream_bodies(ACCOUNT_PREFIX + account)
            state = fold(account, codec.decode_all(bodies)) if bodies else None
            self.states[account] = state
            return state

    def _move(self, to: int | None) -> int:
        """Move the clock to an instant, running everything due on the way (R57)."""
        if self.catalog.clock == clocks.SIMULATED:
            now = self.now() if to is None else to
            if now < self.now():
                offset = self.catalog.policy.calendar_offset
                raise ClockWentBackwards(
                    at=format_instant(now, offset), clock=format_instant(self.now(), offset)
                )
        else:
            now = self.now()
        self.run_due(until=now)
        if now != self.clock_at and self.catalog.clock == clocks.SIMULATED:
            self.clock_at = now
        return now

    def _execute(self, writer: Writer, command: c.AnyCommand) -> Outcome:
        """Move the clock to the command, then decide it. Raises: InvalidInput."""
        offset = self.catalog.policy.calendar_offset
        c.normalise(command, offset)
        if command.at is not None and self.catalog.clock == clocks.SYSTEM:
            raise WrongClock(what='"at" given', clock=clocks.SYSTEM)
        precedents, first = find_precedents(command, partial(self._request, writer))
        account = command.account if isinstance(command, c.AccountCommand) else None
        state = self.load(account) if account is not None and first is not None else None
        if first is not None and is_repeat(state, command, precedents):
            # Before the clock moves: a repeat is safe whenever it comes (R28).
            return self._first_result(first)
        now = self._move(None if command.at is None else int(command.at))
        made, refused = self.judge(command, now=now, precedents=precedents)
        positions = [one.position for one in made]
        if refused is not None:
            return Outcome(
                ok=False, positions=positions, code=refused.code, message=str(refused),
                hint=refused.remedy, rule=refused.rule,
            )  # fmt: skip
        self._requests.update(keys_used(command, made))
        if isinstance(command, c.SetPolicy):
            self._policy_changed(writer, now)
        return Outcome(ok=True, positions=positions, warnings=self._warnings(made))

    def _policy_changed(self, writer: Writer, now: int) -> None:
        """Compute every account's deadline anew, and run what the change made due (section 4)."""
        if self.views is not None:
            self._append(writer)
            self.views.prepare(writer)
            self.agenda.reset()
        else:
            self.reschedule_all()
        self.run_due(until=now)

    # --- idempotency ----------------------------------------------------------------------

    def _request(self, writer: Writer, scope: str, key: str) -> Request | None:
        return self._requests.get((scope, key)) or writer.request(scope, key)

    def _first_result(self, request: Request) -> Outcome:
        """Give the first result of a command again, with its warnings."""
        positions = range(request.first_position, request.last_position + 1)
        pending = {one.position: one for one in self.pending}
        found: list[RecordedEvent] = []
        for position in positions:
            if position in pending:
                found.append(pending[position])
            elif (row := self._reader.row(position)) is not None:
                found.append(codec.decode(row.body))
        return Outcome(
            ok=True, duplicate=True, positions=positions, warnings=self._warnings(found)
        )

    def _warnings(self, made: Sequence[RecordedEvent]) -> list[str]:
        restated = map(self.catalog.closes.warning, made)
        return [*warnings(made), *(said for said in restated if said is not None)]

    # --- writing --------------------------------------------------------------------------

    def _append(self, writer: Writer) -> None:
        if self.pending:
            writer.append([_row(recorded) for recorded in self.pending])
            self.pending.clear()
        for (scope, key), request in self._requests.items():
            writer.put_request(scope, key, request)
        self._requests.clear()
        self._write_clock(writer)

    def _write_clock(self, writer: Writer) -> None:
        if self.catalog.clock == clocks.SIMULATED and self.clock_at:
            writer.set_meta(CLOCK_KEY, str(self.clock_at))


def warnings(made: Iterable[RecordedEvent]) -> list[str]:
    """Say what a person should look at in a result (R3, R32)."""
    found: list[str] = []
    for recorded in made:
        event = recorded.event
        if type(event) is TopUpReceived and event.suspected_duplicate_of is not None:
            found.append(
                f"suspected duplicate of payment {event.suspected_duplicate_of}: the same amount "
                "within a minute (R3); both were received"
            )
        elif type(event) is AutoRenewEnabled and event.no_slot_left:
            found.append(
                f"instance {event.instance} has no auto-renewal slot left in this term (R32): "
                "renew it by hand"
            )
    return found
