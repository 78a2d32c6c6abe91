"""Specs of the low-balance alert and its reminders (R52-R54)."""

from __future__ import annotations

import pytest

from tests.given_when_then import World, bill, do, event, given, nothing, top_up

LEGACY = do("activate-public", instance="i-1", kind="public_legacy")
ALERT = do("set-alert", threshold="50")
DAY_2 = "2025-01-02T10:00:00"


def watched(cash: str = "100", **policy: str) -> World:
    return given(LEGACY, top_up(cash), ALERT, policy=policy)


def low() -> World:
    """An episode that began at DAY_2 with 40.00 under a threshold of 50.00."""
    return watched().given(bill("b-1", "60", DAY_2))


def reminders(story: World) -> list[str]:
    return [at for at, _ in story.happened("LowBalanceReminderSent")]


# --- R52, R53 ----------------------------------------------------------------------------------


def test_it_is_raised_strictly_below_the_threshold() -> None:
    """R52: strictly below the threshold; equal is fine."""
    watched().when(bill("b-1", "50", DAY_2)).then("BillPosted", "BillSettled")
    story = watched().when(bill("b-1", "50.01", DAY_2)).then(
        "BillPosted", "BillSettled",
        event("LowBalanceAlertRaised", threshold="50.00", available="49.99", at=DAY_2),
    )  # fmt: skip
    assert story.shown()["alert"] == {"threshold": "50.00", "raised": True}


def test_it_watches_available_without_coupons() -> None:
    """R52: watches `available` (coupons excluded): cash - outstanding."""
    story = watched().given(
        do("grant-coupon", coupon="c-1", amount="500", ends="2030-01-01", order_types=["new"])
    )
    story.when(bill("b-1", "60", DAY_2)).then_includes(event("LowBalanceAlertRaised"))
    story = given(LEGACY, do("set-alert", threshold="0"))
    story.when(bill("b-1", "5", DAY_2)).then_includes(
        event("LowBalanceAlertRaised", available="-5.00")
    )


def test_it_is_evaluated_once_per_batch_by_its_net_effect() -> None:
    """R52: once per batch whose net effect changed `available`."""
    story = given(LEGACY, top_up("200"), do("purchase", instance="e-1", sku="std", months=1),
                  do("renew", instances=["e-1"], months=1), bill("b-1", "30", DAY_2),
                  do("set-alert", threshold="65"))  # fmt: skip
    # available -30: the refund of 100.00 and the settlement of 30.00 are one batch: +70 in total.
    story.when(do("cancel-renewal", instance="e-1")).then(
        "RenewalCancelled", "RefundIssued", "BillSettled", "OverdueCleared"
    )
    assert story.shown()["available"] == "70.00"


def test_a_settlement_by_a_top_up_changes_available_once() -> None:
    """R52: the batch of a top-up and its settlement has one evaluation, at its end."""
    story = watched("10").given(bill("b-1", "60", DAY_2))
    story.when(top_up("101", "2025-01-02T12:00:00")).then(
        "TopUpReceived", "BillSettled", "OverdueCleared",
        event("LowBalanceAlertCleared", available="51.00"),
    )  # fmt: skip


def test_a_batch_that_changes_nothing_raises_nothing() -> None:
    """R53: raised when available is below, the alert is armed AND available changed."""
    story = given(LEGACY, top_up("10")).when(ALERT).then("AlertConfigured")
    story.when(do("start-trial", instance="e-1", sku="std")).then("TrialStarted")
    story.when(bill("b-0", "0", DAY_2)).then("BillPosted")
    story.when(top_up("1")).then(
        "TopUpReceived", event("LowBalanceAlertRaised", available="11.00")
    )


def test_it_is_raised_once_until_it_re_arms() -> None:
    """R53: it re-arms only when available >= threshold."""
    story = low()
    story.when(bill("b-2", "1", DAY_2)).then("BillPosted", "BillSettled")
    story.when(top_up("10.99")).then("TopUpReceived")
    story.when(top_up("0.01")).then("TopUpReceived", event("LowBalanceAlertCleared"))
    assert story.shown()["alert"]["raised"] is False
    story.when(bill("b-3", "0.01", DAY_2)).then_includes(event("LowBalanceAlertRaised"))


def test_changing_the_threshold_arms_silently_and_ends_the_episode() -> None:
    """R53: raised is false, reminders are dropped; the next change raises again."""
    story = low().when(do("set-alert", threshold="60")).then(
        event("AlertConfigured", threshold="60.00")
    )
    assert story.shown()["alert"] == {"threshold": "60.00", "raised": False}
    story.when_clock("2025-01-05T00:00:00").then(nothing)
    story.when(top_up("1")).then("TopUpReceived", "LowBalanceAlertRaised")


def test_switching_it_off_ends_the_episode() -> None:
    """R53: null = off: nothing is watched; enabling arms silently."""
    story = low().given(do("set-alert", threshold=None))
    assert story.shown()["alert"] == {"threshold": None, "raised": False}
    story.when(bill("b-2", "30", DAY_2)).then("BillPosted", "BillSettled")
    story.when(ALERT).then("AlertConfigured")
    story.when_clock("2025-01-09T00:00:00").then(nothing)


@pytest.mark.parametrize("threshold", ["50", "50.00", None])
def test_the_threshold_it_already_has_changes_nothing(threshold: str | None) -> None:
    """R53: setting the threshold it already has changes nothing."""
    story = low() if threshold else given()
    story.when(do("set-alert", threshold=threshold)).then(nothing)
    assert story.shown()["alert"]["raised"] is (threshold is not None)


def test_a_due_transition_is_a_batch_too() -> None:
    """R52: a batch = one due transition or one command, with all it causes at once."""
    story = watched().given(
        do("record-usage", "2025-01-02T07:00:00", usage="u-1", instance="i-1", rated="60",
           cycle_start="2025-01-02T06:00:00", cycle_end="2025-01-02T07:00:00"),
    )  # fmt: skip
    story.when_clock("2025-01-02T11:00:00").then(
        "BillPosted", "BillSettled", event("LowBalanceAlertRaised", at="2025-01-02T11:00:00")
    )


# --- R54 ---------------------------------------------------------------------------------------


def test_five_reminders_follow_day_by_day() -> None:
    """R54: reminders at raise + k x 24 h, k = 1..5, while still below."""
    story = low().when_clock("2025-02-01T00:00:00")
    assert reminders(story) == [f"2025-01-0{day}T10:00:00" for day in range(3, 8)]
    sent = story.details("LowBalanceReminderSent")
    assert [one["number"] for one in sent] == [1, 2, 3, 4, 5]
    assert {(one["threshold"], one["available"]) for one in sent} == {("50.00", "40.00")}


def test_recovery_cancels_the_reminders_of_the_episode() -> None:
    """R54: cancelled for good in that episode by recovery."""
    story = low().given(top_up("10", "2025-01-04T09:00:00")).when_clock("2025-02-01T00:00:00")
    assert reminders(story) == ["2025-01-03T10:00:00"]


def test_a_new_episode_has_reminders_of_its_own() -> None:
    """R54: in that episode: the next one counts from its own raise."""
    story = low().given(top_up("10", "2025-01-04T09:00:00"))
    story.given(bill("b-2", "1", "2025-01-04T12:00:00"))
    story.when_clock("2025-02-01T00:00:00")
    assert reminders(story)[1] == "2025-01-05T12:00:00"
    assert len(reminders(story)) == 6


def test_going_below_zero_cancels_them_for_good() -> None:
    """R54: by available < 0, also when it comes up again below the threshold."""
    story = low()
    story.when(bill("b-2", "40.01", "2025-01-03T12:00:00")).then_includes(
        event("LowBalanceRemindersCancelled", available="-0.01")
    )
    story.given(top_up("20")).when_clock("2025-02-01T00:00:00")
    assert reminders(story) == ["2025-01-03T10:00:00"]
    assert story.shown()["alert"]["raised"] is True


def test_exactly_zero_does_not_cancel_them() -> None:
    """R54: available < 0, strictly."""
    story = low().given(bill("b-2", "40", "2025-01-03T12:00:00")).when_clock("2025-02-01T00:00:00")
    assert len(reminders(story)) == 5


def test_an_alert_that_is_raised_below_zero_has_no_reminders() -> None:
    """R54: cancelled by available < 0 from the start."""
    story = watched().given(bill("b-1", "100.01", DAY_2), top_up("1")).when_clock(
        "2025-01-20T00:00:00"
    )
    assert story.happened("LowBalanceAlertRaised")
    assert not reminders(story)


def test_a_reminder_comes_before_the_payment_of_the_same_instant() -> None:
    """R54: due transitions come first (section 3)."""
    story = low().given(top_up("100", "2025-01-03T10:00:00"))
    assert reminders(story) == ["2025-01-03T10:00:00"]


def test_a_posting_at_the_instant_of_a_reminder_comes_first() -> None:
    """R54: class 3 before class 9: a posting that goes below zero cancels that reminder."""
    story = low().given(
        do("record-usage", usage="u-1", instance="i-1", rated="90",
           cycle_start="2025-01-03T05:00:00", cycle_end="2025-01-03T06:00:00"),
    ).when_clock("2025-01-20T00:00:00")  # fmt: skip
    assert not reminders(story)


@pytest.mark.parametrize(("value", "count"), [("0", 0), ("2", 2), ("9", 9)])
def test_another_number_of_reminders(value: str, count: int) -> None:
    """R54: alert_reminders = 0.. (section 4)."""
    story = watched(alert_reminders=value).given(bill("b-1", "60", DAY_2))
    assert len(reminders(story.when_clock("2025-02-01T00:00:00"))) == count


def test_more_reminders_from_a_change_in_mid_life() -> None:
    """R54: a change holds from its instant for everything not yet done (section 4)."""
    story = low().given(do("set-policy", "2025-01-08T12:00:00", key="alert_reminders", value="8"))
    story.when_clock("2025-02-01T00:00:00")
    assert reminders(story)[5:] == ["2025-01-09T10:00:00", "2025-01-10T10:00:00"]
    story = low().given(do("set-policy", "2025-01-04T12:00:00", key="alert_reminders", value="3"))
    assert len(reminders(story.when_clock("2025-02-01T00:00:00"))) == 3
