"""The engine: what is true so far, and what the next command or instant leads to.

One loop for a ledger that records (application.py) and for one that only rehearses
(rehearsal/): whoever drives it says when it is, takes what was decided out of ``pending`` and
does with it what it likes. Invariant: whatever is due runs in the order (due instant, account)
and before any later command, the catch-up barrier of R57; a refusal is one event and moves
nothing. This module must not know where events are kept, nor read a clock.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ledger import clock as clocks
from ledger import commands as c
from ledger import decider
from ledger.account import evolve
from ledger.account.ordering import next_due
from ledger.config import LedgerConfig
from ledger.envelopes import DecisionContext, envelop
from ledger.errors import Refused
from ledger.events import TopUpReceived
from ledger.repeats import NO_RECORDS, IdempotencyRecords
from ledger.store.rows import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ledger.envelopes import Provenance
    from ledger.events import AnyEvent, RecordedEvent
    from ledger.state import AccountState

PAYMENTS = "payment"
TOKENS = "token:"
CHUNK = 1000  # deadlines that are read ahead


class Decision(NamedTuple):
    """What became of a command: its events, and the error if a rule refused it."""

    made: Sequence[RecordedEvent]
    refused: Refused | None = None


class Engine:
    """Decides commands and due transitions, one after the other.

    Attributes:
        config: policy, prices and identity after the last event.
        states: the accounts in memory; None for one that does not exist.
        position: position of the last event.
        recorded_at: recorded instant of the last event.
        pending: events decided and not yet taken.

    """

    def __init__(self) -> None:
        """Start before the first event."""
        self.due = DueQueue()
        self.restart()

    def restart(self) -> None:
        """Go back to before the first event."""
        self.config = LedgerConfig()
        self.states: dict[str, AccountState | None] = {}
        self.position = 0
        self.recorded_at = 0
        self.pending: list[RecordedEvent] = []
        self.due.reset()

    def load(self, account: str) -> AccountState | None:
        """Return an account's state; every state of this engine was made here."""
        return self.states.get(account)

    def run_due(self, *, until: int) -> None:
        """Run everything due up to an instant, inclusive, in due order (R57)."""
        simulated = self.config.clock == clocks.SIMULATED
        while (entry := self.due.first()) is not None and entry[0] <= until:
            account = entry[1]
            state = self.load(account)
            deadline = next_due(state, self.config.policy) if state is not None else None
            if state is not None and deadline is not None and deadline.at <= until:
                recorded_at = deadline.at if simulated else until
                context = DecisionContext(deadline.at, recorded_at, self.position + 1)
                made = decider.transition(
                    state, deadline, config=self.config, context=context
                )
                self._add(made, recorded_at)
                deadline = next_due(state, self.config.policy)
            self.due.put(account, deadline.at if deadline is not None else None)

    def decide(
        self, command: c.AnyCommand, *, now: int, records: IdempotencyRecords
    ) -> Decision:
        """Decide a normalised command at an instant up to which everything due has run.

        Raises: Duplicate, InvalidInput; nothing was decided then.
        """
        context = DecisionContext(now, now, self.position + 1)
        config = self.config
        account = command.account if isinstance(command, c.AccountCommand) else None
        state = self.load(account) if account is not None else None
        try:
            if isinstance(command, (c.SetPrice, c.SetPolicy)):
                made = decider.decide_config(
                    command, config=config, context=context, records=records
                )
            elif state is None and isinstance(command, c.OpenAccount):
                state, made = decider.open_account(
                    command, config=config, context=context, records=records
                )
                self.states[command.account] = state
            else:
                made = decider.decide(
                    state, command, config=config, context=context, records=records
                )
        except Refused as error:
            recorded = decider.refusal(state, command, error, config=config, context=context)
            if state is not None:
                evolve(state, recorded)
            else:
                config.apply(recorded)
            self._add([recorded], now)
            # Its traceback holds frames that hold the error: a cycle, and all that is on the stack.
            return Decision([recorded], error.with_traceback(None))
        self._add(made, now)
        if state is not None:
            self.reschedule(state)
        return Decision(made)

    def reschedule(self, state: AccountState) -> None:
        """Note the account's next deadline."""
        deadline = next_due(state, self.config.policy)
        self.due.put(state.account, deadline.at if deadline is not None else None)

    def reschedule_all(self) -> None:
        """Compute every deadline in memory again: the policy has changed (section 4)."""
        for state in self.states.values():
            if state is not None:
                self.reschedule(state)

    def version_of(self, stream: str) -> int:
        """Return the last version of a stream that is not an account's."""
        return self.config.versions.get(stream, 0)

    def note(
        self, event: AnyEvent, provenance: Provenance, *,
        stream: str, now: int, cause: int | None = None,
    ) -> RecordedEvent:  # fmt: skip
        """Record an event of another stream than an account; no rule decides its command."""
        context = DecisionContext(now, now, self.position + 1)
        version = self.version_of(stream) + 1
        recorded = envelop(event, provenance, context, stream=stream, version=version, cause=cause)
        self.config.apply(recorded)
        self._add([recorded], now)
        return recorded

    def _add(self, made: Sequence[RecordedEvent], recorded_at: int) -> None:
        self.pending += made
        self.position += len(made)
        self.recorded_at = recorded_at


# --- which account is due next, over the whole ledger ---------------------------------------


class Upcoming(Protocol):
    """A stored view of deadlines."""

    def __call__(self, after: tuple[int, str] | None, limit: int, /) -> Sequence[tuple[int, str]]:
        """Return up to ``limit`` (due instant, account) pairs after one, in that order."""
        ...


def nothing_stored(_after: tuple[int, str] | None, _limit: int) -> Sequence[tuple[int, str]]:
    """Serve as the view of a ledger that is held in memory as a whole."""
    return ()


class DueQueue:
    """The next deadline of every account, in the order (due instant, account).

    Merges what this process has changed (a heap in memory) with a stored view of everyone's next
    deadline. Invariant: an account that was touched here is never taken from the view, which knows
    only what was committed before.
    """

    __slots__ = ("_ahead", "_current", "_done", "_heap", "_next", "_upcoming")

    def __init__(self) -> None:
        """Start with no stored view: everything is in memory."""
        self._upcoming: Upcoming = nothing_stored
        self.reset()

    def read_through(self, upcoming: Upcoming) -> None:
        """Read the stored view through this transaction from now on."""
        self._upcoming = upcoming

    def reset(self) -> None:
        """Forget what is in memory: the stored view has caught up."""
        self._heap: list[tuple[int, str]] = []
        self._current: dict[str, int | None] = {}
        self._ahead: Sequence[tuple[int, str]] = ()
        self._next = 0
        self._done = False

    def __len__(self) -> int:
        """Return how many accounts are in memory."""
        return len(self._current)

    def put(self, account: str, due_at: int | None) -> None:
        """Note the account's next deadline, None for none."""
        if account in self._current and self._current[account] == due_at:
            return
        self._current[account] = due_at
        if due_at is not None:
            heappush(self._heap, (due_at, account))

    def first(self) -> tuple[int, str] | None:
        """Return the first (due instant, account) over all."""
        heap = self._heap
        while heap and self._current.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        stored = self._first_stored()
        if not heap:
            return stored
        return heap[0] if stored is None else min(heap[0], stored)

    def _first_stored(self) -> tuple[int, str] | None:
        while True:
            while self._next < len(self._ahead):
                entry = self._ahead[self._next]
                if entry[1] not in self._current:
                    return entry
                self._next += 1
            if self._done:
                return None
            last = self._ahead[-1] if self._ahead else None
            self._ahead = self._upcoming(last, CHUNK)
            self._next = 0
            self._done = len(self._ahead) < CHUNK


# --- idempotency keys (R3, R28) ----------------------------------------------------------------


def payment_key(channel: str, serial: str) -> str:
    """Return the key of a payment, unique in the whole ledger (R3)."""
    return f"{channel}\x1f{serial}"


def payer_and_amount(request: Request) -> tuple[str, int]:
    """Read what is remembered of a payment."""
    payer, _, amount = request.digest.decode().rpartition("\x1f")
    return payer, int(amount)


def find_records(
    command: c.AnyCommand, lookup: Callable[[str, str], Request | None]
) -> tuple[IdempotencyRecords, Request | None]:
    """Look up a command's keys; also return the request that it duplicates."""
    token = payment = None
    if command.token is not None:
        token = lookup(TOKENS + (_account(command) or ""), command.token)
    if isinstance(command, c.TopUp):
        payment = lookup(PAYMENTS, payment_key(command.channel, command.serial))
    if token is None and payment is None:
        return NO_RECORDS, None
    paid = payer_and_amount(payment) if payment is not None else None
    return IdempotencyRecords(token.digest if token else None, paid), token or payment


def keys_used(
    command: c.AnyCommand, made: Sequence[RecordedEvent]
) -> list[tuple[tuple[str, str], Request]]:
    """Return what is to be remembered of an accepted command's keys."""
    keys: list[tuple[tuple[str, str], Request]] = []
    if not made:
        return keys
    account = _account(command) or ""
    first, last = made[0].position, made[-1].position
    if command.token is not None:
        request = Request(bytes(made[0].request), first, last)
        keys.append(((TOKENS + account, command.token), request))
    event = made[0].event
    if type(event) is TopUpReceived:
        digest = f"{account}\x1f{event.amount}".encode()
        key = PAYMENTS, payment_key(event.channel, event.serial)
        keys.append((key, Request(digest, first, last)))
    return keys


def _account(command: c.AnyCommand) -> str | None:
    return command.account if isinstance(command, c.AccountCommand) else None
