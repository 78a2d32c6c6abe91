"""Specs of orders: purchase, trial, upgrade of a public instance, spec upgrade (R21, R45-R47)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.given_when_then import World, bill, do, event, given, nothing, refused, top_up

if TYPE_CHECKING:
    from ledger.commands import AnyCommand

DAY_2 = "2025-01-02T10:00:00"
NOON = "2025-01-01T12:00:00"
BUY = do("purchase", NOON, instance="e-1", sku="std", months=1)  # T = 2025-02-02
PUBLIC = do("activate-public", instance="i-1", kind="public_new")
LEGACY = do("activate-public", instance="i-1", kind="public_legacy")


def upgrade(at: str | None = None, /, **fields: object) -> AnyCommand:
    return do("upgrade", at, **{"instance": "i-1", "sku": "std", "months": 1, **fields})


def change(at: str | None = None, /, **fields: object) -> AnyCommand:
    return do("change-spec", at, **{"instance": "e-1", "sku": "pro", **fields})


def test_a_purchase_starts_a_term_and_is_paid_at_once() -> None:
    """R21: anchor = local purchase date; R26: paid from one coupon and cash."""
    story = given(top_up("130")).when(BUY).then(
        event("InstancePurchased", price="100.00", cash_part="100.00", coupon=None,
              starts=NOON, expires_at="2025-02-02T00:00:00"),
    )  # fmt: skip
    assert story.shown()["cash"] == "30.00"
    assert story.instance("e-1") == {
        "instance": "e-1", "kind": "enterprise", "state": "running", "available": True,
        "sku": "std", "expires_at": "2025-02-02T00:00:00+08:00",
        "releases_at": "2025-02-17T00:00:00+08:00", "restored_at": None,
        "auto_renew": {"enabled": False, "months": None, "next_attempt_at": None},
    }  # fmt: skip


def test_an_instance_id_is_used_once_in_its_account() -> None:
    """R26: ids of instances are unique within their account; another account may use them."""
    story = given(top_up("900"), BUY)
    for command in (
        do("purchase", instance="e-1", sku="std", months=1),
        do("start-trial", instance="e-1", sku="std"),
        do("activate-public", instance="e-1", kind="public_new"),
    ):
        story.when(command).then(refused("ALREADY_EXISTS"))
    story.given(do("open-account", account="a-2"))
    story.given(do("start-trial", account="a-2", instance="e-1", sku="std"))


def test_a_sku_needs_a_list_price() -> None:
    """R24: UNKNOWN_SKU."""
    story = given(top_up("900"), BUY, PUBLIC)
    for command in (
        do("purchase", instance="e-2", sku="none", months=1),
        do("start-trial", instance="e-2", sku="none"),
        upgrade(sku="none"),
        change(sku="none"),
    ):
        story.when(command).then(refused("UNKNOWN_SKU"))


def test_prices_are_in_the_ledgers_currency() -> None:
    """R24: an account in another currency finds no list price."""
    story = given(do("open-account", account="a-2", currency="USD"))
    story.when(do("start-trial", account="a-2", instance="e-2", sku="std")).then(
        refused("UNKNOWN_SKU")
    )


# --- R45 ---------------------------------------------------------------------------------------


def test_an_upgrade_makes_a_public_instance_enterprise_on_the_same_id() -> None:
    """R45: an order of type `new` on the same id; anchor = the upgrade date; irreversible."""
    story = given(top_up("400"), LEGACY)
    story.when(upgrade("2025-03-31T12:00:00")).then(
        event("UpgradedToEnterprise", instance="i-1", state="running", price="100.00",
              starts="2025-03-31T12:00:00", expires_at="2025-05-01T00:00:00"),
    )  # fmt: skip
    assert story.instance()["kind"] == "enterprise"
    story.when(do("renew", instances=["i-1"], months=1)).then(
        event("InstanceRenewed", expires_at="2025-06-01T00:00:00")
    )
    story.when(upgrade()).then(refused("WRONG_STATE"))
    story.when(do("activate-public", instance="i-1", kind="public_new")).then(
        refused("ALREADY_EXISTS")
    )


def test_an_upgraded_instance_expires_and_is_no_more_stopped_for_overdue() -> None:
    """R45: an Enterprise instance like any other (R12, R22)."""
    story = given(top_up("100"), LEGACY, upgrade(NOON), bill("b-1", "5", DAY_2))
    story.when_clock("2025-02-02T00:00:00").then("InstanceExpired")


def test_a_frozen_instance_runs_at_once_when_upgraded() -> None:
    """R45: a frozen one runs at once."""
    story = given(top_up("100"), PUBLIC, do("freeze", instance="i-1"))
    story.when(upgrade()).then(event("UpgradedToEnterprise", state="running"))
    assert story.instance()["state"] == "running"


def restoring() -> World:
    """A legacy instance, stopped for overdue, that restores from 01-04 10:00 to 10:30."""
    return given(LEGACY, bill("b-1", "5", DAY_2), top_up("105", "2025-01-04T10:00:00"))


def test_a_restoring_instance_stays_so_when_upgraded() -> None:
    """R45: an instance that is restoring stays so, until its promised instant."""
    story = restoring().when(upgrade()).then(event("UpgradedToEnterprise", state="restoring"))
    assert story.instance()["state"] == "restoring"
    assert story.instance()["restored_at"] == "2025-01-04T10:30:00+08:00"
    story.when_clock("2025-01-04T10:30:00").then("ServiceRestored")


def test_only_public_instances_can_be_upgraded() -> None:
    """R45: Enterprise and trial: WRONG_STATE; unknown: UNKNOWN_INSTANCE."""
    story = given(top_up("900"), BUY, do("start-trial", instance="e-2", sku="std"))
    story.when(upgrade(instance="e-1")).then(refused("WRONG_STATE"))
    story.when(upgrade(instance="e-2")).then(refused("WRONG_STATE"))
    story.when(upgrade(instance="e-9")).then(refused("UNKNOWN_INSTANCE"))


def test_a_stopped_instance_is_refused_for_being_overdue() -> None:
    """R45: WRONG_STATE only where no other code says so: here it is ACCOUNT_OVERDUE (R12)."""
    story = given(LEGACY, bill("b-1", "5", DAY_2)).when_clock("2025-01-04T00:00:00")
    story.when(upgrade()).then(refused("ACCOUNT_OVERDUE"))


def test_a_usage_of_the_public_life_is_billed_after_the_upgrade() -> None:
    """R45: data kept: what was recorded before stays and is billed as public (R5)."""
    story = given(top_up("200"), LEGACY, do(
        "record-usage", DAY_2, instance="i-1", usage="u-1", rated="3",
        cycle_start="2025-01-02T09:00:00", cycle_end="2025-01-02T10:00:00",
    ), upgrade())  # fmt: skip
    story.when_clock("2025-01-02T14:00:00").then(
        event("BillPosted", product="iot_public"), "BillSettled"
    )


# --- R46 ---------------------------------------------------------------------------------------


def trial() -> World:
    """A trial since 2025-01-31 12:00, so T = 2025-03-01."""
    return given(top_up("900"), do("start-trial", "2025-01-31T12:00:00", instance="e-1", sku="std"))


def test_a_trial_is_free_and_lasts_one_month() -> None:
    """R46: free, 1 month by R21, no auto-renewal."""
    story = trial()
    shown = story.instance("e-1")
    assert (shown["kind"], shown["expires_at"]) == ("trial", "2025-03-01T00:00:00+08:00")
    assert story.shown()["cash"] == "900.00"
    for name in ("enable-auto-renew", "modify-auto-renew"):
        story.when(do(name, instances=["e-1"], months=1)).then(refused("NOT_RENEWABLE"))
    story.when(change()).then(refused("WRONG_STATE"))


@pytest.mark.parametrize("at", ["2025-02-01T00:00:00", "2025-03-15T23:59:59"])
def test_a_trial_renewed_becomes_a_paid_enterprise(at: str) -> None:
    """R46: renewable by a paid renewal at any t < R; anchor and month count continue."""
    story = trial().given(do("renew", at, instances=["e-1"], months=1, auto_renew=True))
    shown = story.instance("e-1")
    assert (shown["kind"], shown["expires_at"]) == ("enterprise", "2025-04-01T00:00:00+08:00")
    assert shown["auto_renew"]["enabled"]


def test_a_trial_expires_and_is_released_like_any_enterprise() -> None:
    """R46: expires and is released like any Enterprise."""
    trial().when_clock("2025-03-16T00:00:00").then(
        event("InstanceExpired", at="2025-03-01T00:00:00"),
        event("InstanceReleased", at="2025-03-16T00:00:00"),
    )


def test_a_trial_may_be_released_at_its_end() -> None:
    """R46: trial_retention = 0 (section 4), for trials alone."""
    story = given(top_up("900"), policy={"trial_retention": "0"})
    story.given(BUY, do("start-trial", instance="e-2", sku="std"))
    story.when_clock("2025-02-03T00:00:00").then(
        event("InstanceExpired", instance="e-1"),
        event("InstanceExpired", instance="e-2"),
        event("InstanceReleased", instance="e-2", at="2025-02-02T00:00:00"),
    )


def test_a_change_of_trial_retention_holds_from_its_instant() -> None:
    """R46: section 4: nothing is released before the change."""
    story = trial()
    sooner = do("set-policy", "2025-03-10T06:00:00", key="trial_retention", value="0")
    story.when(sooner).then("PolicyAdopted", event("InstanceReleased", at="2025-03-10T06:00:00"))


# --- R47 ---------------------------------------------------------------------------------------


def test_a_spec_upgrade_costs_the_difference_over_the_remaining_seconds() -> None:
    """R47: fee = difference x remaining seconds / (30 x 86 400); T unchanged."""
    story = given(top_up("900"), BUY)
    # From 01-18 00:00 to 02-02 00:00 are 15 days: half of 60.00.
    story.when(change("2025-01-18T00:00:00")).then(
        event("SpecUpgraded", price="30.00", sku_before="std", sku="pro",
              starts="2025-01-18T00:00:00", ends="2025-02-02T00:00:00"),
    )  # fmt: skip
    shown = story.instance("e-1")
    assert (shown["sku"], shown["expires_at"]) == ("pro", "2025-02-02T00:00:00+08:00")


@pytest.mark.parametrize(
    ("at", "fee"),
    [
        ("2025-01-31T00:00:00", "0.01"),  # 2 days of 0.10 / 30 = 0.00666...
        ("2025-02-01T00:00:00", "0.00"),  # 1 day = 0.00333...
        ("2025-01-31T12:00:00", "0.01"),  # 1.5 days = 0.005: half goes up
        ("2025-01-31T12:00:01", "0.00"),
        ("2025-02-01T23:59:59", "0.00"),
    ],
)
def test_the_fee_is_rounded_half_up(at: str, fee: str) -> None:
    """R47: rounded half-up to the minor unit."""
    story = given(top_up("900"), BUY, do("set-price", sku="plus", monthly_price="100.10"))
    story.when(change(at, sku="plus")).then(event("SpecUpgraded", price=fee))


def test_the_difference_is_of_current_list_prices() -> None:
    """R47: current list price of the new sku - that of the old one."""
    story = given(top_up("900"), BUY, do("set-price", sku="std", monthly_price="130"))
    story.when(change("2025-01-18T00:00:00")).then(event("SpecUpgraded", price="15.00"))


def test_later_renewals_use_the_new_price() -> None:
    """R47: later renewals use the new price."""
    story = given(top_up("900"), BUY, change())
    story.when(do("renew", instances=["e-1"], months=1)).then(
        event("InstanceRenewed", sku="pro", price="160.00")
    )


def test_a_spec_upgrade_needs_a_running_term() -> None:
    """R47: now < T, else EXPIRED."""
    given(top_up("900"), BUY).when(change("2025-02-02T00:00:00")).then(refused("EXPIRED"))


@pytest.mark.parametrize("sku", ["std", "free", "same"])
def test_a_smaller_or_equal_price_is_no_upgrade(sku: str) -> None:
    """R47: a difference <= 0 is INVALID_AMOUNT."""
    story = given(top_up("900"), BUY, do("set-price", sku="same", monthly_price="100"))
    story.when(change(sku=sku)).then(refused("INVALID_AMOUNT"))


def test_the_difference_is_checked_after_the_state_and_before_overdue() -> None:
    """R47: INVALID_AMOUNT is checked after state."""
    story = given(top_up("100"), BUY, bill("b-1", "5", DAY_2, instance="e-1"))
    story.when(change(sku="free")).then(refused("INVALID_AMOUNT"))
    story.when(change("2025-02-02T00:00:00", sku="free")).then(refused("EXPIRED"))


def test_only_a_paid_unreleased_enterprise_changes_its_spec() -> None:
    """R47: of a paid, unreleased Enterprise: else WRONG_STATE; unknown: UNKNOWN_INSTANCE."""
    story = given(top_up("900"), BUY, PUBLIC, do("start-trial", instance="e-2", sku="std"))
    story.when(change(instance="i-1")).then(refused("WRONG_STATE"))
    story.when(change(instance="e-2")).then(refused("WRONG_STATE"))
    story.when(change(instance="e-9")).then(refused("UNKNOWN_INSTANCE"))
    story.given(do("cancel", instance="e-1")).when(change()).then(refused("WRONG_STATE"))


def test_a_spec_upgrade_is_paid_like_any_order() -> None:
    """R47: an order of type `upgrade` (R26, R39)."""
    story = given(top_up("100"), BUY)
    story.when(change()).then(refused("INSUFFICIENT_BALANCE"))
    story.given(do("grant-coupon", coupon="c-1", amount="99", ends="2030-01-01",
                   order_types=["upgrade"]))  # fmt: skip
    story.when(change("2025-01-18T00:00:00")).then(
        event("SpecUpgraded", coupon="c-1", coupon_part="30.00", cash_part="0.00")
    )
    story.when_clock("2025-01-18T00:00:01").then(nothing)
