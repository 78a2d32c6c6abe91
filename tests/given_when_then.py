"""A small world on a simulated clock over the engine: ``given(...).when(...).then(...)``.

Each command moves the clock to its ``at``, runs what is due, and is decided; every event that
comes out goes through the codec and back. Invariant: a refusal leaves the state as it was, and
only the audit event of it is recorded. There is no store here, and this file must not know any
rule.
"""

from __future__ import annotations

from copy import copy
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct

from ledger import codec
from ledger.account import evolve
from ledger.commands import AccountCommand, AnyCommand, SetPolicy, from_fields, normalise
from ledger.engine import Engine, find_records, keys_used
from ledger.envelopes import Provenance
from ledger.events import (
    ACCOUNT_PREFIX,
    LEDGER_STREAM,
    POLICY_STREAM,
    AnyEvent,
    PeriodClosed,
    PeriodReopened,
    PolicyAdopted,
    RecordedEvent,
    account_of,
    type_name,
)
from ledger.periods import format_instant, parse_instant, read_period
from ledger.repeats import is_repeat
from ledger.state import AccountState
from ledger.store.rows import Request
from projections.answers.events import data_of
from projections.answers.state import state_of
from projections.answers.terms import Formatter, Json
from projections.point import Point

A = "a-1"  # the account that everything is about unless it says otherwise
START = "2025-01-01T00:00:00"
PRICES = {"std": "100.00", "pro": "160.00", "free": "0"}
_NO_ACCOUNT = ("set-price", "set-policy")


class Wanted(NamedTuple):
    """An event to come: its type and the fields that matter, written as a log shows them."""

    name: str
    fields: dict[str, object]


class RefusedWith(NamedTuple):
    """A refusal to come."""

    code: str


class Past(NamedTuple):
    """An event that simply happened, for a ``given`` without its command."""

    event: AnyEvent
    at: str
    effective_at: str | None = None


Thing: TypeAlias = AnyCommand | Past
nothing = "nothing"
silent = "the first result again"


def do(name: str, at: str | None = None, /, **fields: object) -> AnyCommand:
    """Make a command as a line of JSON would, to account ``a-1`` unless it says otherwise."""
    asked = {"do": name, **({"at": at} if at else {}), **fields}
    return from_fields(asked if name in _NO_ACCOUNT else {"account": A, **asked})


def event(name: str, **fields: object) -> Wanted:
    """Want an event with these fields; ``at`` is its effective instant."""
    return Wanted(name, fields)


def refused(code: str) -> RefusedWith:
    """Want a refusal."""
    return RefusedWith(code)


def whole(thing: object) -> object:
    """Return everything that an object holds, to compare two of them; memos aside."""
    if isinstance(thing, dict):
        return {key: whole(cell) for key, cell in sorted(thing.items())}
    if isinstance(thing, list):
        return [whole(cell) for cell in thing]
    if isinstance(thing, Struct) or not type(thing).__module__.startswith("ledger."):
        return thing
    slots: tuple[str, ...] = getattr(thing, "__slots__", ())
    return {slot: whole(getattr(thing, slot)) for slot in slots if slot not in DERIVED}


DERIVED = ("next_due", "order", "changes")  # of a state: not what it holds, but how it is asked


class World(Engine):
    """The engine that records, with a log and a clock in memory.

    Attributes:
        log: what was recorded, by position.
        clock: the simulated one.
        result: what the last command or move of the clock led to.

    """

    states: dict[str, AccountState]  # type: ignore[assignment]  # nobody asks for what is not there

    def __init__(
        self, policy: dict[str, str] | None = None, *, start: str = START, accounts: int = 1
    ) -> None:
        """Adopt the policy, set three prices, open ``a-1`` (and ``a-2``, ...)."""
        super().__init__()
        self.log: list[RecordedEvent] = []
        self.result: list[RecordedEvent] | RefusedWith | str = nothing
        self._requests: dict[tuple[str, str], Request] = {}
        values = {**self.config.policy.values, **(policy or {})}
        self.clock = parse_instant(start, self.config.policy.calendar_offset)
        first = PolicyAdopted(values=values, ledger="test", currency="CNY", clock="simulated")
        self._noted(first, None, stream=POLICY_STREAM)
        self.given(*(do("set-price", sku=sku, monthly_price=PRICES[sku]) for sku in PRICES))
        self.given(*(do("open-account", account=f"a-{n + 1}") for n in range(accounts)))

    # --- given, when, then -----------------------------------------------------------------

    def given(self, *things: Thing) -> World:
        """Take commands (accepted, or the test is wrong) and events as the past."""
        for thing in things:
            if isinstance(thing, Past):
                self._past(thing)
                continue
            self.when(thing)
            assert not isinstance(self.result, RefusedWith), f"given {thing}: {self.result}"
        return self

    def closed(self, month: str, actor: str | None = "ops/lin") -> World:
        """Let a month that has ended be closed; what was derived for it does not matter here."""
        period = read_period(month, self.config.policy.calendar_offset)
        self.move(max(self.clock, period.ends))
        event = PeriodClosed(
            period=month, at=period.last, known_position=len(self.log), accounts=1, instances=0,
            trial_balance="", instance_states="", balances="",
        )  # fmt: skip
        return self._noted(event, actor)

    def reopened(self, month: str) -> World:
        """Let the close of a month be in force no longer."""
        close = self.config.closes.of(month)[-1].position
        return self._noted(PeriodReopened(period=month, close=close), "ops/lin")

    def _noted(
        self, event: AnyEvent, actor: str | None, *, stream: str = LEDGER_STREAM
    ) -> World:
        self.note(event, Provenance(actor=actor), stream=stream, now=self.clock)
        self._taken()
        return self

    def when(self, command: AnyCommand) -> World:
        """Move the clock to the command, run what is due, decide it; ``then`` looks at it."""
        command = normalise(copy(command), self.config.policy.calendar_offset)
        account = command.account if isinstance(command, AccountCommand) else ""
        records, _ = find_records(command, lambda scope, key: self._requests.get((scope, key)))
        if is_repeat(self.states.get(account), command, records):
            self.result = silent  # before the clock moves (R28)
            return self
        self.move(self.clock if command.at is None else command.at)
        before = whole(self.states.get(account))
        made, refused = self.decide(command, now=self.clock, records=records)
        recorded = self._taken()
        assert recorded == [*made]
        if refused is not None:
            self._nothing_moved(self.states.get(account), before)
            self.result = RefusedWith(refused.code)
            return self
        self._requests.update(keys_used(command, made))
        if isinstance(command, SetPolicy):
            self.reschedule_all()
            recorded += self.move(self.clock)  # what the change made due (section 4)
        self.result = recorded or nothing
        return self

    def _nothing_moved(self, state: AccountState | None, before: object) -> None:
        if state is not None:
            state.version -= 1
            assert whole(state) == before, "a refusal moved something"
            state.version += 1

    def when_clock(self, to: str) -> World:
        """Move the clock alone; ``then`` looks at all that fell due on the way."""
        self.result = self.move(self.instant(to)) or nothing
        return self

    def then(self, *wanted: Wanted | RefusedWith | str) -> World:
        """Compare what happened: the event types one for one, and the fields that are named."""
        if wanted and (isinstance(wanted[0], RefusedWith) or wanted[0] in (nothing, silent)):
            assert self.result == wanted[0], self.happened()
            return self
        assert isinstance(self.result, list), self.result
        asked = [Wanted(one, {}) if isinstance(one, str) else one for one in wanted]
        names = [one.name for one in asked if isinstance(one, Wanted)]
        assert [type_name(type(r.event)) for r in self.result] == names, self.happened()
        for recorded, one in zip(self.result, asked, strict=True):
            assert isinstance(one, Wanted)
            self._compare(recorded, one)
        return self

    def then_includes(self, *wanted: Wanted) -> World:
        """Find each of these events, in this order, among what happened."""
        assert isinstance(self.result, list), self.result
        rest = iter(self.result)
        for one in wanted:
            found = next((r for r in rest if type_name(type(r.event)) == one.name), None)
            assert found is not None, (one, self.happened())
            self._compare(found, one)
        return self

    # --- questions -------------------------------------------------------------------------

    @property
    def state(self) -> AccountState:
        """The state of account ``a-1``."""
        return self.states[A]

    def shown(self, account: str = A) -> Json:
        """Return an account as ``tally state`` shows it now."""
        point = Point(self.clock, self.clock, len(self.log), everything=True)
        return state_of(self.states[account], self.config.policy, point).plain()

    def instance(self, name: str = "i-1") -> Json:
        """Return one instance as ``tally state`` shows it."""
        return next(i for i in self.shown()["instances"] if i["instance"] == name)

    def coupon(self, name: str = "c-1") -> Json:
        """Return one coupon as ``tally state`` shows it."""
        return next(c for c in self.shown()["coupons"] if c["coupon"] == name)

    def instant(self, text: str) -> int:
        """Read an instant in the ledger's offset."""
        return parse_instant(text, self.config.policy.calendar_offset)

    def written(self, instant: int) -> str:
        """Write an instant without its offset: ``2025-11-02T06:30:00``."""
        return format_instant(instant, self.config.policy.calendar_offset)[:19]

    def happened(self, *names: str, account: str = A) -> list[tuple[str, str]]:
        """Return (effective instant, type) of the account's events, of some types or of all."""
        return [
            (self.written(r.effective_at), type_name(type(r.event)))
            for r in self.log
            if account_of(r.stream) == account
            and (not names or type_name(type(r.event)) in names)
        ]

    def details(self, name: str) -> list[Json]:
        """Return the fields of all events of a type, as a log shows them."""
        return [self._shown(r) for r in self.log if type_name(type(r.event)) == name]

    def stream(self, account: str = A) -> list[RecordedEvent]:
        """Return an account's events in the order of positions."""
        return [r for r in self.log if account_of(r.stream) == account]

    def offset(self) -> str:
        """Write the offset in force: ``+08:00``."""
        return format_instant(0, self.config.policy.calendar_offset)[19:]

    # --- the machinery ---------------------------------------------------------------------

    def move(self, to: int) -> list[RecordedEvent]:
        assert to >= self.clock, "the clock may not go backwards"
        self.run_due(until=to)
        self.clock = to
        return self._taken()

    def _taken(self) -> list[RecordedEvent]:
        """Move what was decided into the log."""
        made = list(self.pending)
        self.pending.clear()
        for recorded in made:
            assert codec.decode(codec.encode(recorded)) == recorded
            self.log.append(recorded)
            assert recorded.position == len(self.log)
        return made

    def _past(self, past: Past) -> None:
        at = self.instant(past.at)
        self.move(at)
        effective_at = at if past.effective_at is None else self.instant(past.effective_at)
        recorded = RecordedEvent(
            position=self.position + 1, stream=ACCOUNT_PREFIX + A, version=self.state.version + 1,
            recorded_at=at, effective_at=effective_at, event=past.event,
        )  # fmt: skip
        evolve(self.state, recorded)
        self._add([recorded], at)
        self.reschedule(self.state)
        self._taken()

    def _shown(self, recorded: RecordedEvent) -> Json:
        write = Formatter(offset=self.config.policy.calendar_offset, currency="CNY")
        fields: dict[str, Any] = {
            "at": write.instant(recorded.effective_at),
            "recorded_at": write.instant(recorded.recorded_at),
            "instance": getattr(recorded.event, "instance", None),
            **data_of(recorded.event, write),
        }
        return {
            name: cell[:19] if isinstance(cell, str) and cell.endswith("+08:00") else cell
            for name, cell in fields.items()
        }

    def _compare(self, recorded: RecordedEvent, one: Wanted) -> None:
        shown = self._shown(recorded)
        for name, cell in one.fields.items():
            assert shown[name] == cell, f"{one.name}.{name} is {shown[name]!r}, not {cell!r}"


def given(*things: Thing, policy: dict[str, str] | None = None, start: str = START) -> World:
    """Begin a story: a world with account ``a-1``, and what happened in it so far."""
    return World(policy, start=start).given(*things)


def top_up(amount: str, at: str | None = None, /, **fields: object) -> AnyCommand:
    """Pay into the wallet; the serial is made of the amount and the instant unless given."""
    key = {"channel": "alipay", "serial": f"{amount}@{at}"}
    return do("top-up", at, **{**key, "amount": amount, **fields})


def bill(name: str, amount: str, at: str, /, **fields: object) -> AnyCommand:
    """Post a bill on ``i-1`` whose cycle [06:00, 07:00) of 2025-01-01 ended long ago."""
    cycle = {"cycle_start": "2025-01-01T06:00:00", "cycle_end": "2025-01-01T07:00:00"}
    bill_of = {"instance": "i-1", "bill": name, "rated": amount, **cycle}
    return do("post-bill", at, **{**bill_of, **fields})
