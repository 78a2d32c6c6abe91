"""Specs of renewal by hand and in bulk (R24-R29)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.given_when_then import World, do, event, given, refused, top_up

if TYPE_CHECKING:
    from ledger.commands import AnyCommand

BUY = do("purchase", instance="e-1", sku="std", months=1)  # T = 2025-02-02
T = "2025-02-02T00:00:00"


def renew(at: str | None = None, /, **fields: object) -> AnyCommand:
    return do("renew", at, **{"instances": ["e-1"], "months": 1, **fields})


def grant(name: str, amount: str, /, **fields: object) -> AnyCommand:
    return do("grant-coupon", coupon=name, amount=amount, **{"ends": "2030-01-01", **fields})


# --- R24, R25, R26 -----------------------------------------------------------------------------


@pytest.mark.parametrize("months", [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 24, 36])
def test_the_months_that_can_be_bought(months: int) -> None:
    """R24: months 1-9, 12, 24, 36 (the same at purchase and upgrade)."""
    legacy = do("activate-public", instance="i-1", kind="public_legacy")
    story = given(top_up("99999"), BUY, legacy).given(renew(months=months))
    story.given(do("purchase", instance="e-2", sku="std", months=months))
    story.given(do("upgrade", instance="i-1", sku="std", months=months))


@pytest.mark.parametrize("months", [0, -1, 10, 11, 13, 18, 35, 37, 48])
def test_other_months_are_refused(months: int) -> None:
    """R24: else INVALID_PERIOD."""
    legacy = do("activate-public", instance="i-1", kind="public_legacy")
    story = given(top_up("99999"), BUY, legacy)
    story.when(renew(months=months)).then(refused("INVALID_PERIOD"))
    buy = do("purchase", instance="e-2", sku="std", months=months)
    story.when(buy).then(refused("INVALID_PERIOD"))
    upgrade = do("upgrade", instance="i-1", sku="std", months=months)
    story.when(upgrade).then(refused("INVALID_PERIOD"))


def test_the_price_is_the_current_list_price_times_the_months() -> None:
    """R24: price = CURRENT monthly list price x months; old orders keep theirs."""
    story = given(top_up("999"), BUY, do("set-price", sku="std", monthly_price="120.50"))
    story.when(renew(months=3)).then(
        event("InstanceRenewed", price="361.50", monthly_price="120.50", cash_part="361.50")
    )
    assert story.details("InstancePurchased")[0]["price"] == "100.00"


@pytest.mark.parametrize("at", ["2025-01-15T10:00:00", "2025-02-10T10:00:00"])
def test_the_new_term_starts_at_the_old_t(at: str) -> None:
    """R25: in both cases, before T or in [T, R); days stopped are not given back."""
    story = given(top_up("999"), BUY)
    story.when(renew(at)).then_includes(
        event("InstanceRenewed", via="manual", starts=T, expires_at="2025-03-02T00:00:00")
    )


def test_only_a_renewal_after_t_restores_the_service() -> None:
    """R25: renewal in [T, R) additionally triggers R19."""
    given(top_up("999"), BUY).when(renew("2025-02-01T23:59:59")).then("InstanceRenewed")
    story = given(top_up("999"), BUY).when(renew(T)).then(
        "InstanceRenewed", event("ServiceRestoring", restored_at="2025-02-02T00:30:00")
    )
    story.when(renew(T)).then("InstanceRenewed")
    story.when_clock("2025-02-02T00:30:00").then("ServiceRestored")


def test_a_renewal_that_stays_behind_the_present_restores_nothing() -> None:
    """R25: under a long retention the new term may have ended too; then it stays stopped."""
    story = given(top_up("999"), BUY, policy={"retention": "90d"})
    story.when(renew("2025-04-01T00:00:00")).then("InstanceRenewed")
    assert story.instance("e-1")["state"] == "stopped_expired"
    assert story.instance("e-1")["releases_at"] == "2025-05-31T00:00:00+08:00"
    story.when(renew()).then("InstanceRenewed", "ServiceRestoring")


def test_an_order_is_paid_wholly_or_not_at_all() -> None:
    """R26: at most one coupon plus cash, else INSUFFICIENT_BALANCE and nothing moves."""
    story = given(top_up("199.99"), grant("c-1", "50"), BUY)
    assert story.shown()["cash"] == "149.99"
    story.when(renew(months=2)).then(refused("INSUFFICIENT_BALANCE"))
    assert story.shown()["cash"] == "149.99"
    story.given(top_up("50.01"))
    story.when(renew(months=2)).then(event("InstanceRenewed", cash_part="200.00", coupon=None))


def test_a_refusal_for_funds_tells_what_was_needed_and_what_was_there() -> None:
    """R26: cash and the part of the one coupon that it could have used."""
    story = given(top_up("30"), grant("c-1", "50"), grant("c-2", "40")).when(BUY)
    story.then(refused("INSUFFICIENT_BALANCE"))
    [audit] = story.details("CommandRefused")
    assert (audit["needed"], audit["available"]) == ("100.00", "80.00")
    assert "costs 100.00 CNY" in audit["message"]
    assert "give 80.00" in audit["message"]


def test_nothing_is_owed_for_an_order() -> None:
    """R26: an order never makes the account overdue."""
    story = given().when(BUY).then(refused("INSUFFICIENT_BALANCE"))
    assert not story.state.items


def test_a_free_order_needs_neither_coupon_nor_cash() -> None:
    """R26: a price of zero is covered by nothing."""
    given(grant("c-1", "5")).when(do("purchase", instance="e-1", sku="free", months=1)).then(
        event("InstancePurchased", price="0.00", coupon=None, coupon_part="0.00")
    )


# --- R27 ---------------------------------------------------------------------------------------


def fleet(cash: str = "999") -> World:
    """e-1 std until 02-02, e-2 pro until 02-06, trial e-3 (std) until 02-11."""
    return given(
        top_up("260"), BUY,
        do("purchase", "2025-01-05T12:00:00", instance="e-2", sku="pro", months=1),
        do("start-trial", "2025-01-10T12:00:00", instance="e-3", sku="std"),
        do("activate-public", instance="i-1", kind="public_legacy"), top_up(cash, serial="more"),
    )  # fmt: skip


ALL = ["e-2", "e-3", "e-1"]


def test_a_bulk_renewal_is_one_payment_and_each_keeps_its_own_t() -> None:
    """R27: one duration, ONE payment; each instance keeps its own T; events in list order."""
    story = fleet("360")
    story.when(renew(instances=ALL)).then(
        event("InstanceRenewed", instance="e-2", via="bulk", price="160.00",
              expires_at="2025-03-06T00:00:00"),
        event("InstanceRenewed", instance="e-3", price="100.00", expires_at="2025-03-11T00:00:00"),
        event("InstanceRenewed", instance="e-1", price="100.00", expires_at="2025-03-02T00:00:00"),
    )  # fmt: skip
    assert story.shown()["cash"] == "0.00"


def test_a_bulk_renewal_that_cannot_be_paid_renews_none() -> None:
    """R27: a shortfall refuses all."""
    story = fleet("359.99")
    story.when(renew(instances=ALL)).then(refused("INSUFFICIENT_BALANCE"))
    assert story.shown()["cash"] == "359.99"


@pytest.mark.parametrize(
    "names",
    [
        [], ["e-9"], ["i-1"], ["e-1", "e-1"], ["e-1", "e-9"], ["e-2", "i-1"],
        ["e-1", *(f"x-{n}" for n in range(100))],
    ],
)  # fmt: skip
def test_one_wrong_instance_or_a_wrong_list_refuses_all(names: list[str]) -> None:
    """R27: unknown, neither Enterprise nor trial, duplicate, empty, over 100: NOT_RENEWABLE."""
    fleet().when(renew(instances=names)).then(refused("NOT_RENEWABLE"))


def test_a_released_instance_refuses_the_bulk() -> None:
    """R27: released: NOT_RENEWABLE."""
    story = fleet().given(do("cancel", instance="e-1"))
    story.when(renew(instances=["e-2", "e-1"])).then(refused("NOT_RENEWABLE"))
    story.when(renew(instances=["e-1"])).then(refused("NOT_RENEWABLE"))


def test_a_hundred_instances_can_be_renewed_at_once() -> None:
    """R27: 1-100 instances."""
    names = [f"e-{n:03}" for n in range(101)]
    story = given(*(do("start-trial", instance=name, sku="free") for name in names))
    story.when(renew(instances=names)).then(refused("NOT_RENEWABLE"))
    story.when(renew(instances=names[:100])).then(*["InstanceRenewed"] * 100)


def test_the_coupon_part_is_split_by_price_with_the_largest_remainder() -> None:
    """R27: split by price, largest remainder, ties by instance id; cash is the rest."""
    story = fleet().given(grant("c-1", "0.05"))
    # 0.05 x 160/360 = 0.0222, x 100/360 = 0.0138 twice: 2 + 1 + 1 and one left, to e-1 by id.
    story.when(renew(instances=ALL)).then(
        event("InstanceRenewed", instance="e-2", coupon_part="0.02", cash_part="159.98"),
        event("InstanceRenewed", instance="e-3", coupon_part="0.01", cash_part="99.99"),
        event("InstanceRenewed", instance="e-1", coupon_part="0.02", cash_part="99.98"),
    )


def test_the_coupon_is_named_on_each_even_where_its_part_is_zero() -> None:
    """R27: `coupon` is named on each, even where its part is 0.00; the minimum is of the total."""
    story = fleet().given(grant("c-1", "0.01", minimum_spend="360"))
    story.when(renew(instances=ALL)).then(
        event("InstanceRenewed", coupon="c-1", coupon_part="0.01"),
        event("InstanceRenewed", coupon="c-1", coupon_part="0.00"),
        event("InstanceRenewed", coupon="c-1", coupon_part="0.00"),
    )


def test_a_bulk_of_expired_and_running_ones_restores_the_expired() -> None:
    """R27: each keeps its own T, and R19 applies to those that are stopped."""
    story = fleet()
    story.when(renew("2025-02-03T00:00:00", instances=ALL)).then(
        "InstanceRenewed", "InstanceRenewed", "InstanceRenewed",
        event("ServiceRestoring", instance="e-1"),
    )  # fmt: skip


# --- R29 at a renewal --------------------------------------------------------------------------


def test_ticking_auto_renewal_at_a_renewal_sets_one_month() -> None:
    """R29: ticking at purchase or manual renewal sets the period to 1 month whatever was bought."""
    story = given(top_up("999"), BUY)
    story.when(renew(months=3, auto_renew=True)).then(
        "InstanceRenewed", event("AutoRenewEnabled", months=1)
    )


def test_ticking_where_it_is_on_changes_the_period_to_one_month() -> None:
    """R29: also where another period was set in renewal management."""
    story = given(top_up("999"), BUY, do("enable-auto-renew", instances=["e-1"], months=6))
    story.when(renew(auto_renew=True)).then(
        "InstanceRenewed", event("AutoRenewModified", months=1)
    )


@pytest.mark.parametrize("fields", [{}, {"auto_renew": False}])
def test_not_ticking_keeps_the_flag(fields: dict[str, object]) -> None:
    """R29: `auto_renew` absent or false at a renewal keeps the flag."""
    story = given(top_up("999"), BUY, do("enable-auto-renew", instances=["e-1"], months=6))
    story.given(renew(**fields))
    assert story.instance("e-1")["auto_renew"]["months"] == 6
