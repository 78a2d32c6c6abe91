"""The posting function: total, balanced, and what single events post (RECONCILE section 1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import events as e
from ledger.account import evolve, fold
from ledger.envelopes import batches
from ledger.events import EVENT_TYPES
from ledger.state import AccountState
from projections.evidence.watched import Watched
from projections.journal.books import Books, totals
from projections.journal.chart import ROOTS, format_full, format_scaled, minor_unit
from projections.journal.identities import IDENTITIES, Customer, broken_at
from projections.journal.postings import POSTINGS, postings
from projections.journal.schedules import straight_line
from tests.strategies import Step, late_lives, lives, play, policies

DAY = 86_400_000_000
Life = list[Step]
Readings = dict[str, str]


def shown(event: e.Event, **more: str) -> dict[str, int]:
    return {str(posting.account): posting.minor for posting in postings(event, "a-1", **more)}


def test_every_event_type_has_its_line() -> None:
    assert set(POSTINGS) == set(EVENT_TYPES)


def test_a_top_up_comes_in_through_its_channel() -> None:
    event = e.TopUpReceived(channel="alipay", serial="T1", amount=10_000)
    assert shown(event) == {"Assets:PSP:alipay": 10_000, "Liabilities:Wallet:a-1": -10_000}


def test_a_reversal_owes_its_shortfall_only_when_the_debt_is_recorded() -> None:
    event = e.TopUpReversed(
        channel="alipay", serial="T1", number=1, amount=100, cash_part=40, shortfall=60
    )
    books = Books()
    books.currencies["a-1"] = "CNY"
    assert [(str(posting.account), posting.minor) for posting in postings(event, "a-1")] == [
        ("Liabilities:Wallet:a-1", 40), ("Assets:PSP:alipay", -40),
        ("Assets:Clearing:Reversal:a-1", 60), ("Assets:PSP:alipay", -60),
    ]  # fmt: skip
    debt = e.DebtRecorded(item="reversal:alipay:T1:1", kind="reversal", amount=60, posted_at=0)
    assert shown(debt) == {
        "Assets:Receivable:a-1": 60, "Assets:Clearing:Reversal:a-1": -60
    }  # fmt: skip


def test_a_bill_earns_what_was_rated_and_its_round_down_is_a_discount() -> None:
    event = e.BillPosted(
        bill="b-1", instance="i-1", product="iot_public", cycle_start=0, cycle_end=1,
        amount=1234, posted_at=1, round_down=50_000_001,
    )  # fmt: skip
    amounts = {
        str(one.account): format_scaled(one.scaled("CNY"), "CNY") for one in postings(event, "a-1")
    }
    assert amounts == {
        "Assets:Receivable:a-1": "12.34",
        "Income:Discount:RoundDown": "0.0050000001",
        "Income:Usage:iot_public": "-12.3450000001",
    }


def test_a_credit_note_takes_income_back_in_its_three_parts() -> None:
    event = e.CreditNoteIssued(
        note="n-1", bill="b-1", amount=100, outstanding_part=10, cash_part=20,
        coupons_restored=(("c-1", 30),), coupons_forfeited=(("c-2", 40),),
    )  # fmt: skip
    sums: dict[str, int] = {}
    for posting in postings(event, "a-1", billed="iot_public"):
        sums[str(posting.account)] = sums.get(str(posting.account), 0) + posting.minor
    assert sums == {
        "Income:Usage:iot_public": 100, "Assets:Receivable:a-1": -10,
        "Liabilities:Wallet:a-1": -20, "Income:Discount:Coupon": -70,
        "Equity:Coupon:Outstanding:a-1": 30, "Equity:Coupon:Restored": -70,
        "Equity:Coupon:Forfeited": 40,
    }  # fmt: skip


@given(
    cash=st.integers(0, 10**15), days=st.integers(1, 1200), cuts=st.lists(st.integers(0, 10**9))
)
def test_a_schedule_loses_and_makes_nothing(cash: int, days: int, cuts: list[int]) -> None:
    """Whatever the slices, they sum to the cash; what is earned never falls."""
    ends = 7 + days * DAY
    points = sorted({7, ends, *(7 + cut * 1_000_000 for cut in cuts)})
    earned = [straight_line(cash, 7, ends, at) for at in points]
    assert earned == sorted(earned)
    assert earned[0] == 0
    assert earned[-1] == cash
    assert straight_line(cash, 7, ends, 7 + days * DAY // 2 // 10**6 * 10**6) in (
        cash // 2, cash * (days * 43_200) // (days * 86_400),
    )  # fmt: skip


@given(life=lives() | late_lives(), policy=policies())
def test_every_identity_holds_at_every_position(life: Life, policy: Readings) -> None:
    """And every entry sums to zero by itself, for money and for coupons."""
    world = play(life, policy).world
    for account in world.states:
        one = Customer(AccountState(account))
        watched = Watched(one.state)
        for batch in batches(world.stream(account)):
            for recorded in batch:
                assert entry_is_balanced(one, recorded.event)
            check(one, batch, watched)
            assert one.books.recognised(one.at, forward=True) == one.recognised
        for term in one.books.schedules.terms():
            assert 0 <= term.earned(one.at) <= term.cash
            assert 0 <= term.unearned(one.at) <= term.cash
    assert {key.account.root for key in one.balances} <= set(ROOTS)


def entry_is_balanced(one: Customer, event: e.Event) -> bool:
    sums: dict[bool, tuple[int, int]] = {}
    for posting in postings(event, one.state.account, billed="iot_public"):
        minor, fraction = sums.get(posting.account.memo, (0, 0))
        sums[posting.account.memo] = (minor + posting.minor, fraction + posting.fraction)
    return all(found == (0, 0) for found in sums.values())


def check(one: Customer, batch: list[e.RecordedEvent], watched: Watched) -> None:
    for recorded in batch:
        evolve(one.state, recorded)
    watched.take(batch)
    assert watched.agrees()
    one.take(batch)
    assert [found.__name__ for found in IDENTITIES if not found(one)] == []


@given(life=lives() | late_lives(), policy=policies(), data=st.data())
def test_every_identity_holds_at_any_point_of_both_axes(
    life: Life, policy: Readings, data: st.DataObject
) -> None:
    """A point: what was known after a batch, of what was effective by then (INTERFACE 2)."""
    world = play(life, policy).world
    for account in world.states:
        stream = world.stream(account)
        ends = [batch[-1].position for batch in batches(stream)]
        position = data.draw(st.sampled_from(ends))
        known = [one for one in stream if one.position <= position]
        at = data.draw(st.sampled_from([one.effective_at for one in known]))
        later = data.draw(st.integers(0, 40 * 86_400)) * 1_000_000
        seen = sorted(
            (one for one in known if one.effective_at <= at + later),
            key=lambda one: (one.effective_at, one.position),
        )
        if fold(account, seen).opened_at is not None:
            assert broken_at(AccountState(account), seen, at + later) == []


@given(life=lives() | late_lives(), policy=policies())
def test_the_books_do_not_depend_on_the_order_of_the_fold(life: Life, policy: Readings) -> None:
    world = play(life, policy).world
    by_position, by_effect = Books(), Books()
    for account in world.states:
        stream = world.stream(account)
        by_position.customer(stream)
        by_effect.customer(sorted(stream, key=lambda one: (one.effective_at, one.position)))
    at = max((one.effective_at for one in world.log), default=0) + 3 * DAY
    assert by_position.balances(at) == by_effect.balances(at)
    assert not any(totals(by_effect.balances(at)).values())


@pytest.mark.parametrize(
    ("amount", "currency", "short"),
    [(0, "CNY", "0.00"), (-1, "CNY", "-0.0000000001"), (150 * 10**8, "CNY", "1.50"),
     (7 * 10**10, "JPY", "7"), (10**7, "KWD", "0.001"), (12 * 10**9, "CNYCPN", "1.20")],
)  # fmt: skip
def test_amounts_are_written_exactly(amount: int, currency: str, short: str) -> None:
    assert format_scaled(amount, currency) == short
    assert len(format_full(amount).partition(".")[2]) == 10


def test_the_scale_is_one_for_all_currencies() -> None:
    assert [minor_unit(one) for one in ("JPY", "CNY", "KWD")] == [10**10, 10**8, 10**7]
