"""Specs of the wallet: top-ups, settlement, payment keys and reversals (R1-R4, R50)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.given_when_then import bill, do, event, given, refused, silent, top_up

if TYPE_CHECKING:
    from ledger.commands import AnyCommand

LEGACY = do("activate-public", instance="i-1", kind="public_legacy")
DAY_2 = "2025-01-02T10:00:00"
DAY_3 = "2025-01-03T10:00:00"


def reverse(amount: str, at: str | None = None, /, **fields: object) -> AnyCommand:
    key = {"channel": "alipay", "serial": "T1"}
    return do("reverse-top-up", at, **{**key, "amount": amount, **fields})


def test_an_account_holds_cash_coupons_unpaid_items_an_alert_and_instances() -> None:
    """R1: an account has cash, coupons, unpaid items, an alert configuration, instances."""
    shown = given().shown()
    assert shown["cash"] == "0.00"
    assert shown["coupons"] == shown["unpaid"] == shown["instances"] == []
    assert shown["alert"] == {"threshold": None, "raised": False}


def test_cash_is_never_left_beside_an_unpaid_item() -> None:
    """R1: cash > 0 implies no unpaid item."""
    world = given(LEGACY, top_up("5"), bill("b-1", "8", DAY_2), top_up("2", DAY_3))
    assert (world.state.cash, world.state.outstanding) == (0, 100)


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "-0.01"])
def test_amounts_are_positive_and_have_the_currencys_decimals(amount: str) -> None:
    """R2: every amount is > 0, else INVALID_AMOUNT."""
    story = given(LEGACY, top_up("5", serial="T1"), bill("b-1", "1", DAY_2))
    story.when(top_up(amount)).then(refused("INVALID_AMOUNT"))
    story.when(reverse(amount)).then(refused("INVALID_AMOUNT"))
    grant = do("grant-coupon", coupon="c-1", amount=amount, ends="2026-01-01")
    story.when(grant).then(refused("INVALID_AMOUNT"))
    note = do("credit-note", note="n-1", bill="b-1", amount=amount)
    story.when(note).then(refused("INVALID_AMOUNT"))


def test_rated_prices_and_thresholds_may_be_zero_but_not_negative() -> None:
    """R2: rated, prices and thresholds are >= 0; else INVALID_AMOUNT."""
    story = given(LEGACY, do("set-price", sku="gift", monthly_price="0"))
    story.given(do("set-alert", threshold="0"), bill("b-1", "0", DAY_2))
    story.when(do("set-price", sku="x", monthly_price="-1")).then(refused("INVALID_AMOUNT"))
    story.when(do("set-alert", threshold="-0.01")).then(refused("INVALID_AMOUNT"))
    story.when(bill("b-2", "-1", DAY_2)).then(refused("INVALID_AMOUNT"))
    story.when(bill("b-2", "0.00000000001", DAY_2)).then(refused("INVALID_AMOUNT"))
    grant = do("grant-coupon", coupon="c", amount="1", ends="2026-01-01", minimum_spend="-1")
    story.when(grant).then(refused("INVALID_AMOUNT"))


def test_a_top_up_pays_the_oldest_item_first_and_the_next_one_in_part() -> None:
    """R2: adds cash, then at the same instant pays oldest first, partially if need be."""
    story = given(LEGACY, bill("b-9", "5", DAY_2), bill("b-1", "5", DAY_3))
    story.when(top_up("7", "2025-01-03T12:00:00")).then(
        event("TopUpReceived", amount="7.00"),
        event("BillSettled", item="b-9", cash_part="5.00", outstanding="0.00"),
        event(
            "BillSettled", item="b-1", cash_part="2.00", outstanding="3.00",
            at="2025-01-03T12:00:00",
        ),
        event("OverdueReanchored", item="b-1", overdue_since=DAY_3),
    )  # fmt: skip


def test_items_posted_at_one_instant_are_paid_by_item_id() -> None:
    """R2: the order is (posted_at, item id)."""
    story = given(LEGACY, bill("b-2", "5", DAY_2), bill("b-1", "5", DAY_2))
    story.when(top_up("5")).then(
        "TopUpReceived", event("BillSettled", item="b-1"), "OverdueReanchored"
    )


def test_a_repeated_payment_appends_nothing() -> None:
    """R3: same key, same amount and account: no event, the original result is returned."""
    story = given(top_up("10", serial="T1"))
    story.when(top_up("10.00", "2025-03-01T00:00:00", serial="T1")).then(silent)
    assert story.shown()["cash"] == "10.00"


def test_a_payment_key_with_another_content_is_a_conflict() -> None:
    """R3: same key, other content: refused PAYMENT_CONFLICT, no money moves."""
    story = given(do("open-account", account="a-2"), top_up("10", serial="T1"))
    story.when(top_up("11", serial="T1")).then(refused("PAYMENT_CONFLICT"))
    story.when(top_up("10", serial="T1", account="a-2")).then(refused("PAYMENT_CONFLICT"))
    assert (story.state.cash, story.states["a-2"].cash) == (1000, 0)


def test_a_key_is_channel_and_serial_together() -> None:
    """R3: the idempotency key of a payment is (channel, serial)."""
    story = given(top_up("10", serial="T1"), top_up("10", serial="T1", channel="wechat"))
    assert story.state.cash == 2000


def test_equal_payments_seconds_apart_are_both_received_and_suspected() -> None:
    """R3: different keys are different payments; the second result says suspected duplicate."""
    story = given(top_up("10", DAY_2, serial="T1"))
    story.when(top_up("10", "2025-01-02T10:00:05", serial="T2")).then(
        event("TopUpReceived", suspected_duplicate_of="alipay/T1")
    )
    story.when(top_up("9", "2025-01-02T10:00:06", serial="T3")).then(
        event("TopUpReceived", suspected_duplicate_of=None)
    )
    assert story.state.cash == 2900


def test_payments_more_than_a_minute_apart_are_not_suspected() -> None:
    """R3: seconds apart; we look within a minute, and by the instants of the payments."""
    story = given(top_up("10", DAY_2, serial="T1"))
    story.when(top_up("10", "2025-01-02T10:01:00", serial="T2")).then(
        event("TopUpReceived", suspected_duplicate_of="alipay/T1")
    )
    story.when(top_up("10", "2025-01-02T10:02:01", serial="T3")).then(
        event("TopUpReceived", suspected_duplicate_of=None)
    )
    late = top_up("10", DAY_3, serial="T4", effective_at="2025-01-02T10:02:30")
    story.when(late).then(event("TopUpReceived", suspected_duplicate_of="alipay/T3"))


def test_a_reversal_takes_cash_first() -> None:
    """R4: takes min(cash, amount) from cash."""
    story = given(top_up("10", serial="T1"))
    story.when(reverse("4")).then(
        event("TopUpReversed", amount="4.00", cash_part="4.00", shortfall="0.00", number=1)
    )
    assert story.state.cash == 600


def test_the_shortfall_of_a_reversal_is_an_unpaid_item_posted_now() -> None:
    """R4: any shortfall becomes an unpaid item of kind REVERSAL; the account is overdue now."""
    story = given(LEGACY, top_up("10", serial="T1"), bill("b-1", "7", DAY_2))
    story.when(reverse("2", DAY_3)).then("TopUpReversed")
    story.when(reverse("8", DAY_3)).then(
        event("TopUpReversed", cash_part="1.00", shortfall="7.00", number=2),
        event("DebtRecorded", item="reversal:alipay:T1:2", kind="reversal", amount="7.00"),
        event("OverdueStarted", item="reversal:alipay:T1:2", overdue_since=DAY_3),
    )
    [item] = story.shown()["unpaid"]
    assert (item["kind"], item["outstanding"]) == ("reversal", "7.00")
    assert story.state.bills["b-1"].outstanding == 0, "bills already paid stay paid"


def test_a_late_reversal_is_owed_from_the_recorded_instant() -> None:
    """R4: the item is posted now, whatever the reversal's own value date."""
    paid = top_up("10", DAY_2, serial="T1")
    story = given(LEGACY, paid, bill("b-1", "10", DAY_2))
    story.when(
        reverse("1", "2025-01-05T00:00:00", effective_at=DAY_3)
    ).then(
        event("TopUpReversed", at=DAY_3),
        event("DebtRecorded", posted_at="2025-01-05T00:00:00", at="2025-01-05T00:00:00"),
        event("OverdueStarted", overdue_since="2025-01-05T00:00:00"),
    )


def test_reversals_together_stay_within_the_payment() -> None:
    """R4: cumulatively <= the original, else OVER_REVERSAL."""
    story = given(top_up("10", serial="T1"), reverse("6"))
    story.when(reverse("4.01")).then(refused("OVER_REVERSAL"))
    story.when(reverse("4")).then("TopUpReversed")


def test_only_a_payment_of_this_account_can_be_reversed() -> None:
    """R4: unknown key UNKNOWN_PAYMENT; so is the payment of another account."""
    story = given(do("open-account", account="a-2"), top_up("10", serial="T1"))
    other = reverse("1", account="a-2")
    story.when(other).then(refused("UNKNOWN_PAYMENT"))
    story.when(reverse("1", serial="T9")).then(
        refused("UNKNOWN_PAYMENT")
    )


def test_two_reversals_never_share_an_item() -> None:
    """R4: keys that spell the same item id stay two debts, and no bill takes their id."""
    story = given(
        LEGACY,
        top_up("5", channel="a:b", serial="c"),
        top_up("5", channel="a", serial="b:c"),
        bill("b-1", "10", DAY_2),
        do("reverse-top-up", channel="a:b", serial="c", amount="5"),
        do("reverse-top-up", channel="a", serial="b:c", amount="5"),
    )
    assert sum(item.outstanding for item in story.state.items.values()) == 1000
    assert story.state.outstanding == 1000
    story.when(bill("reversal:a:b:c:1", "3", DAY_3)).then(refused("ALREADY_EXISTS"))
    story.given(top_up("10"))
    assert not story.state.overdue


def test_a_reversal_steps_aside_for_a_bill_of_its_name() -> None:
    """R4: a bill that was named like a reversal keeps its own item."""
    story = given(LEGACY, top_up("1", serial="T1"), bill("reversal:alipay:T1:1", "3", DAY_2))
    story.given(reverse("1"))
    assert sum(item.outstanding for item in story.state.items.values()) == 300
    assert story.state.outstanding == 300


def test_the_face_of_a_coupon_is_what_was_used_remains_and_was_forfeited() -> None:
    """R1: for every coupon face = used + remaining + forfeited."""
    story = given(
        LEGACY,
        do("grant-coupon", coupon="c-1", amount="9", ends="2025-01-31"),
        bill("b-1", "5", DAY_2),
        do("credit-note", DAY_3, note="n-1", bill="b-1", amount="2"),
    )
    for at in (DAY_3, "2025-02-01T00:00:00"):
        story.when_clock(at)
        coupon = story.state.coupons["c-1"]
        assert coupon.used == 300
        assert coupon.used + coupon.remaining + coupon.forfeited == coupon.amount == 900
    assert coupon.forfeited == 600


def test_what_an_account_holds_and_owes_in_all_has_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Section 0: no sum outgrows what a view keeps; what would is refused, and nothing moves."""
    monkeypatch.setattr("ledger.rules.batch.HELD_MAX", 10_000)
    story = given(LEGACY, top_up("60", serial="T1"))
    story.when(top_up("40.01")).then(refused("INVALID_AMOUNT"))
    story.given(top_up("40", serial="T2"))
    use = {"instance": "i-1", "cycle_start": "2025-01-02T01:00:00",
           "cycle_end": "2025-01-02T09:00:00"}  # fmt: skip
    story.given(bill("b-1", "100", DAY_2), do("record-usage", usage="u-1", rated="99", **use))
    usage = do("record-usage", usage="u-2", rated="1.01", **use)
    story.when(usage).then(refused("INVALID_AMOUNT"))
    story.when(bill("b-2", "1.01", DAY_2)).then(refused("INVALID_AMOUNT"))
    story.when(reverse("1.01")).then(refused("INVALID_AMOUNT"))
    story.given(top_up("100", serial="T3"))
    note = do("credit-note", note="n", bill="b-1", amount="0.01")
    story.when(note).then(refused("INVALID_AMOUNT"))
    coupon = {"ends": "2025-12-31"}
    story.given(do("grant-coupon", coupon="c-1", amount="99", **coupon))
    story.when(do("grant-coupon", coupon="c-2", amount="1.01", **coupon)).then(
        refused("INVALID_AMOUNT")
    )
    story.given(do("grant-coupon", coupon="c-2", amount="1", **coupon))
    story.when_clock(DAY_3)  # what was recorded is billed, whatever the account holds by then
    assert story.state.usages == {}


def test_a_refund_that_an_account_cannot_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Section 0: a cancellation gives back cash like any other receipt."""
    monkeypatch.setattr("ledger.rules.batch.HELD_MAX", 20_000)
    buy = do("purchase", instance="i-2", sku="std", months=1)
    story = given(top_up("200", serial="T1"), buy, do("renew", instances=["i-2"], months=1))
    story.given(top_up("150", serial="T2"))
    story.when(do("cancel-renewal", instance="i-2")).then(refused("INVALID_AMOUNT"))
    story.when(do("cancel", instance="i-2")).then(refused("INVALID_AMOUNT"))
    story.given(reverse("150"))
    story.given(do("cancel", instance="i-2"))
    assert story.state.cash == 20_000
