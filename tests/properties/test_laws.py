"""Laws that hold for every life of an account, whatever it is asked to do, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger import codec
from ledger.account import evolve, fold
from ledger.account.invariants import breaches
from ledger.account.ordering import next_due
from ledger.commands import TopUp
from ledger.envelopes import batches
from ledger.events import account_of
from ledger.state import AccountState
from tests.given_when_then import World, do, silent, whole
from tests.strategies import DUE, Step, again, late_lives, live, lives, play, policies

if TYPE_CHECKING:
    pass

Readings = dict[str, str]
Life = list[Step]
FACTS = frozenset(
    (
        "TopUpReceived", "TopUpReversed", "CouponGranted", "UsageRecorded", "BillPosted",
        "CreditNoteIssued", "InstanceFrozen", "ServiceRestored",
    )
)  # fmt: skip


def check_books(state: AccountState) -> None:
    """Check the invariants of R1 and R9, and what is kept beside them, at the end of a batch."""
    assert not [broken.broken for broken in breaches(state)]
    assert state.overdue is bool(state.items)
    assert set(state.funded) == {n for n, coupon in state.coupons.items() if coupon.remaining}
    assert set(state.live) == {n for n, i in state.instances.items() if i.state != "released"}
    for bill in state.bills.values():
        covered = bill.outstanding + bill.cash_paid + sum(part for _, part in bill.coupons)
        assert covered == bill.amount - bill.credited
    assert not state.early_parts


@given(life=lives() | late_lives(), policy=policies())
def test_the_books_balance_after_every_batch(life: Life, policy: Readings) -> None:
    """R1: cash >= 0, no cash beside debts, coupon faces, sums of items; R9: the overdue flag."""
    world = play(life, policy).world
    for account in world.states:
        state = AccountState(account)
        for batch in batches(world.stream(account)):
            for recorded in batch:
                evolve(state, recorded)
                assert state.cash >= 0
            check_books(state)


@given(life=lives(), policy=policies())
def test_money_is_neither_made_nor_lost(life: Life, policy: Readings) -> None:
    """R2: what came in less what went out is the cash, added up from the events alone."""
    world = play(life, policy).world
    for account, state in world.states.items():
        cash = 0
        for recorded in world.stream(account):
            event = recorded.event
            name = type(event).__name__
            if name in ("TopUpReceived", "RefundIssued"):
                cash += getattr(event, "amount", 0)
            elif name == "CreditNoteIssued":
                cash += getattr(event, "cash_part", 0)
            else:
                cash -= getattr(event, "cash_part", 0)
        assert cash == state.cash


@given(life=lives(), policy=policies())
def test_every_event_survives_its_bytes(life: Life, policy: Readings) -> None:
    """R55: decode(encode(event)) == event, and the bytes are the same again."""
    for recorded in play(life, policy).world.log:
        body = codec.encode(recorded)
        assert codec.decode(body) == recorded
        assert codec.encode(codec.decode(body)) == body


@given(life=lives(), policy=policies(), data=st.data())
def test_a_fold_is_the_state_and_may_be_interrupted(
    life: Life, policy: Readings, data: st.DataObject
) -> None:
    """R56, R60: fold(all) is the evolved state; fold(a + b) is a fold on from fold(a)."""
    world = play(life, policy).world
    for account, evolved in world.states.items():
        events = world.stream(account)
        assert whole(fold(account, events)) == whole(evolved)
        cut = data.draw(st.integers(0, len(events)))
        state = fold(account, events[:cut])
        for recorded in events[cut:]:
            evolve(state, recorded)
        assert whole(state) == whole(evolved)
        assert next_due(state, world.config.policy) == next_due(evolved, world.config.policy)


@given(life=lives() | late_lives(), policy=policies())
def test_the_order_of_effective_times_gives_the_same_head(life: Life, policy: Readings) -> None:
    """R56: late facts included: the same answer, the same next deadline, the same bills."""
    world = play(life, policy).world
    for account, evolved in world.states.items():
        shown = world.shown(account)
        events = sorted(world.stream(account), key=lambda r: (r.effective_at, r.position))
        state = world.states[account] = fold(account, events)
        assert world.shown(account) == shown
        assert next_due(state, world.config.policy) == next_due(evolved, world.config.policy)
        for name, bill in evolved.bills.items():
            other = state.bills[name]
            assert (other.outstanding, other.cash_paid) == (bill.outstanding, bill.cash_paid)
            assert sorted(other.coupons) == sorted(bill.coupons)


@given(life=lives() | late_lives(), policy=policies(), data=st.data())
def test_any_point_can_be_folded(life: Life, policy: Readings, data: st.DataObject) -> None:
    """R56: any (effective time, known time) pair can be asked for."""
    world = play(life, policy).world
    instants = sorted({recorded.recorded_at for recorded in world.log})
    at, known = data.draw(st.sampled_from(instants)), data.draw(st.sampled_from(instants))
    for account in list(world.states):
        selected = [
            r for r in world.stream(account) if r.effective_at <= at and r.recorded_at <= known
        ]
        selected.sort(key=lambda r: (r.effective_at, r.position))
        state = fold(account, selected)
        if state.opened_at is not None:
            world.states[account] = state
            world.shown(account)


@given(life=lives(), policy=policies(), ticks=st.integers(2, 7))
def test_one_jump_of_the_clock_is_many_ticks(life: Life, policy: Readings, ticks: int) -> None:
    """R57: the same bytes in the same order."""
    jumped, ticked = play(life, policy).world, play(life, policy, ticks=ticks).world
    assert [codec.encode(r) for r in jumped.log] == [codec.encode(r) for r in ticked.log]


@given(life=lives(), policy=policies())
def test_a_repeat_is_silent(life: Life, policy: Readings) -> None:
    """R3, R28: every accepted payment, and every command with a token, asked again."""
    played = play(life, policy)
    world = played.world
    at = world.written(world.clock) + world.offset()
    for command in played.accepted:
        if command.token is None and not isinstance(command, TopUp):
            continue
        length = len(world.log)
        world.when(again(command, at)).then(silent)
        assert len(world.log) == length


@given(life=lives(), policy=policies())
def test_refused_commands_change_nothing(life: Life, policy: Readings) -> None:
    """R58: a world in which they were never asked has the same other events."""
    played = play(life, policy)
    assume(played.refused)
    other = World(policy, accounts=2)
    for command in played.accepted:
        # A refusal takes a version in the stream, so versions are counted again.
        other.given(replace(again(command, str(command.at)), expected_version=None))
    other.move(played.world.clock)

    def told(world: World) -> list[tuple[object, ...]]:
        return [
            (r.stream, r.recorded_at, r.effective_at, r.event)
            for r in world.log
            if type(r.event).__name__ not in ("CommandRefused", "CommandAccepted")
        ]

    assert told(other) == told(played.world)


@given(life=lives(), policy=policies())
def test_the_log_is_in_order(life: Life, policy: Readings) -> None:
    """R55, R58: gapless positions and versions, causes within the batch, time goes on."""
    world = play(life, policy).world
    assert [r.position for r in world.log] == list(range(1, len(world.log) + 1))
    assert [r.recorded_at for r in world.log] == sorted(r.recorded_at for r in world.log)
    for stream in {r.stream for r in world.log}:
        events = [r for r in world.log if r.stream == stream]
        assert [r.version for r in events] == list(range(1, len(events) + 1))
        if account_of(stream) is None:
            continue
        for batch in batches(events):
            first = batch[0].position
            assert [r.position for r in batch] == list(range(first, first + len(batch)))
            for recorded in batch:
                assert recorded.cause is None or first <= recorded.cause < recorded.position
                assert (recorded.token is None) or recorded.cause is None
        own = [r.effective_at for r in events if type(r.event).__name__ not in FACTS]
        assert own == sorted(own)
        assert all(r.effective_at <= r.recorded_at for r in events)


@given(life=lives(), policy=policies())
def test_nothing_is_left_due_in_the_past(life: Life, policy: Readings) -> None:
    """R57: after a catch-up every deadline lies ahead; another catch-up finds nothing."""
    for played in live(life, policy):
        world = played.world
        for state in world.states.values():
            deadline = next_due(state, world.config.policy)
            assert deadline is None or deadline.at > world.clock
        length = len(world.log)
        world.move(world.clock)
        assert len(world.log) == length


@given(life=lives(changes=False), policy=policies())
def test_every_life_comes_to_rest(life: Life, policy: Readings) -> None:
    """R57: each transition leads on: after it the same deadline is never due again."""
    world = play(life, policy).world
    for _ in range(200):
        dues = [next_due(state, world.config.policy) for state in world.states.values()]
        upcoming = [due for due in dues if due is not None]
        if not upcoming:
            return
        before = len(world.log)
        world.move(min(due.at for due in upcoming))
        assert len(world.log) > before
        after = [next_due(state, world.config.policy) for state in world.states.values()]
        assert all(due is None or due.at > world.clock for due in after)


def test_a_step_to_the_next_deadline_is_a_plain_life() -> None:
    """R57: a life that is read from a failure report can be played as it stands."""
    life = [
        Step(0, "activate-public", {"instance": "l-1", "kind": "public_legacy"}),
        Step(0, "post-bill", {"bill": "b-1", "instance": "l-1", "rated": "5",
                              "cycle_start": -7200, "cycle_end": -3600}),
        Step(DUE, "set-alert", {"threshold": "5"}),
    ]  # fmt: skip
    world = play(life, {}).world
    assert world.instance("l-1")["state"] == "stopped_overdue"
    assert whole(world.state) != whole(World().given(do("set-alert", threshold="5")).state)
