"""Specs of overdue: its flag, what it stops, what it forbids, how service comes back (R9-R19)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.given_when_then import World, bill, do, event, given, nothing, refused, top_up

if TYPE_CHECKING:
    from ledger.commands import AnyCommand

LEGACY = do("activate-public", instance="i-1", kind="public_legacy")
DAY_2 = "2025-01-02T10:00:00"
DAY_3 = "2025-01-03T10:00:00"
DAY_4 = "2025-01-04T10:00:00"
DAY_9 = "2025-01-09T10:00:00"


# --- R9 ----------------------------------------------------------------------------------------


def test_an_account_is_overdue_while_an_item_is_unpaid() -> None:
    """R9: overdue iff some unpaid item has outstanding > 0; since = posted_at of the oldest."""
    story = given(LEGACY, bill("b-1", "5", DAY_2), bill("b-2", "5", DAY_3))
    assert story.shown()["overdue_since"] == f"{DAY_2}+08:00"
    story.given(top_up("4.99"))
    assert story.shown()["overdue_since"] == f"{DAY_2}+08:00"
    story.given(top_up("0.01"))
    assert story.shown()["overdue_since"] == f"{DAY_3}+08:00", "it moves forward"
    story.given(top_up("5"))
    shown = story.shown()
    assert (shown["overdue"], shown["overdue_since"]) == (False, None)


def test_a_credit_note_on_the_oldest_item_moves_overdue_too() -> None:
    """R9: it moves forward when that item is paid while a younger one is not."""
    story = given(LEGACY, bill("b-1", "5", DAY_2), bill("b-2", "5", "2025-01-02T11:00:00"))
    story.when(do("credit-note", note="n-1", bill="b-1", amount="5")).then(
        "CreditNoteIssued", event("OverdueReanchored", overdue_since="2025-01-02T11:00:00")
    )


# --- R12, R13, R14 -----------------------------------------------------------------------------

RENEW = do("renew", instances=["e-1"], months=1)
FEES = [
    do("purchase", instance="e-9", sku="std", months=1),
    do("upgrade", instance="i-2", sku="std", months=1),
    do("change-spec", instance="e-1", sku="pro"),
    RENEW,
    do("renew", instances=["e-1", "e-2"], months=1),
]


def indebted() -> World:
    """Two Enterprise instances, legacy i-1, frozen i-2, 5.00 overdue since DAY_2, a rich coupon."""
    return given(
        LEGACY, do("activate-public", instance="i-2", kind="public_new"),
        top_up("200"), do("purchase", instance="e-1", sku="std", months=1),
        do("purchase", instance="e-2", sku="std", months=1, auto_renew=True),
        do("freeze", instance="i-2"),
        bill("b-1", "5", DAY_2), do("grant-coupon", coupon="c-1", amount="9000", ends="2030-01-01"),
    )  # fmt: skip


@pytest.mark.parametrize("command", FEES, ids=lambda command: type(command).__name__)
def test_fee_operations_are_refused_while_overdue(command: AnyCommand) -> None:
    """R12: ACCOUNT_OVERDUE while overdue, before looking at funds."""
    indebted().when(command).then(refused("ACCOUNT_OVERDUE"))


def test_even_without_funds_the_code_is_overdue() -> None:
    """R12: before looking at funds."""
    story = given(LEGACY, bill("b-1", "5", DAY_2))
    story.when(FEES[0]).then(refused("ACCOUNT_OVERDUE"))


def test_automatic_renewal_fails_while_overdue() -> None:
    """R12: automatic renewal too (as an event, R33)."""
    story = indebted().when_clock("2025-01-24T08:00:00")
    assert story.details("AutoRenewFailed")[0]["reason"] == "ACCOUNT_OVERDUE"


def test_enterprise_keeps_running_to_t_while_overdue() -> None:
    """R12: Enterprise keeps running to T; R14: overdue neither shortens nor extends T and R."""
    story = indebted().when_clock("2025-02-01T23:59:59")
    shown = story.instance("e-1")
    assert shown["state"] == "running"
    assert shown["expires_at"] == "2025-02-02T00:00:00+08:00"
    assert shown["releases_at"] == "2025-02-17T00:00:00+08:00"
    story.when_clock("2025-02-17T00:00:00")
    assert story.happened("InstanceExpired")[0] == ("2025-02-02T00:00:00", "InstanceExpired")
    assert story.happened("InstanceReleased")[0] == ("2025-02-17T00:00:00", "InstanceReleased")


@pytest.mark.parametrize(
    "command",
    [
        top_up("1"),
        do("grant-coupon", coupon="c-2", amount="1", ends="2030-01-01"),
        do("enable-auto-renew", instances=["e-1"], months=3),
        do("modify-auto-renew", instances=["e-2"], months=3),
        do("disable-auto-renew", instances=["e-2"]),
        do("set-alert", threshold="5"),
        do("continue-trial", instance="i-2"),
        do("activate-public", instance="i-3", kind="public_new"),
        do("activate-public", instance="i-3", kind="public_legacy"),
        do("start-trial", instance="e-3", sku="std"),
        do("cancel", instance="e-1"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_is_allowed_while_overdue(command: AnyCommand) -> None:
    """R13: top-up, grant, auto-renewal settings, alert, continuing, activating, trial, refund."""
    story = indebted().given(command)
    assert story.result not in (nothing, None)


def test_a_renewal_can_be_cancelled_while_overdue() -> None:
    """R13: refund/cancellation are allowed; the refund settles (R50)."""
    story = given(LEGACY, top_up("200"), do("purchase", instance="e-1", sku="std", months=1))
    story.given(RENEW, bill("b-1", "5", DAY_2))
    story.when(do("cancel-renewal", instance="e-1")).then_includes(
        event("BillSettled", cash_part="5.00"), event("OverdueCleared")
    )


# --- R16, R17 ----------------------------------------------------------------------------------


def test_the_worked_example_of_the_legacy_instance() -> None:
    """R16: cash 8.00, bill of 20.00 posted 11-02 06:30:00 (section 6)."""
    cycle = {"cycle_start": "2025-11-02T01:00:00", "cycle_end": "2025-11-02T02:30:00"}
    story = given(LEGACY, top_up("8"), bill("b-1", "20", "2025-11-02T06:30:00", **cycle))
    assert story.shown()["outstanding"] == "12.00"
    assert story.shown()["overdue_since"] == "2025-11-02T06:30:00+08:00"
    story.when_clock("2025-11-03T06:29:59").then(nothing)
    story.when_clock("2025-11-03T06:30:00").then(
        event("ServiceStopped", at="2025-11-03T06:30:00", overdue_since="2025-11-02T06:30:00")
    )


def test_paying_in_the_last_second_prevents_the_stop() -> None:
    """R16: paying at 23:59:59 of that span prevents the stop."""
    story = given(LEGACY, bill("b-1", "5", DAY_2), top_up("5", "2025-01-03T09:59:59"))
    story.when_clock(DAY_9).then(nothing)
    assert story.instance()["state"] == "running"


def test_at_24_hours_the_stop_happens_first_and_then_the_payment_clears() -> None:
    """R16: at 24:00:00 the stop happens first, then the payment clears."""
    story = given(LEGACY, bill("b-1", "5", DAY_2)).when(top_up("5", DAY_3))
    story.then("TopUpReceived", "BillSettled", "OverdueCleared", "ServiceRestoring")
    assert story.happened("ServiceStopped") == [(DAY_3, "ServiceStopped")]


def test_every_legacy_instance_of_the_account_stops() -> None:
    """R16: each legacy instance, in the order of ids (section 3)."""
    story = given(do("activate-public", instance="i-0", kind="public_legacy"), LEGACY)
    story.given(bill("b-1", "5", DAY_2)).when_clock(DAY_3).then(
        event("ServiceStopped", instance="i-0"), event("ServiceStopped", instance="i-1")
    )


def test_an_instance_activated_after_the_24_hours_stops_at_once() -> None:
    """R16: one activated later than that stops at once (R11)."""
    story = given(LEGACY, bill("b-1", "5", DAY_2))
    story.when(do("activate-public", DAY_4, instance="i-2", kind="public_legacy")).then(
        "PublicInstanceActivated", event("ServiceStopped", instance="i-2", at=DAY_4)
    )


def test_an_instance_activated_within_the_24_hours_stops_with_the_others() -> None:
    """R16: exactly overdue_since + 86 400 s, whenever it was activated."""
    story = given(LEGACY, bill("b-1", "5", DAY_2))
    later = do("activate-public", "2025-01-03T09:00:00", instance="i-2", kind="public_legacy")
    story.given(later).when_clock(DAY_3).then("ServiceStopped", "ServiceStopped")


def test_the_clock_of_24_hours_runs_per_oldest_item() -> None:
    """R17: it is re-anchored by a settlement."""
    story = given(LEGACY, bill("b-1", "5", DAY_2), bill("b-2", "5", "2025-01-03T04:00:00"))
    story.given(top_up("5", "2025-01-03T09:59:59"))
    story.when_clock("2025-01-04T03:59:59").then(nothing)
    story.when_clock("2025-01-04T04:00:00").then(
        event("ServiceStopped", overdue_since="2025-01-03T04:00:00")
    )


def test_once_stopped_only_a_fully_cleared_account_restores() -> None:
    """R17: a settlement that only re-anchors restores nothing."""
    story = given(LEGACY, bill("b-1", "5", DAY_2), bill("b-2", "5", "2025-01-03T04:00:00"))
    story.when(top_up("5", DAY_3)).then("TopUpReceived", "BillSettled", "OverdueReanchored")
    assert story.instance()["state"] == "stopped_overdue"
    story.when_clock("2025-01-05T00:00:00").then(nothing)
    story.when(top_up("5", serial="T2")).then_includes(event("ServiceRestoring"))


def test_another_grace_period() -> None:
    """R16: overdue_grace_legacy may be anything (section 4), also 0."""
    story = given(LEGACY, policy={"overdue_grace_legacy": "2d"}).given(bill("b-1", "5", DAY_2))
    story.when_clock("2025-01-04T09:59:59").then(nothing)
    story.when_clock(DAY_4).then("ServiceStopped")
    at_once = given(LEGACY, policy={"overdue_grace_legacy": "0"})
    at_once.when(bill("b-1", "5", DAY_2)).then("BillPosted", "OverdueStarted", "ServiceStopped")


def test_a_change_of_the_grace_period_stops_nothing_before_it() -> None:
    """R16: a change holds from its instant for everything not yet done (section 4)."""
    story = given(LEGACY, bill("b-1", "5", DAY_2))
    shorter = do("set-policy", "2025-01-02T20:00:00", key="overdue_grace_legacy", value="1h")
    story.when(shorter).then("PolicyAdopted", event("ServiceStopped", at="2025-01-02T20:00:00"))
    story = given(LEGACY, bill("b-1", "5", DAY_2))
    story.given(do("set-policy", DAY_2, key="overdue_grace_legacy", value="36h"))
    story.when_clock("2025-01-03T22:00:00").then(
        event("ServiceStopped", at="2025-01-03T22:00:00")
    )


# --- R19 ---------------------------------------------------------------------------------------


def stopped() -> World:
    return given(LEGACY, bill("b-1", "5", DAY_2)).when_clock(DAY_4)


def test_clearing_makes_a_stopped_service_restoring_for_30_minutes() -> None:
    """R19: RESTORING at c; RUNNING at c + restore_delay (30 min)."""
    story = stopped().given(top_up("5"))
    shown = story.instance()
    assert (shown["state"], shown["available"]) == ("restoring", False)
    assert shown["restored_at"] == "2025-01-04T10:30:00+08:00"
    story.when_clock("2025-01-04T10:29:59").then(nothing)
    story.when_clock("2025-01-04T10:30:00").then(
        event("ServiceRestored", at="2025-01-04T10:30:00", via="promise")
    )
    shown = story.instance()
    assert (shown["state"], shown["restored_at"], shown["available"]) == ("running", None, True)


def test_renewing_restores_an_expired_service() -> None:
    """R19: renewing at c makes a stopped service RESTORING."""
    story = given(top_up("200"), do("purchase", instance="e-1", sku="std", months=1))
    story.when(do("renew", "2025-02-03T12:00:00", instances=["e-1"], months=1)).then(
        "InstanceRenewed", event("ServiceRestoring", restored_at="2025-02-03T12:30:00")
    )


def test_an_explicit_restore_fact_may_come_earlier() -> None:
    """R19: an explicit restore fact may come earlier; the promise is then moot."""
    story = stopped().given(top_up("5"))
    story.when(do("restore", "2025-01-04T10:12:00", instance="i-1")).then(
        event("ServiceRestored", via="fact", at="2025-01-04T10:12:00")
    )
    story.when_clock(DAY_9).then(nothing)


def test_only_a_restoring_service_can_be_restored() -> None:
    """R19: WRONG_STATE for any other state; UNKNOWN_INSTANCE."""
    story = stopped()
    story.when(do("restore", instance="i-1")).then(refused("WRONG_STATE"))
    story.when(do("restore", instance="i-9")).then(refused("UNKNOWN_INSTANCE"))


def test_a_service_that_never_stopped_is_not_restored() -> None:
    """R19: if the service never stopped, nothing is restored."""
    story = given(LEGACY, bill("b-1", "5", DAY_2))
    story.when(top_up("5")).then("TopUpReceived", "BillSettled", "OverdueCleared")


def test_a_new_overdue_does_not_cancel_restoring() -> None:
    """R19: a new overdue during RESTORING does not cancel it (it has its own 24 h)."""
    story = stopped().given(top_up("5"), bill("b-2", "5", "2025-01-04T10:10:00"))
    story.when_clock("2025-01-05T10:10:00").then(
        event("ServiceRestored", at="2025-01-04T10:30:00"),
        event("ServiceStopped", at="2025-01-05T10:10:00"),
    )


def test_service_may_be_restored_at_once() -> None:
    """R19: restore_delay = 0..30 min (section 4); 0 restores within the batch."""
    story = given(LEGACY, bill("b-1", "5", DAY_2), policy={"restore_delay": "0"}).when_clock(DAY_4)
    story.when(top_up("5")).then_includes(
        event("ServiceRestoring", restored_at=DAY_4), event("ServiceRestored", at=DAY_4)
    )


def test_a_change_of_the_restore_delay_moves_what_is_restoring() -> None:
    """R19: the change holds for everything not yet done, from its instant (section 4)."""
    story = stopped().given(top_up("5"))
    sooner = do("set-policy", "2025-01-04T10:20:00", key="restore_delay", value="10min")
    story.when(sooner).then("PolicyAdopted", event("ServiceRestored", at="2025-01-04T10:20:00"))
    story = stopped().given(top_up("5"))
    story.given(do("set-policy", "2025-01-04T10:10:00", key="restore_delay", value="15min"))
    assert story.instance()["restored_at"] == "2025-01-04T10:15:00+08:00"
    story.when_clock(DAY_9).then(event("ServiceRestored", at="2025-01-04T10:15:00"))


def test_a_change_at_the_instant_of_clearing_holds_too() -> None:
    """R19: from its instant for everything not yet done (section 4), in order of arrival."""
    story = stopped().given(top_up("5"))
    story.given(do("set-policy", key="restore_delay", value="10min"))
    assert story.instance()["restored_at"] == "2025-01-04T10:10:00+08:00"
    story = stopped().given(do("set-policy", key="restore_delay", value="10min"), top_up("5"))
    assert story.instance()["restored_at"] == "2025-01-04T10:10:00+08:00"
