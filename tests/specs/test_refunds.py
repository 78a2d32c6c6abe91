"""Specs of cancellations and refunds (R41, R48-R50)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.given_when_then import World, bill, do, event, given, nothing, refused, top_up

if TYPE_CHECKING:
    from ledger.commands import AnyCommand

NOON = "2025-01-01T12:00:00"
LEGACY = do("activate-public", instance="i-1", kind="public_legacy")


def buy(at: str | None = None, /, **fields: object) -> AnyCommand:
    return do("purchase", at, **{"instance": "e-1", "sku": "std", "months": 1, **fields})


def renew(at: str | None = None, /, **fields: object) -> AnyCommand:
    return do("renew", at, **{"instances": ["e-1"], "months": 1, **fields})


def cancel(at: str | None = None, name: str = "e-1") -> AnyCommand:
    return do("cancel", at, instance=name)


def undo(at: str | None = None, name: str = "e-1") -> AnyCommand:
    return do("cancel-renewal", at, instance=name)


def bought(cash: str = "900") -> World:
    """An instance e-1 bought at noon of 2025-01-01, so that T = 2025-02-02 (32 days begun)."""
    return given(top_up(cash), buy(NOON))


# --- R48: within five days ---------------------------------------------------------------------


def test_within_five_days_of_the_purchase_all_cash_comes_back() -> None:
    """R48: within [purchase, purchase + 5 x 86 400 s): refund = the cash of all its orders."""
    story = bought().given(renew(), do("change-spec", instance="e-1", sku="pro"))
    story.when(cancel("2025-01-06T11:59:59")).then(
        event("RefundIssued", reason="five_day", calendar_year=2025),
        event("InstanceReleased", via="cancel", at="2025-01-06T11:59:59"),
    )
    assert story.shown()["cash"] == "900.00"
    shown = story.instance("e-1")
    assert (shown["state"], shown["releases_at"]) == ("released", "2025-01-06T11:59:59+08:00")
    assert shown["auto_renew"] == {"enabled": False, "months": None, "next_attempt_at": None}


def test_at_five_days_it_is_over() -> None:
    """R48: half-open: at purchase + 5 days the refund is of the unused part."""
    bought().when(cancel("2025-01-06T12:00:00")).then_includes(
        event("RefundIssued", reason="unused", calendar_year=None)
    )


def test_it_is_given_once_per_account_and_calendar_year_of_the_cancellation() -> None:
    """R48: once per account and local calendar year of the cancellation."""
    story = given(top_up("900"), buy("2025-12-30T12:00:00"), buy(instance="e-2"),
                  buy(instance="e-3"))  # fmt: skip
    first, again = cancel("2025-12-31T23:59:59"), cancel("2025-12-31T23:59:59", "e-2")
    next_year = cancel("2026-01-01T00:00:00", "e-3")
    story.when(first).then_includes(event("RefundIssued", reason="five_day", amount="100.00"))
    story.when(again).then_includes(event("RefundIssued", reason="unused", amount="93.75"))
    story.when(next_year).then_includes(event("RefundIssued", reason="five_day"))


def test_another_account_has_its_own() -> None:
    """R48: once per account."""
    story = given(do("open-account", account="a-2"), top_up("100"), buy(NOON))
    story.given(top_up("100", account="a-2", serial="x"), buy(account="a-2"), cancel())
    story.when(do("cancel", account="a-2", instance="e-1")).then_includes(
        event("RefundIssued", reason="five_day")
    )


def test_an_upgrade_of_a_public_instance_is_a_new_purchase() -> None:
    """R48: of a NEW purchase (an order of type `new`)."""
    story = given(top_up("100"), LEGACY)
    story.given(do("upgrade", "2025-03-01T00:00:00", instance="i-1", sku="std", months=1))
    story.when(cancel("2025-03-05T23:59:59", "i-1")).then_includes(
        event("RefundIssued", reason="five_day", amount="100.00")
    )


def test_a_renewed_trial_is_no_new_purchase() -> None:
    """R48: a renewal is not of type `new`: the term that has not begun comes back."""
    story = given(top_up("100"), do("start-trial", instance="e-1", sku="std"), renew())
    story.when(cancel()).then(
        event("RefundIssued", reason="unused", amount="100.00", calendar_year=None),
        "InstanceReleased",
    )


def test_another_span_of_the_five_days() -> None:
    """R48: five_day_refund may be any span (section 4); a change holds from its instant."""
    story = given(top_up("900"), policy={"five_day_refund": "0"})
    story.given(buy(NOON)).when(cancel()).then_includes(event("RefundIssued", reason="unused"))
    story = bought().given(do("set-policy", key="five_day_refund", value="20d"))
    story.when(cancel("2025-01-21T11:59:59")).then_includes(
        event("RefundIssued", reason="five_day")
    )


# --- R48: otherwise ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "amount"),
    [
        # 100.00 - floor(100.00 x used / 32), days used rounded up; the term is 31.5 days, so 32.
        ("2025-01-06T12:00:00", "84.38"),  # exactly 5
        ("2025-01-06T12:00:01", "81.25"),  # 6 begun
        ("2025-02-01T23:59:59", "0.00"),  # 32 begun
        ("2025-02-02T00:00:00", "0.00"),  # ended
        ("2025-02-10T00:00:00", "0.00"),
    ],
)
def test_of_a_running_term_what_is_unused_comes_back(at: str, amount: str) -> None:
    """R48: max(0, cash - floor(gross x used days / term days)), both rounded up to whole days."""
    story = bought()
    story.when(cancel(at)).then(event("RefundIssued", amount=amount), "InstanceReleased")


def test_what_was_used_counts_against_the_cash_first() -> None:
    """R48: cash - gross x used / term: the coupon part pays for what is left, and is lost."""
    story = given(top_up("60"), do("grant-coupon", coupon="c-1", amount="40", ends="2030-01-01"))
    story.given(buy(NOON)).when(cancel("2025-01-09T12:00:00")).then(
        event("RefundIssued", amount="35.00"), "InstanceReleased"
    )
    story = given(top_up("10"), do("grant-coupon", coupon="c-1", amount="90", ends="2030-01-01"))
    story.given(buy(NOON)).when(cancel("2025-01-09T12:00:00")).then(
        event("RefundIssued", amount="0.00"), "InstanceReleased"
    )


def test_all_cash_of_a_term_not_begun_comes_back() -> None:
    """R48: the sum over its orders; a spec upgrade runs from its change to T."""
    story = bought().given(renew(months=2))  # [02-02, 04-02) for 200.00
    story.given(do("change-spec", "2025-01-23T00:00:00", instance="e-1", sku="pro"))
    # 60.00 x 69 / 30 = 138.00 for [01-23, 04-02): 69 days, of which 9 are used.
    assert story.details("SpecUpgraded")[0]["price"] == "138.00"
    story.when(cancel("2025-02-01T00:00:00")).then(
        # 100.00 - 96.87 (31 of 32 days) + 200.00 + 138.00 - 18.00
        event("RefundIssued", amount="323.13"), "InstanceReleased",
    )  # fmt: skip


def test_a_spec_upgrade_runs_to_the_t_that_held_then() -> None:
    """R48: whatever T is later: neither a later renewal nor a cancelled one moves its end."""
    story = bought().given(renew(months=2))  # T is 04-02
    story.given(do("change-spec", "2025-01-23T00:00:00", instance="e-1", sku="pro"))
    story.given(do("cancel-renewal", instance="e-1"))  # T is 02-02 again
    story.when(cancel("2025-02-01T00:00:00")).then(
        # 100.00 - 96.87 + 138.00 - 18.00: 9 of the 69 days to 04-02
        event("RefundIssued", amount="123.13"), "InstanceReleased",
    )  # fmt: skip
    story = bought().given(do("change-spec", "2025-01-23T00:00:00", instance="e-1", sku="pro"))
    story.given(top_up("1000"), renew(months=2))
    # 60.00 x 10 / 30 = 20.00 for the 10 days to 02-02, of which 9 are used; later T is 04-02.
    story.when(cancel("2025-02-01T00:00:00")).then(
        event("RefundIssued", amount="325.13"), "InstanceReleased"
    )


def test_nothing_of_an_ended_term_comes_back() -> None:
    """R48: nothing of an ended one, and of the running one the days since the old T."""
    story = bought().given(renew())  # [02-02, 03-02): 28 days
    story.when(cancel("2025-02-09T00:00:00")).then(
        event("RefundIssued", amount="75.00"), "InstanceReleased"
    )


def test_a_trial_can_be_cancelled_and_refunds_nothing() -> None:
    """R48: a trial can be cancelled; never paid, it refunds nothing."""
    story = given(do("start-trial", instance="e-1", sku="std"))
    story.when(cancel()).then(event("InstanceReleased", via="cancel"))


def test_an_expired_instance_can_be_cancelled_until_its_release() -> None:
    """R48: released at once, also in [T, R)."""
    story = bought().when(cancel("2025-02-16T23:59:59"))
    story.then("RefundIssued", "InstanceReleased")


def test_what_cannot_be_cancelled() -> None:
    """R48: NOT_CANCELLABLE = public, released, or no renewal to cancel; UNKNOWN_INSTANCE."""
    story = bought().given(LEGACY, do("activate-public", instance="i-2", kind="public_new"))
    for name in ("i-1", "i-2"):
        story.when(cancel(name=name)).then(refused("NOT_CANCELLABLE"))
        story.when(undo(name=name)).then(refused("NOT_CANCELLABLE"))
    story.when(undo()).then(refused("NOT_CANCELLABLE"))
    story.when(cancel(name="e-9")).then(refused("UNKNOWN_INSTANCE"))
    story.when(undo(name="e-9")).then(refused("UNKNOWN_INSTANCE"))
    story.given(cancel()).when(cancel()).then(refused("NOT_CANCELLABLE"))
    story.when(undo()).then(refused("NOT_CANCELLABLE"))


def test_nothing_is_due_for_a_cancelled_instance() -> None:
    """R48: the instance is released at once, for good."""
    story = given(top_up("900"), buy(NOON, auto_renew=True), cancel())
    story.when_clock("2026-01-01T00:00:00").then(nothing)


# --- R49 ---------------------------------------------------------------------------------------


def test_renewals_are_cancelled_alone_the_latest_first() -> None:
    """R49: refund its full cash, T falls back to that term's start."""
    story = bought().given(renew(), renew(months=2))
    story.when(undo("2025-01-20T00:00:00")).then(
        event("RenewalCancelled", months=2, expires_at="2025-03-02T00:00:00"),
        event("RefundIssued", reason="renewal", amount="200.00", calendar_year=None),
    )
    story.when(undo()).then(
        event("RenewalCancelled", months=1, expires_at="2025-02-02T00:00:00"), "RefundIssued"
    )
    story.when(undo()).then(refused("NOT_CANCELLABLE"))
    assert story.shown()["cash"] == "800.00"
    story.when(renew()).then(event("InstanceRenewed", expires_at="2025-03-02T00:00:00"))


def test_a_renewal_whose_term_has_begun_cannot_be_cancelled_alone() -> None:
    """R49: whose term has not begun: at its start it has."""
    story = bought().given(renew()).when(undo("2025-02-02T00:00:00"))
    story.then(refused("NOT_CANCELLABLE"))
    bought().given(renew()).when(undo("2025-02-01T23:59:59")).then_includes(
        event("RenewalCancelled")
    )


def test_slots_at_or_before_the_cancellation_have_passed() -> None:
    """R49: slots at or before that instant have passed."""
    story = given(top_up("200"), buy(NOON, auto_renew=True), renew())
    story.given(undo("2025-01-28T08:00:00"), top_up("1"))
    assert story.instance("e-1")["auto_renew"]["next_attempt_at"] == "2025-01-29T08:00:00+08:00"
    story.when_clock("2025-01-29T08:00:00").then(event("InstanceRenewed", slot=4))


def test_a_renewed_expired_service_has_begun_its_term() -> None:
    """R49: a renewal in [T, R) starts at the old T, so it has begun."""
    bought().given(renew("2025-02-05T00:00:00")).when(undo()).then(refused("NOT_CANCELLABLE"))


def test_a_trial_whose_only_renewal_is_cancelled_is_a_trial_again() -> None:
    """R49: a trial again, auto-renewal off."""
    story = given(top_up("200"), do("start-trial", instance="e-1", sku="std"))
    story.given(renew(auto_renew=True), renew())
    story.when(undo()).then(event("RenewalCancelled", kind="enterprise"), "RefundIssued")
    story.when(undo()).then(
        event("RenewalCancelled", kind="trial", expires_at="2025-02-02T00:00:00"),
        event("AutoRenewDisabled", instance="e-1"),
        event("RefundIssued", amount="100.00"),
    )
    shown = story.instance("e-1")
    assert (shown["kind"], shown["auto_renew"]["enabled"]) == ("trial", False)
    story.when(do("enable-auto-renew", instances=["e-1"], months=1)).then(
        refused("NOT_RENEWABLE")
    )


# --- R50 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [cancel, undo])
def test_refunds_go_to_cash_and_settle_what_is_unpaid(command: object) -> None:
    """R50: refunds go to cash and settle unpaid items (R2)."""
    assert callable(command)
    story = given(LEGACY, top_up("200"), buy(NOON), renew(), bill("b-1", "30", NOON))
    story.when(command("2025-01-02T00:00:00")).then_includes(
        event("RefundIssued"),
        event("BillSettled", item="b-1", cash_part="30.00", outstanding="0.00"),
        event("OverdueCleared"),
    )


def test_pay_as_you_go_is_never_refunded_by_a_cancellation() -> None:
    """R50: pay-as-you-go is never refunded except by credit note."""
    story = bought().given(bill("b-1", "30", NOON, instance="e-1"), cancel())
    assert story.shown()["cash"] == "870.00"
    story.given(do("credit-note", note="n-1", bill="b-1", amount="30"))
    assert story.shown()["cash"] == "900.00"
