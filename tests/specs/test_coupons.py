"""Specs of coupons: validity, eligibility, choice, forfeit (R37-R43)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.given_when_then import World, bill, do, event, given, nothing, refused, top_up

if TYPE_CHECKING:
    from ledger.commands import AnyCommand

LEGACY = do("activate-public", instance="i-1", kind="public_legacy")
DAY_2 = "2025-01-02T10:00:00"
DAY_3 = "2025-01-03T10:00:00"
DAY_9 = "2025-01-09T10:00:00"


def grant(name: str, amount: str, at: str | None = None, /, **fields: object) -> AnyCommand:
    grant_of = {"coupon": name, "amount": amount, "ends": "2026-12-31"}
    return do("grant-coupon", at, **{**grant_of, **fields})


def buy(at: str | None = None, /, **fields: object) -> AnyCommand:
    return do("purchase", at, **{"instance": "e-1", "sku": "std", "months": 1, **fields})


# --- R37 ---------------------------------------------------------------------------------------


def test_a_coupon_is_valid_from_its_start_until_before_its_end() -> None:
    """R37: valid on [start, end)."""
    story = given(grant("c-1", "500", starts=DAY_2, ends=DAY_3))
    story.when(buy("2025-01-02T09:59:59", coupon="c-1")).then(refused("COUPON_NOT_ELIGIBLE"))
    story.when(buy(DAY_2, coupon="c-1")).then(event("InstancePurchased", coupon_part="100.00"))
    late = buy("2025-01-03T09:59:59", instance="e-2", coupon="c-1")
    story.when(late).then(event("InstancePurchased", coupon="c-1"))
    story.when(buy(DAY_3, instance="e-3", coupon="c-1")).then(refused("COUPON_NOT_ELIGIBLE"))


def test_the_start_defaults_to_now() -> None:
    """R37: start defaults to now."""
    given().when(grant("c-1", "5", DAY_2)).then(event("CouponGranted", starts=DAY_2))


def test_the_start_of_a_late_grant_defaults_to_its_own_instant() -> None:
    """R37: a fact that arrives late keeps its own period (R11)."""
    given().when(grant("c-1", "5", DAY_3, effective_at=DAY_2)).then(
        event("CouponGranted", starts=DAY_2, granted_at=DAY_3, at=DAY_2)
    )


def test_a_bare_start_means_its_midnight() -> None:
    """R37: a bare date means its 00:00."""
    given().when(grant("c-1", "5", starts="2025-02-01")).then(
        event("CouponGranted", starts="2025-02-01T00:00:00")
    )


def test_a_bare_end_is_the_last_valid_day() -> None:
    """R37: `ends` as a bare date: end = 00:00 of the next local day."""
    given().when(grant("c-1", "5", ends="2025-02-28")).then(
        event("CouponGranted", ends="2025-03-01T00:00:00")
    )


@pytest.mark.parametrize(
    ("starts", "ends"),
    [(DAY_3, DAY_3), (DAY_3, DAY_2), ("2025-01-03", "2025-01-02"), (None, "2024-12-30")],
)
def test_a_coupon_that_would_not_start_before_its_end_is_refused(
    starts: str | None, ends: str
) -> None:
    """R37: start >= end is INVALID_PERIOD."""
    story = given()
    story.when(grant("c-1", "5", starts=starts, ends=ends)).then(refused("INVALID_PERIOD"))


def test_a_coupon_of_one_bare_day_is_valid_all_that_day() -> None:
    """R37: starts and ends on one bare date is one day."""
    given().when(grant("c-1", "5", starts="2025-01-03", ends="2025-01-03")).then("CouponGranted")


def test_granted_is_not_started() -> None:
    """R37: granted is not started; it becomes active at its start."""
    story = given(grant("c-1", "5", starts=DAY_2))
    assert story.coupon()["status"] == "pending"
    story.when_clock(DAY_2).then(event("CouponStarted", coupon="c-1", at=DAY_2))
    assert story.coupon()["status"] == "active"


def test_a_coupon_id_is_used_once() -> None:
    """R37: ids of coupons are unique within their account (ALREADY_EXISTS)."""
    given(grant("c-1", "5")).when(grant("c-1", "6")).then(refused("ALREADY_EXISTS"))


def test_a_coupon_granted_after_its_end_is_forfeited_at_once() -> None:
    """R37: a late grant of [start, end) that has ended pays nothing and is forfeited (R40)."""
    late = grant("c-1", "5", DAY_9, starts=DAY_2, ends=DAY_3, effective_at=DAY_2)
    given().when(late).then(
        event("CouponGranted", at=DAY_2), event("CouponExpired", forfeited="5.00", at=DAY_9)
    )


# --- R38 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "pays"),
    [
        ({}, True),
        ({"products": "all", "order_types": "all"}, True),
        ({"products": ["iot_enterprise"]}, True),
        ({"products": ["iot_public"]}, False),
        ({"products": ["iot_public", "iot_enterprise"]}, True),
        ({"order_types": ["new"]}, True),
        ({"order_types": ["renew", "upgrade", "pay_as_you_go"]}, False),
        ({"minimum_spend": "100"}, True),
        ({"minimum_spend": "100.01"}, False),
        ({"minimum_spend": "0"}, True),
        ({"starts": "2025-06-01"}, False),
    ],
)
def test_an_order_of_100_takes_the_coupon(scope: dict[str, object], pays: bool) -> None:
    """R38: eligible by product, order type and minimum spend (inclusive, of the gross amount)."""
    story = given(grant("c-1", "500", **scope), top_up("100"))
    story.when(buy()).then(event("InstancePurchased", coupon="c-1" if pays else None))


@pytest.mark.parametrize(
    ("scope", "pays"),
    [
        ({"products": ["iot_public"]}, True),
        ({"products": ["iot_enterprise"]}, False),
        ({"order_types": ["pay_as_you_go"]}, True),
        ({"order_types": ["new", "renew", "upgrade"]}, False),
        ({"minimum_spend": "8"}, True),
        ({"minimum_spend": "8.01"}, False),
        ({"starts": "2025-06-01"}, False),
    ],
)
def test_a_bill_of_8_on_a_public_instance_takes_the_coupon(
    scope: dict[str, object], pays: bool
) -> None:
    """R38: the same scopes for bills; their order type is pay_as_you_go."""
    story = given(LEGACY, grant("c-1", "500", **scope), bill("b-1", "8.009", DAY_2))
    assert story.state.overdue is not pays


@pytest.mark.parametrize(
    ("order_type", "name"),
    [("new", "purchase"), ("renew", "renew"), ("upgrade", "change-spec"), ("new", "upgrade")],
)
def test_each_order_has_its_type(order_type: str, name: str) -> None:
    """R38: order types: an upgrade of a public instance is `new`, a spec upgrade is `upgrade`."""
    story = given(top_up("1000"), buy(coupon="none"), LEGACY)
    story.given(grant("c-1", "5", order_types=[order_type]), grant("c-2", "900", order_types=[
        other for other in ("new", "renew", "upgrade", "pay_as_you_go") if other != order_type
    ]))  # fmt: skip
    fields: dict[str, dict[str, object]] = {
        "purchase": {"instance": "e-2", "sku": "std", "months": 1},
        "renew": {"instances": ["e-1"], "months": 1},
        "change-spec": {"instance": "e-1", "sku": "pro"},
        "upgrade": {"instance": "i-1", "sku": "std", "months": 1},
    }
    story.given(do(name, **fields[name]))
    assert story.coupon("c-1")["remaining"] == "0.00"
    assert story.coupon("c-2")["remaining"] == "900.00"


def test_a_used_up_coupon_is_not_eligible() -> None:
    """R38: eligible needs remaining > 0."""
    story = given(top_up("100"), grant("c-1", "100"), buy())
    story.when(buy(instance="e-2", coupon="c-1")).then(refused("COUPON_NOT_ELIGIBLE"))


# --- R39 ---------------------------------------------------------------------------------------


def chosen(*grants: AnyCommand) -> str:
    story = given(*grants, top_up("100"), buy(DAY_3))
    [order] = story.details("InstancePurchased")
    return str(order["coupon"])


def test_an_order_takes_the_coupon_with_the_largest_remainder() -> None:
    """R39: by default largest remaining first."""
    assert chosen(grant("c-1", "5", ends="2025-01-20"), grant("c-2", "6")) == "c-2"


def test_of_equal_coupons_the_one_that_ends_first_is_taken() -> None:
    """R39: then earliest end."""
    assert chosen(grant("c-1", "5"), grant("c-2", "5", ends="2025-01-20")) == "c-2"


def test_then_the_one_that_was_granted_first_is_taken() -> None:
    """R39: then earliest grant, then id."""
    later = grant("c-1", "5", "2025-01-01T00:00:01", starts="2025-01-01")
    assert chosen(grant("c-2", "5"), later) == "c-2"
    assert chosen(grant("c-2", "5"), grant("c-1", "5")) == "c-1"


def test_exactly_one_coupon_pays_an_order() -> None:
    """R39: orders use exactly one coupon, however many there are."""
    story = given(grant("c-1", "60"), grant("c-2", "60"), top_up("39.99"))
    story.when(buy()).then(refused("INSUFFICIENT_BALANCE"))
    story.given(top_up("0.01")).when(buy()).then(
        event("InstancePurchased", coupon="c-1", coupon_part="60.00", cash_part="40.00")
    )


def test_the_caller_may_name_a_coupon_or_none() -> None:
    """R39: the caller may name one, or `none`."""
    story = given(grant("c-1", "60"), grant("c-2", "5"), top_up("200"))
    story.when(buy(coupon="c-2")).then(event("InstancePurchased", coupon="c-2", cash_part="95.00"))
    story.when(buy(instance="e-2", coupon="none")).then(
        event("InstancePurchased", coupon=None, coupon_part="0.00", cash_part="100.00")
    )


def test_a_named_coupon_must_be_there_and_eligible() -> None:
    """R39: a coupon named but not eligible: COUPON_NOT_ELIGIBLE."""
    story = given(grant("c-1", "60", minimum_spend="101"), top_up("200"))
    story.when(buy(coupon="c-1")).then(refused("COUPON_NOT_ELIGIBLE"))
    story.when(buy(coupon="c-9")).then(refused("COUPON_NOT_ELIGIBLE"))


# --- R40, R41 ----------------------------------------------------------------------------------


def test_what_is_left_of_a_coupon_is_kept_until_its_end_and_then_forfeited() -> None:
    """R40: partial use keeps the remainder until its end; at its end it is forfeited."""
    story = given(grant("c-1", "130", ends="2025-01-31"), buy())
    assert story.coupon()["remaining"] == "30.00"
    story.when_clock("2025-02-01T00:00:00").then(
        event("CouponExpired", coupon="c-1", forfeited="30.00", at="2025-02-01T00:00:00")
    )
    coupon = story.coupon()
    assert (coupon["remaining"], coupon["forfeited"]) == ("0.00", "30.00")
    assert coupon["status"] == "ended"


def test_the_end_of_a_used_up_coupon_needs_no_event() -> None:
    """R40: an event with the amount; none needed if 0."""
    story = given(grant("c-1", "100", ends="2025-01-31"), buy())
    story.when_clock("2025-02-01T00:00:00").then(nothing)


@pytest.mark.parametrize(("name", "cash"), [("cancel", "300.00"), ("cancel-renewal", "200.00")])
def test_cancelling_never_returns_coupon_parts(name: str, cash: str) -> None:
    """R41: refunds and cancellations never return coupon parts, even while it is valid."""
    story = given(top_up("300"), buy(), grant("c-1", "60"))
    story.given(do("renew", instances=["e-1"], months=1))
    assert story.shown()["cash"] == "160.00"
    story.given(do(name, instance="e-1"))
    assert story.coupon()["remaining"] == "0.00"
    assert story.shown()["cash"] == cash


# --- R42, R43 ----------------------------------------------------------------------------------


def test_a_coupon_granted_later_never_pays_a_posted_item() -> None:
    """R42: a coupon is matched only when a bill is POSTED."""
    story = given(LEGACY, bill("b-1", "8", DAY_2))
    story.when(grant("c-1", "100", DAY_3)).then("CouponGranted")
    assert story.state.overdue
    assert story.coupon()["remaining"] == "100.00"


def test_overdue_is_cleared_by_cash_only() -> None:
    """R42: overdue is cleared by top-up, refund or credit note, not by a coupon's start."""
    story = given(LEGACY, bill("b-1", "8", DAY_2), grant("c-1", "100", starts=DAY_3))
    story.when_clock(DAY_3).then_includes(event("CouponStarted"))
    assert story.state.overdue
    story.when(top_up("8")).then_includes(event("OverdueCleared"))


def test_a_coupon_that_starts_at_the_posting_instant_pays() -> None:
    """R43: starts come before postings at one instant (section 3: 1 < 3), ends too (2 < 3)."""
    start = grant("c-1", "100", starts=DAY_2)
    assert not given(LEGACY, start, bill("b-1", "8", DAY_2)).state.overdue
    ended = grant("c-1", "100", ends=DAY_2)
    assert given(LEGACY, ended, bill("b-1", "8", DAY_2)).state.overdue


def test_a_bill_uses_several_coupons_the_earliest_end_first() -> None:
    """R43: bills may use several coupons: earliest end, then earliest grant, then id."""
    story = given(
        LEGACY,
        grant("c-1", "1", ends="2025-09-01"),
        grant("c-3", "1", ends="2025-06-01", starts="2025-01-01"),
        grant("c-4", "1", "2025-01-01T00:00:01", ends="2025-06-01", starts="2025-01-01"),
        grant("c-2", "1", "2025-01-01T00:00:01", ends="2025-06-01", starts="2025-01-01"),
        top_up("3"),
    )
    story.when(bill("b-1", "5.5", DAY_2)).then(
        "BillPosted",
        event(
            "BillSettled",
            coupons=[
                {"coupon": "c-3", "part": "1.00"},
                {"coupon": "c-2", "part": "1.00"},
                {"coupon": "c-4", "part": "1.00"},
                {"coupon": "c-1", "part": "1.00"},
            ],
            cash_part="1.50", outstanding="0.00",
        ),
    )  # fmt: skip


# --- the other reading of R42 ------------------------------------------------------------------


def overdue_world() -> World:
    story = given(LEGACY, policy={"coupon_pays_posted": "true"})
    return story.given(bill("b-1", "8", DAY_2), bill("b-2", "5", DAY_2))


def test_under_the_other_reading_a_granted_coupon_pays_what_is_posted() -> None:
    """R42: coupon_pays_posted = true (section 4): oldest first, and it clears overdue."""
    overdue_world().when(grant("c-1", "10", DAY_3)).then(
        "CouponGranted",
        event("BillSettled", item="b-1", cash_part="0.00", outstanding="0.00"),
        event("BillSettled", item="b-2", outstanding="3.00"),
        event("OverdueReanchored", item="b-2"),
    )


def test_under_the_other_reading_a_starting_coupon_pays_too_if_eligible() -> None:
    """R42: coupon_pays_posted = true: scope and minimum spend hold as at the posting."""
    story = overdue_world().given(grant("c-1", "99", starts=DAY_3, minimum_spend="8"))
    story.when_clock(DAY_3).then_includes(event("CouponStarted"), event("BillSettled", item="b-1"))
    assert list(story.state.items) == ["b-2"]
    story.given(grant("c-2", "99", products=["iot_enterprise"]))
    assert story.state.overdue
    story.when(grant("c-3", "99")).then_includes(event("BillSettled"), event("OverdueCleared"))


def test_the_reading_of_posted_items_may_change_in_mid_life() -> None:
    """R42: the policy in force when the coupon is granted decides (section 4)."""
    story = given(LEGACY, bill("b-1", "8", DAY_2), grant("c-1", "8"))
    story.given(do("set-policy", key="coupon_pays_posted", value="true"))
    assert story.state.overdue
    story.when(grant("c-2", "8")).then("CouponGranted", "BillSettled", "OverdueCleared")
