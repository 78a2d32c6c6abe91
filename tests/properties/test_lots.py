"""Lots: which receipt paid what (R66), against an independent first in, first out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given

from ledger import events as e
from projections.history.fields import Name
from projections.history.why import part_of
from projections.lots import flows, fold_lots
from tests.given_when_then import bill, do, top_up
from tests.given_when_then import given as world_given
from tests.strategies import late_lives, lives, play, policies

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from projections.lots import Lots
    from tests.strategies import Step

Readings = dict[str, str]


def independent(history: list[RecordedEvent]) -> dict[int, list[tuple[int, int]]]:
    """Spend coin by coin: every minor unit knows its receipt. Gives (spender, coins) by receipt."""
    purse: list[list[int]] = []  # [receipt, coins], oldest first
    paid: dict[int, list[tuple[int, int]]] = {}
    receipts: dict[tuple[str, str], int] = {}

    def spend(position: int, coins: int, first: int | None = None) -> None:
        for heap in sorted(purse, key=lambda one: (one[0] != first, one[0])):
            taken = min(heap[1], coins)
            heap[1] -= taken
            coins -= taken
            if taken:
                paid[heap[0]].append((position, taken))
        assert not coins, "more was spent than there was"

    for recorded in history:
        event: Any = recorded.event
        cash = part_of(Name("cash"), event)
        if cash > 0:
            purse.append([recorded.position, cash])
            paid[recorded.position] = []
            if isinstance(event, e.TopUpReceived):
                receipts[event.channel, event.serial] = recorded.position
        elif cash < 0:
            reverses = isinstance(event, e.TopUpReversed)
            own = receipts[event.channel, event.serial] if reverses else None
            spend(recorded.position, -cash, own)
    return paid


def spent(lots: Lots) -> dict[int, list[tuple[int, int]]]:
    """Return what the fold says, in the same shape."""
    return {
        lot.position: [(one.recorded.position, one.amount) for one in lot.spent]
        for lot in lots.lots
    }


@given(life=lives() | late_lives(), policy=policies())
def test_lots_are_an_independent_first_in_first_out(life: list[Step], policy: Readings) -> None:
    """R66: the same receipts pay the same bills, at every position."""
    world = play(life, policy).world
    for account, state in world.states.items():
        history = world.stream(account)
        lots = fold_lots(history)
        assert spent(lots) == independent(history)
        assert (lots.total, lots.uncovered) == (state.cash, [])


@given(life=lives() | late_lives(), policy=policies())
def test_lots_sum_to_cash_at_every_position(life: list[Step], policy: Readings) -> None:
    """R66: and nothing in a lot is less than nothing, or more than was received."""
    world = play(life, policy).world
    for account in world.states:
        history, cash = world.stream(account), 0
        for count, recorded in enumerate(history, 1):
            cash += part_of(Name("cash"), recorded.event)
            if recorded.cause is None or count == len(history):
                lots = fold_lots(history[:count])
                assert lots.total == cash == sum(lot.remaining for lot in lots.lots)
                for lot in lots.lots:
                    assert lot.remaining >= 0
                    assert lot.amount == lot.remaining + sum(one.amount for one in lot.spent)


@given(life=late_lives(), policy=policies())
def test_lots_sum_to_cash_at_a_mixed_point(life: list[Step], policy: Readings) -> None:
    """R66: the events of that point in the order of positions; what no receipt covers is named."""
    world = play(life, policy).world
    instants = sorted({one.effective_at for one in world.log})
    for at in instants[:: max(1, len(instants) // 5)]:
        for account in world.states:
            chosen = [one for one in world.stream(account) if one.effective_at <= at]
            lots = fold_lots(chosen)
            cash = sum(part_of(Name("cash"), one.event) for one in chosen)
            assert lots.total == cash
            assert cash >= 0 or lots.uncovered


def story() -> Any:
    """Two top-ups, one bill over both, and the second is charged back."""
    return world_given(
        top_up("80", "2025-01-02T10:00:00", serial="A"),
        top_up("20", "2025-01-03T10:00:00", serial="B"),
        do("activate-public", instance="i-1", kind="public_legacy"),
        bill("b-1", "90", "2025-01-04T10:00:00"),
    )


def rests(world: Any) -> list[int]:
    """Return what is left of each lot."""
    return [lot.remaining for lot in fold_lots(world.stream()).lots]


def test_the_oldest_lot_pays_first() -> None:
    """R66: 80.00 of the first and 10.00 of the second."""
    world = story()
    assert rests(world) == [0, 1000]
    first, second = fold_lots(world.stream()).lots
    assert [(one.item, one.amount) for one in first.spent] == [("b-1", 8000)]
    assert [(one.item, one.amount) for one in second.spent] == [("b-1", 1000)]


def test_a_chargeback_takes_its_own_top_up_first() -> None:
    """R66: then the oldest; and it shows what its own top-up had paid."""
    world = story()
    world.given(top_up("30", "2025-01-05T10:00:00", serial="C"))
    world.given(do("reverse-top-up", channel="alipay", serial="C", amount="30"))
    assert rests(world) == [0, 1000, 0]
    world.given(top_up("40", "2025-01-06T10:00:00", serial="D"))
    world.given(do("reverse-top-up", channel="alipay", serial="B", amount="20"))
    assert rests(world) == [0, 0, 0, 3000]
    lots = fold_lots(world.stream())
    position, payment = lots.reversals[-1]
    assert payment == ("alipay", "B")
    flow = flows(lots)[position]
    assert [amount for _, amount in flow.lots] == [1000, 1000]
    assert [(one.item, one.amount) for one in flow.had_paid] == [("b-1", 1000)]


def test_a_credit_note_s_cash_is_a_lot_and_its_rest_is_not() -> None:
    """R66: what cancels an unpaid rest brings no cash."""
    world = story()
    world.given(do("credit-note", note="n-1", bill="b-1", amount="25"))
    assert rests(world) == [0, 1000, 2500]
    owing = world_given(
        do("activate-public", instance="i-1", kind="public_legacy"),
        bill("b-1", "90", "2025-01-04T10:00:00"),
        do("credit-note", note="n-1", bill="b-1", amount="25"),
    )
    assert rests(owing) == []
    owing.given(top_up("100", "2025-01-05T10:00:00"))
    assert rests(owing) == [3500], "used-up parts stay in the lot"


def test_a_refund_is_a_lot() -> None:
    """R66: cancelling in five days gives the cash back as a receipt of its own."""
    world = world_given(top_up("200"), do("purchase", instance="e-1", sku="std", months=1))
    world.given(do("cancel", instance="e-1"))
    assert rests(world) == [10_000, 10_000]
