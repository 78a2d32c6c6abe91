"""Specs of time and the log: due order, catch-up, folds, points (R55-R57, R60, section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from ledger import codec
from ledger.account import fold
from ledger.account.ordering import next_due
from ledger.errors import CorruptHistory
from ledger.events import BillSettled, RecordedEvent
from tests.given_when_then import Past, World, bill, do, event, given, nothing, top_up, whole

if TYPE_CHECKING:
    from ledger.commands import AnyCommand

LEGACY = do("activate-public", instance="i-1", kind="public_legacy")
DAY_2 = "2025-01-02T10:00:00"
X = "2025-02-10T00:00:00"


def usage(name: str, end: str, rated: str = "1") -> AnyCommand:
    return do("record-usage", usage=name, instance="i-1", rated=rated,
              cycle_start="2025-01-02T00:00:00", cycle_end=end)  # fmt: skip


# --- section 3: the order of things due at one instant ------------------------------------------


def crowd() -> World:
    """Everything but a reminder falls due at X; e-slot-c has the earlier T."""
    policy = {
        "bill_delay": "0", "overdue_grace_legacy": "10min", "auto_renew_time": "00:00:00",
        "auto_renew_first_day": "3",
    }  # fmt: skip
    order = {"sku": "std", "months": 1}
    return given(
        top_up("400"), LEGACY,
        do("grant-coupon", coupon="c-start", amount="1", starts="2025-02-10", ends="2030-01-01",
           order_types=["new"]),
        do("grant-coupon", coupon="c-end", amount="1", ends="2025-02-09", order_types=["upgrade"]),
        usage("u-2", X), usage("u-1", X),
        do("start-trial", "2024-12-25T12:00:00", instance="e-rel", sku="std"),
        do("purchase", "2024-12-31T12:00:00", instance="e-back", sku="free", months=1),
        do("purchase", "2025-01-09T12:00:00", instance="e-exp", **order),
        do("purchase", "2025-01-10T12:00:00", instance="e-slot-c", auto_renew=True, **order),
        do("purchase", "2025-01-11T12:00:00", instance="e-slot-b", auto_renew=True, **order),
        do("purchase", "2025-01-11T12:00:00", instance="e-slot-a", auto_renew=True, **order),
        do("renew", "2025-02-09T23:30:00", instances=["e-back"], months=1),
        bill("b-1", "5", "2025-02-09T23:50:00"),
        policy=policy, start="2024-12-01T00:00:00",
    )  # fmt: skip


AT_X = [
    event("CouponStarted", coupon="c-start", at=X),
    event("CouponExpired", coupon="c-end", at=X),
    event("BillPosted", bill="u-1", at=X),
    event("BillPosted", bill="u-2", at=X),
    event("ServiceStopped", instance="i-1", at=X),
    event("ServiceRestored", instance="e-back", at=X),
    event("AutoRenewFailed", instance="e-slot-c", slot=1, reason="ACCOUNT_OVERDUE", at=X),
    event("AutoRenewFailed", instance="e-slot-a", slot=2, at=X),
    event("AutoRenewFailed", instance="e-slot-b", slot=2, at=X),
    event("InstanceExpired", instance="e-exp", at=X),
    event("InstanceReleased", instance="e-rel", at=X),
]


def test_things_due_at_one_instant_come_class_by_class() -> None:
    """R57: section 3: coupon start, end, bill, stop, restored, slots, expiry, release."""
    crowd().when_clock(X).then(*AT_X)


def test_due_transitions_come_before_the_command_of_their_instant() -> None:
    """R57: due transitions first, then commands in order of arrival (the catch-up barrier)."""
    story = crowd()
    before = len(story.log)
    story.given(top_up("7", X), top_up("1", X))
    names = [type(recorded.event).__name__ for recorded in story.log[before:]]
    assert names[: len(AT_X)] == [one.name for one in AT_X]
    assert names[len(AT_X) :] == [
        "TopUpReceived", "BillSettled", "BillSettled", "BillSettled", "OverdueCleared",
        "ServiceRestoring", "TopUpReceived",
    ]  # fmt: skip


def test_owed_usage_comes_before_optional_spending() -> None:
    """R57: section 3: 3 < 6."""
    story = given(
        LEGACY, top_up("200"), usage("u-1", "2025-01-24T04:00:00", "0.01"),
        do("purchase", instance="e-1", sku="std", months=1, auto_renew=True),
    )  # fmt: skip
    story.when_clock("2025-01-24T08:00:00").then(
        "BillPosted", "BillSettled", event("AutoRenewFailed", available="99.99")
    )


def test_a_failed_slot_does_not_stop_the_rest() -> None:
    """R57: slots: earlier T first, then id; a failure does not stop the rest."""
    story = given(
        top_up("360"),
        do("purchase", instance="e-2", sku="pro", months=1, auto_renew=True),
        do("purchase", instance="e-1", sku="std", months=1, auto_renew=True),
    )
    story.when_clock("2025-01-24T08:00:00").then(
        event("InstanceRenewed", instance="e-1"),
        event("AutoRenewFailed", instance="e-2", available="0.00"),
    )


def test_reminders_come_last() -> None:
    """R57: section 3: alert evaluation after each batch, then reminders (class 9)."""
    story = given(
        LEGACY, top_up("100"), do("set-alert", threshold="50"),
        do("start-trial", "2025-01-09T12:00:00", instance="e-1", sku="std"),
        bill("b-1", "60", "2025-02-09T00:00:00"), usage("u-1", X),
        policy={"bill_delay": "0", "trial_retention": "0"},
    )  # fmt: skip
    story.when_clock(X).then(
        "BillPosted", "BillSettled", "InstanceExpired", "InstanceReleased",
        event("LowBalanceReminderSent", number=1, at=X),
    )  # fmt: skip


# --- R57: catch-up ------------------------------------------------------------------------------


def test_one_long_jump_gives_the_same_bytes_as_many_ticks() -> None:
    """R57: one long clock jump gives the same events in the same order as many ticks."""
    jump, ticks = crowd(), crowd()
    jump.when_clock("2025-04-01T00:00:00")
    for day in range(10, 29):
        for hour in (0, 8, 23):
            ticks.when_clock(f"2025-02-{day}T{hour:02}:00:00")
    ticks.when_clock("2025-04-01T00:00:00")
    assert [codec.encode(r) for r in jump.log] == [codec.encode(r) for r in ticks.log]


def test_transitions_are_effective_at_their_due_instant() -> None:
    """R57: events too, effective at their due instant, recorded before any later command."""
    story = given(top_up("100"), do("purchase", instance="e-1", sku="std", months=1))
    story.given(top_up("1", "2025-06-01T00:00:00"))
    assert story.happened()[-3:] == [
        ("2025-02-02T00:00:00", "InstanceExpired"),
        ("2025-02-17T00:00:00", "InstanceReleased"),
        ("2025-06-01T00:00:00", "TopUpReceived"),
    ]


# --- section 0 ----------------------------------------------------------------------------------


def test_sub_second_input_is_truncated_before_anything_is_compared() -> None:
    """R57: section 0: instants have 1 s resolution."""
    story = given(LEGACY, bill("b-1", "5", DAY_2))
    story.when(top_up("5", "2025-01-03T09:59:59.999999")).then(
        event("TopUpReceived", at="2025-01-03T09:59:59"), "BillSettled", "OverdueCleared"
    )


# --- R55, R56 -----------------------------------------------------------------------------------


def test_an_event_cannot_be_changed() -> None:
    """R55: immutable; no update, no delete."""
    recorded = given(top_up("5")).log[-1]
    with pytest.raises(AttributeError):
        recorded.position = 1  # type: ignore[misc]
    with pytest.raises(AttributeError):
        recorded.event.amount = 1  # type: ignore[misc, union-attr]


def test_a_correction_is_a_new_event_that_names_what_it_corrects() -> None:
    """R55: reversal, credit note, cancelled renewal name their payment, bill, instance."""
    story = given(
        LEGACY, top_up("500", serial="T1"), bill("b-1", "5", DAY_2),
        do("purchase", instance="e-1", sku="std", months=1),
        do("renew", instances=["e-1"], months=1),
    )  # fmt: skip
    story.when(do("reverse-top-up", channel="alipay", serial="T1", amount="1")).then(
        event("TopUpReversed", channel="alipay", serial="T1")
    )
    story.when(do("credit-note", note="n", bill="b-1", amount="1")).then(
        event("CreditNoteIssued", bill="b-1")
    )
    story.when(do("cancel-renewal", instance="e-1")).then(
        event("RenewalCancelled", instance="e-1", expires_at="2025-02-03T00:00:00"),
        "RefundIssued",
    )


def test_a_state_is_a_pure_fold_of_its_events() -> None:
    """R56: a replay reproduces the state; R60: a prefix folded on is the whole."""
    story = crowd().when_clock("2025-03-01T00:00:00")
    assert whole(fold("a-1", story.stream())) == whole(story.state)
    decoded = codec.decode_all(codec.encode(recorded) for recorded in story.stream())
    assert whole(fold("a-1", decoded)) == whole(story.state)


def in_effective_order(story: World) -> list[RecordedEvent]:
    return sorted(story.stream(), key=lambda recorded: (recorded.effective_at, recorded.position))


def same_head_in_either_order(story: World) -> None:
    before = story.shown()
    story.states["a-1"] = fold("a-1", in_effective_order(story))
    assert story.shown() == before


def test_a_past_effective_time_can_be_asked_with_todays_knowledge() -> None:
    """R56: any (effective time, known time) pair can be asked for."""
    story = given(top_up("5"), top_up("7", "2025-01-05T00:00:00", effective_at=DAY_2))
    at, known = story.instant(DAY_2), story.instant("2025-01-04T00:00:00")
    late = fold("a-1", [r for r in in_effective_order(story) if r.effective_at <= at])
    then = fold("a-1", [r for r in story.stream() if r.recorded_at <= known])
    assert (late.cash, then.cash) == (1200, 500)


def test_a_late_restore_before_an_upgrade_folds_to_the_same_head() -> None:
    """R56: the order of effective times gives the same head as that of positions."""
    story = given(
        LEGACY, bill("b-1", "5", DAY_2), top_up("105", "2025-01-04T10:00:00"),
        do("upgrade", "2025-01-04T10:05:00", instance="i-1", sku="std", months=1),
        do("restore", "2025-01-04T10:10:00", instance="i-1", effective_at="2025-01-04T10:02:00"),
    )  # fmt: skip
    assert story.instance()["state"] == "running"
    same_head_in_either_order(story)


def test_a_late_credit_note_on_a_late_bill_folds_to_the_same_head() -> None:
    """R56: also where it gives back a coupon that was granted after its value date."""
    story = given(
        LEGACY,
        do("grant-coupon", "2025-01-03T00:00:00", coupon="c-1", amount="3", ends="2030-01-01"),
        do("grant-coupon", coupon="c-2", amount="4", ends="2025-01-08"),
        bill("b-1", "9", "2025-01-05T00:00:00", effective_at="2025-01-02T00:00:00"),
        do("credit-note", "2025-01-10T00:00:00", note="n-1", bill="b-1", amount="8",
           effective_at="2025-01-02T12:00:00"),
    )  # fmt: skip
    assert story.coupon("c-1")["remaining"] == "3.00"
    assert story.coupon("c-2")["forfeited"] == "3.00"
    bill_before = whole(story.state.bills["b-1"])
    same_head_in_either_order(story)
    assert whole(story.state.bills["b-1"]) == bill_before


def test_a_head_that_was_folded_in_effective_order_has_the_same_deadline() -> None:
    """R60: a state is complete whichever way it was folded: what is due next is the same."""
    story = crowd().given(top_up("3", effective_at="2025-01-05T00:00:00"))
    other = fold("a-1", in_effective_order(story))
    assert next_due(other, story.config.policy) == next_due(story.state, story.config.policy)


def test_an_event_that_cannot_follow_is_a_corrupt_history() -> None:
    """R56: a fold never guesses."""
    impossible = BillSettled(item="b-9", kind="bill", cash_part=1, outstanding=0)
    with pytest.raises(CorruptHistory):
        given(Past(impossible, DAY_2))


def test_the_causes_of_a_batch_lie_within_it() -> None:
    """R55: each event names the one of its batch that led to it."""
    story = given(LEGACY, bill("b-1", "5", DAY_2)).when_clock("2025-01-04T00:00:00")
    story.when(top_up("5"))
    assert isinstance(story.result, list)
    received, settled, cleared, restoring = story.result
    assert (received.cause, settled.cause) == (None, received.position)
    assert (cleared.cause, restoring.cause) == (settled.position, cleared.position)


def test_the_stored_bytes_leave_out_what_is_not_there() -> None:
    """R55: plain MessagePack, readable by any library; the envelope holds what was asked."""
    recorded = given(top_up("5", actor="ann")).log[-1]
    stored = msgspec.msgpack.decode(codec.encode(recorded))
    assert stored["event"]["type"] == "TopUpReceived/1"
    assert stored["actor"] == "ann"
    assert stored["request"]["do"] == "top-up"
    assert "cause" not in stored


def test_a_clock_that_does_not_move_runs_nothing() -> None:
    """R57: to the present instant: nothing happens."""
    given(LEGACY).when_clock("2025-01-01T00:00:00").then(nothing)
