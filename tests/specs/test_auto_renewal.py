"""Specs of auto-renewal: switching it, its nine slots, its failures (R29-R36)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ledger.outcomes import warnings
from tests.given_when_then import (
    World,
    bill,
    do,
    event,
    given,
    nothing,
    refused,
    top_up,
)

if TYPE_CHECKING:
    from ledger.commands import AnyCommand

T = "2025-02-02T00:00:00"  # of an instance bought on 2025-01-01 for one month
SLOTS = [f"2025-01-{day}T08:00:00" for day in range(24, 32)] + ["2025-02-01T08:00:00"]


def enable(at: str | None = None, months: int = 1, /, **fields: object) -> AnyCommand:
    return do("enable-auto-renew", at, **{"instances": ["e-1"], "months": months, **fields})


def modify(at: str | None = None, months: int = 1, /, **fields: object) -> AnyCommand:
    return do("modify-auto-renew", at, **{"instances": ["e-1"], "months": months, **fields})


def disable(at: str | None = None, /, **fields: object) -> AnyCommand:
    return do("disable-auto-renew", at, **{"instances": ["e-1"], **fields})


def bought(cash: str = "100", policy: dict[str, str] | None = None, **fields: object) -> World:
    """An instance e-1 with T = 2025-02-02, and what is left of the cash after 100.00."""
    story = given(top_up(cash), policy=policy)
    return story.given(
        do("purchase", "2025-01-01T12:00:00",
           **{"instance": "e-1", "sku": "std", "months": 1, **fields})
    )  # fmt: skip


def tried(story: World) -> list[str]:
    return [at for at, _ in story.happened("AutoRenewFailed")]


# --- R29, R30 ----------------------------------------------------------------------------------


def test_ticked_at_purchase_it_is_one_month_whatever_was_bought() -> None:
    """R29: ticking at purchase sets the period to 1 month."""
    story = bought("900", months=9, auto_renew=True)
    shown = story.instance("e-1")["auto_renew"]
    assert shown == {
        "enabled": True, "months": 1, "next_attempt_at": "2025-09-23T08:00:00+08:00"
    }  # fmt: skip


@pytest.mark.parametrize("months", [1, 2, 3, 6, 12, 24, 36])
def test_the_periods_of_renewal_management(months: int) -> None:
    """R29: 1, 2, 3, 6, 12, 24 or 36 months."""
    bought().when(enable(months=months)).then(event("AutoRenewEnabled", months=months))


@pytest.mark.parametrize("months", [0, -1, 4, 5, 7, 8, 9, 18, 48])
def test_other_periods_are_refused(months: int) -> None:
    """R29: else INVALID_PERIOD."""
    story = bought()
    story.when(enable(months=months)).then(refused("INVALID_PERIOD"))
    story.when(modify(months=months)).then(refused("INVALID_PERIOD"))


def test_enabling_is_not_a_fee_operation() -> None:
    """R30: not a fee operation (R13): it needs no funds."""
    assert bought().given(enable()).shown()["cash"] == "0.00"


@pytest.mark.parametrize("make", [enable, modify])
def test_enabling_needs_a_paid_unreleased_enterprise_instance(make: object) -> None:
    """R30: trial, public, released (and unknown): NOT_RENEWABLE."""
    story = bought()
    story.given(do("start-trial", instance="e-2", sku="std"))
    story.given(do("activate-public", instance="i-1", kind="public_new"))
    story.given(do("cancel", instance="e-1"))
    assert callable(make)
    for name in ("e-1", "e-2", "i-1", "e-9"):
        story.when(make(instances=[name])).then(refused("NOT_RENEWABLE"))


def test_enabling_needs_a_running_term() -> None:
    """R30: with now < T (else EXPIRED)."""
    bought().when(enable(T)).then(refused("EXPIRED"))
    bought().when(enable("2025-02-01T23:59:59")).then("AutoRenewEnabled")
    bought().when(modify(T)).then(refused("EXPIRED"))


def test_enabling_is_expired_after_t_also_when_it_is_on() -> None:
    """R30: EXPIRED also when it is on."""
    bought(auto_renew=True).when(enable(T)).then(refused("EXPIRED"))


def test_enabling_what_is_on_is_a_period_change() -> None:
    """R30: enabling what is on = a period change."""
    story = bought(auto_renew=True)
    story.when(enable(months=3)).then(event("AutoRenewModified", months=3))
    story.when(enable(months=3)).then(nothing)


def test_disabling_what_is_off_changes_nothing() -> None:
    """R30: disabling what is off is accepted and changes nothing."""
    bought().when(disable()).then(nothing)
    trial = given(do("start-trial", instance="e-1", sku="std"))
    trial.when(disable()).then(nothing)


def test_modifying_what_is_off_is_enabling() -> None:
    """R30: modifying what is off = enabling."""
    bought().when(modify(months=6)).then(event("AutoRenewEnabled", months=6))


def test_modifying_what_is_on_and_disabling_are_possible_until_r() -> None:
    """R30: until R."""
    story = bought(auto_renew=True)
    story.when(modify("2025-02-16T23:59:59", months=2)).then("AutoRenewModified")
    story.when(disable()).then("AutoRenewDisabled")
    story = bought(auto_renew=True)
    story.when(modify("2025-02-17T00:00:00", months=2)).then(refused("NOT_RENEWABLE"))
    story.when(disable()).then(refused("NOT_RENEWABLE"))


@pytest.mark.parametrize("make", [enable, modify, disable])
def test_batches_are_lists_as_those_of_a_bulk_renewal(make: object) -> None:
    """R30: batches of 1-100 instances, atomic; R36: the same list."""
    story = bought("300").given(do("purchase", instance="e-2", sku="std", months=1))
    assert callable(make)
    for names in ([], ["e-1", "e-1"], ["e-1", "e-9"], [f"e-{n}" for n in range(101)]):
        story.when(make(instances=names)).then(refused("NOT_RENEWABLE"))
    story.when(enable(instances=["e-2", "e-1"])).then(
        event("AutoRenewEnabled", instance="e-2"), event("AutoRenewEnabled", instance="e-1")
    )
    story.when(disable(instances=["e-1", "e-2"])).then("AutoRenewDisabled", "AutoRenewDisabled")


def test_one_expired_instance_refuses_the_whole_batch() -> None:
    """R30: atomic, for EXPIRED as well."""
    story = bought("300").given(do("purchase", instance="e-2", sku="std", months=2))
    story.when(enable(T, instances=["e-2", "e-1"])).then(refused("EXPIRED"))
    assert not story.instance("e-2")["auto_renew"]["enabled"]


# --- R31, R33 ----------------------------------------------------------------------------------


def test_there_are_nine_slots_at_eight_o_clock() -> None:
    """R31: 08:00:00 local on D(T)-9 ... -1: nine, numbered 9..1; none at or after T."""
    story = bought(auto_renew=True).when_clock("2025-02-10T00:00:00")
    assert tried(story) == SLOTS
    assert [failed["slot"] for failed in story.details("AutoRenewFailed")] == list(range(9, 0, -1))


def test_trying_stops_at_the_first_success() -> None:
    """R31: stop at the first success; R33: a slot charges current price x period."""
    story = bought("150", auto_renew=True).given(enable(months=2))
    story.given(do("set-price", sku="std", monthly_price="90"), top_up("140", SLOTS[2]))
    story.when_clock(SLOTS[3]).then(
        event("InstanceRenewed", via="auto", at=SLOTS[3], slot=6, months=2, price="180.00",
              cash_part="180.00", starts=T, expires_at="2025-04-02T00:00:00"),
    )  # fmt: skip
    assert tried(story) == SLOTS[:3]
    assert story.instance("e-1")["auto_renew"]["next_attempt_at"] == "2025-03-24T08:00:00+08:00"


def test_a_slot_pays_with_one_coupon_and_cash_only() -> None:
    """R33: from one coupon + cash only, chosen as for any order."""
    story = bought("140", auto_renew=True)
    coupon = {"ends": "2030-01-01", "order_types": ["renew"]}
    story.given(do("grant-coupon", coupon="c-1", amount="59", **coupon))
    story.given(do("grant-coupon", coupon="c-2", amount="60", **coupon))
    story.when_clock(SLOTS[0]).then(
        event("InstanceRenewed", coupon="c-2", coupon_part="60.00", cash_part="40.00")
    )


def test_a_failure_tells_what_was_needed_and_what_was_there() -> None:
    """R33: a failure is an event with slot, reason, needed, and available (cash + coupon part)."""
    story = bought("140", auto_renew=True)
    story.given(do("grant-coupon", coupon="c-1", amount="59.99", ends="2030-01-01"))
    story.when_clock(SLOTS[0]).then(
        event("AutoRenewFailed", slot=9, reason="INSUFFICIENT_BALANCE", needed="100.00",
              available="99.99", expires_at=T),
    )  # fmt: skip
    assert story.shown()["cash"] == "40.00"
    assert story.instance("e-1")["auto_renew"]["next_attempt_at"] == f"{SLOTS[1]}+08:00"


def test_overdue_comes_before_funds() -> None:
    """R33: checks in order: overdue -> ACCOUNT_OVERDUE; funds -> INSUFFICIENT_BALANCE."""
    story = bought(auto_renew=True).given(
        bill("b-1", "5", "2025-01-20T00:00:00", instance="e-1"),
        do("grant-coupon", coupon="c-1", amount="500", ends="2030-01-01"),
    )
    story.when_clock(SLOTS[0]).then(
        event("AutoRenewFailed", reason="ACCOUNT_OVERDUE", needed="100.00", available="100.00")
    )


# --- R32 ---------------------------------------------------------------------------------------


def test_newly_enabled_it_takes_effect_from_the_next_local_day() -> None:
    """R32: newly enabled (off -> on) takes effect from the next local day."""
    story = bought().given(enable("2025-01-26T07:59:59")).when_clock("2025-02-03T00:00:00")
    assert tried(story) == SLOTS[3:]


def test_under_the_other_reading_it_takes_effect_at_the_next_slot() -> None:
    """R32: auto_renew_effective = next_slot (section 4)."""
    policy = {"auto_renew_effective": "next_slot"}
    story = bought(policy=policy).given(enable("2025-01-26T07:59:59")).when_clock(T)
    assert tried(story) == SLOTS[2:]
    story = bought(policy=policy).given(enable(SLOTS[2])).when_clock(T)
    assert tried(story) == SLOTS[3:], "the slot of that instant came first, and it was off"


def test_enabling_on_the_last_day_yields_no_slot_and_warns() -> None:
    """R32: enabling on D(T)-1 yields no slot for this term and must warn."""
    story = bought().when(enable("2025-02-01T00:00:00"))
    story.then(event("AutoRenewEnabled", no_slot_left=True))
    assert isinstance(story.result, list)
    assert len(warnings(story.result)) == 1
    assert story.instance("e-1")["auto_renew"]["next_attempt_at"] is None
    story.when_clock(T).then("InstanceExpired")
    bought().when(enable("2025-01-31T23:59:59")).then(
        event("AutoRenewEnabled", no_slot_left=False)
    )


def test_ticked_at_purchase_it_is_effective_at_once() -> None:
    """R32: ticked at purchase: effective at once, also for a slot of the same day."""
    story = given(top_up("100"), policy={"auto_renew_first_day": "30", "auto_renew_time": "20:00"})
    story.given(do("purchase", "2025-02-01T12:00:00", instance="e-1", sku="std", months=1,
                   auto_renew=True))  # fmt: skip
    # T = 03-02: slot 30 was on 01-31, slot 29 is today.
    story.when_clock("2025-02-01T20:00:00").then(event("AutoRenewFailed", slot=29))


def test_a_slot_at_the_very_instant_of_the_purchase_has_passed() -> None:
    """R32: what is due at an instant comes before its commands (section 3)."""
    story = given(top_up("900"), policy={"auto_renew_first_day": "29", "auto_renew_time": "20:00"})
    story.when(do("purchase", "2025-02-01T20:00:00", instance="e-1", sku="std", months=1,
                  auto_renew=True)).then("InstancePurchased", "AutoRenewEnabled")  # fmt: skip
    story.when_clock("2025-02-02T20:00:00").then(event("InstanceRenewed", slot=28))


def test_a_period_change_holds_from_the_next_slot() -> None:
    """R32: a period change: from the next slot; at a slot instant the slot runs first."""
    story = bought("150", auto_renew=True).given(enable(SLOTS[0], months=2))
    story.when_clock(SLOTS[1])
    assert [failed["needed"] for failed in story.details("AutoRenewFailed")] == ["100.00", "200.00"]


def test_disabling_is_effective_at_once() -> None:
    """R32: disabling: at once."""
    bought(auto_renew=True).given(disable("2025-01-24T07:59:59")).when_clock(T).then(
        "InstanceExpired"
    )


def test_a_slot_at_the_disabling_instant_runs_first() -> None:
    """R32: at exactly a slot instant the slot runs first."""
    story = bought("200", auto_renew=True).when(disable(SLOTS[0])).then("AutoRenewDisabled")
    assert story.happened("InstanceRenewed") == [(SLOTS[0], "InstanceRenewed")]


def test_enabling_again_is_newly_enabling() -> None:
    """R32: off -> on counts, whatever was before."""
    story = bought(auto_renew=True).given(disable("2025-01-26T07:00:00"))
    story.given(enable("2025-01-26T07:30:00")).when_clock("2025-01-27T08:00:00")
    assert tried(story) == [*SLOTS[:2], SLOTS[3]]


def test_a_cancelled_renewal_does_not_hasten_what_was_newly_enabled() -> None:
    """R32: from the next local day, also when T falls back on the day of enabling (R49)."""
    story = bought("300").given(do("renew", instances=["e-1"], months=1))
    story.given(top_up("1"), enable("2025-01-26T07:00:00"))
    story.given(do("cancel-renewal", "2025-01-26T07:30:00", instance="e-1"))
    story.when_clock("2025-01-26T08:00:00").then(nothing)
    story.when_clock("2025-01-27T08:00:00").then(event("InstanceRenewed", slot=6))


def test_a_renewal_does_not_hasten_what_was_newly_enabled() -> None:
    """R32: from the next local day, also when the new T has a slot on the day of enabling."""
    story = bought("300", policy={"auto_renew_first_day": "30"})
    story.given(enable("2025-01-31T07:00:00"))
    story.given(do("renew", "2025-01-31T07:30:00", instances=["e-1"], months=1))
    story.when_clock("2025-01-31T08:00:00").then(nothing)  # D(T)-30 of T = 2025-03-02
    story.when_clock("2025-02-01T08:00:00").then(event("InstanceRenewed", slot=29))


def test_a_slot_of_the_new_term_at_the_instant_of_the_renewal_has_passed() -> None:
    """R32: what is due at an instant comes before its commands (section 3)."""
    story = bought("300", policy={"auto_renew_first_day": "30"}, auto_renew=True)
    story.given(disable("2025-01-02T00:00:00"), enable(), top_up("1"))
    story.given(do("set-price", sku="std", monthly_price="900"))
    story.when_clock("2025-01-31T08:00:00")
    story.given(do("set-price", sku="std", monthly_price="100"))
    story.when(do("renew", instances=["e-1"], months=1)).then("InstanceRenewed")
    story.when_clock("2025-02-01T08:00:00").then(event("InstanceRenewed", slot=29))


# --- R34, R35, R36 -----------------------------------------------------------------------------


def test_any_renewal_moves_t_and_replaces_the_slots() -> None:
    """R34: any renewal moves T and replaces the remaining slots by those of the new T."""
    story = bought("100", auto_renew=True).when_clock(SLOTS[4])
    story.given(top_up("100", "2025-01-28T09:00:00"), do("renew", instances=["e-1"], months=1))
    story.when_clock("2025-02-21T07:59:59").then(nothing)
    story.when_clock("2025-02-24T08:00:00")
    assert tried(story) == [*SLOTS[:5], "2025-02-21T08:00:00", "2025-02-22T08:00:00",
                            "2025-02-23T08:00:00", "2025-02-24T08:00:00"]  # fmt: skip


def test_a_term_is_never_auto_renewed_twice() -> None:
    """R34: not even after that renewal was cancelled (R49)."""
    story = bought("300", auto_renew=True).when_clock(SLOTS[0])
    story.given(do("cancel-renewal", "2025-01-24T09:00:00", instance="e-1"))
    assert story.instance("e-1")["auto_renew"]["next_attempt_at"] is None
    story.when_clock(T).then("InstanceExpired")


def test_enabling_a_term_that_was_auto_renewed_warns() -> None:
    """R34: disabling and enabling gives no second try either."""
    story = bought("300", auto_renew=True).when_clock(SLOTS[0])
    story.given(do("cancel-renewal", "2025-01-24T09:00:00", instance="e-1"), disable())
    story.when(enable()).then(event("AutoRenewEnabled", no_slot_left=True))
    story.when_clock(T).then("InstanceExpired")


def test_after_t_it_is_dead_and_resumes_after_a_manual_renewal() -> None:
    """R35: after T dead for that term; after a manual renewal it resumes with the flag kept."""
    story = bought(auto_renew=True).when_clock("2025-02-05T00:00:00")
    assert story.instance("e-1")["auto_renew"] == {
        "enabled": True, "months": 1, "next_attempt_at": None
    }  # fmt: skip
    story.given(top_up("150")).when_clock("2025-02-10T12:00:00").then(nothing)
    story.given(do("renew", instances=["e-1"], months=1))
    assert story.instance("e-1")["auto_renew"]["next_attempt_at"] == "2025-02-21T08:00:00+08:00"


def test_setting_an_instance_to_manual_turns_the_flag_off_and_keeps_renewals() -> None:
    """R36: turns the flag off; past renewals stay."""
    story = bought("200", auto_renew=True).when_clock(SLOTS[0])
    story.given(disable())
    shown = story.instance("e-1")
    assert shown["auto_renew"] == {"enabled": False, "months": None, "next_attempt_at": None}
    assert shown["expires_at"] == "2025-03-02T00:00:00+08:00"


def test_a_list_to_set_manual_names_no_public_instance() -> None:
    """R36: the same list rules as R27: NOT_RENEWABLE."""
    story = given(do("activate-public", instance="i-1", kind="public_new"))
    story.when(disable(instances=["i-1"])).then(refused("NOT_RENEWABLE"))


# --- other readings ----------------------------------------------------------------------------


def test_other_days_and_times_of_the_slots() -> None:
    """R31: auto_renew_first_day, _last_day 1..30, auto_renew_time (section 4)."""
    policy = {
        "auto_renew_first_day": "4", "auto_renew_last_day": "2", "auto_renew_time": "23:30:01"
    }  # fmt: skip
    story = bought(policy=policy, auto_renew=True).when_clock(T)
    assert tried(story) == [f"2025-01-{day}T23:30:01" for day in (29, 30, 31)]
    assert [failed["slot"] for failed in story.details("AutoRenewFailed")] == [4, 3, 2]


def test_more_slots_from_a_change_in_mid_life_start_after_it() -> None:
    """R31: a change makes nothing due before its own instant (section 4)."""
    story = bought(auto_renew=True)
    story.given(do("set-policy", "2025-01-20T12:00:00", key="auto_renew_first_day", value="20"))
    story.when_clock("2025-01-22T08:00:00")
    assert tried(story) == ["2025-01-21T08:00:00", "2025-01-22T08:00:00"]


def test_a_slot_that_was_tried_is_not_tried_again_at_another_time_of_day() -> None:
    """R31: one slot a day number, also when its time of day moves (section 4)."""
    story = bought(auto_renew=True)
    story.given(do("set-policy", "2025-01-24T12:00:00", key="auto_renew_time", value="20:00:00"))
    story.when_clock("2025-01-25T20:00:00")
    assert tried(story) == [SLOTS[0], "2025-01-25T20:00:00"]


def test_slots_follow_the_day_of_an_exact_expiry() -> None:
    """R31: D(T) is the local date of T, also under expiry = exact (section 4)."""
    story = bought(policy={"expiry": "exact"}, auto_renew=True).when_clock(T)
    assert (tried(story)[0], tried(story)[-1]) == ("2025-01-23T08:00:00", "2025-01-31T08:00:00")
