"""Specs of the named policy values: how they are spelled and when they hold (section 4)."""

from __future__ import annotations

import pytest

from ledger.errors import InvalidInput
from ledger.periods import DAY, HOUR, MINUTE, SECOND
from ledger.policy import KEYS, Policy
from tests.given_when_then import do, event, given, top_up

DEFAULTS = {
    "calendar_offset": "+08:00", "bill_delay": "4h", "overdue_grace_legacy": "24h",
    "restore_delay": "30min", "retention": "15d", "trial_retention": "15d",
    "expiry": "next_midnight", "auto_renew_first_day": "9", "auto_renew_last_day": "1",
    "auto_renew_time": "08:00:00", "auto_renew_effective": "next_day",
    "coupon_pays_posted": "false", "alert_reminders": "5", "five_day_refund": "5d",
    "closed_period": "warn", "close_requires": "none",
}  # fmt: skip


def adopted(key: str, value: str) -> object:
    policy = Policy()
    policy.check({key: value})
    policy.adopt({key: value}, at=1)
    return getattr(policy, key)


def test_the_first_event_records_every_reading_in_force() -> None:
    """R55: recorded in the ledger's first event, so that an audit knows (section 4)."""
    story = given(policy={"retention": "3d"})
    first = story.log[0]
    assert (first.position, first.stream) == (1, "policy")
    assert story.details("PolicyAdopted")[0]["values"] == {**DEFAULTS, "retention": "3d"}
    assert {key: default for key, (default, _) in KEYS.items()} == DEFAULTS


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("bill_delay", "4h", 4 * HOUR), ("bill_delay", "0", 0),
        ("bill_delay", "239min", 239 * MINUTE),
        ("restore_delay", "30min", 30 * MINUTE), ("restore_delay", "0s", 0),
        ("retention", "15d", 15 * DAY), ("retention", "1d12h", 36 * HOUR),
        ("trial_retention", "0", 0), ("overdue_grace_legacy", "1s", SECOND),
        ("calendar_offset", "-05:30", -(5 * HOUR + 30 * MINUTE)), ("calendar_offset", "+00:00", 0),
        ("auto_renew_time", "08:00:00", 8 * HOUR), ("auto_renew_time", "23:59:59", DAY - SECOND),
        ("auto_renew_first_day", "30", 30), ("auto_renew_last_day", "9", 9),
        ("expiry", "exact", 1), ("auto_renew_effective", "next_slot", 1),
        ("coupon_pays_posted", "true", 1), ("alert_reminders", "0", 0),
        ("five_day_refund", "7d", 7 * DAY), ("closed_period", "refuse", 1),
        ("close_requires", "none", ()), ("close_requires", "camt053,csv", ("camt053", "csv")),
    ],
)  # fmt: skip
def test_how_readings_are_spelled(key: str, text: str, value: object) -> None:
    """R55: spelled `4h`, `30min`, `15d`, `08:00:00`, `+08:00`, `true` (section 4)."""
    assert adopted(key, text) == value


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("closed_period", "true"), ("close_requires", ""), ("close_requires", "camt053, csv"),
        ("close_requires", "csv,csv"),
        ("bill_delay", "4h1s"), ("bill_delay", "-1h"), ("bill_delay", "soon"), ("bill_delay", ""),
        ("restore_delay", "31min"), ("retention", "15"), ("retention", "1.5d"),
        ("calendar_offset", "8"), ("calendar_offset", "+15:00"), ("auto_renew_time", "24:00:00"),
        ("auto_renew_first_day", "0"), ("auto_renew_first_day", "31"),
        ("auto_renew_last_day", "10"), ("expiry", "never"), ("coupon_pays_posted", "yes"),
        ("alert_reminders", "-1"), ("no_such_key", "1"),
    ],
)  # fmt: skip
def test_what_no_reading_knows_is_not_a_policy(key: str, text: str) -> None:
    """R55: other values and keys are not input at all (exit 2)."""
    story = given()
    length = len(story.log)
    with pytest.raises(InvalidInput):
        story.when(do("set-policy", key=key, value=text))
    assert len(story.log) == length


def test_a_change_is_an_event_that_changes_one_reading() -> None:
    """R55: a later change is an event too (section 4)."""
    story = given().when(do("set-policy", key="retention", value="3d"))
    story.then(event("PolicyAdopted", values={"retention": "3d"}, ledger=None))
    assert story.config.policy.values == {**DEFAULTS, "retention": "3d"}


def test_a_change_leaves_what_was_done() -> None:
    """R55: a change holds from its instant for everything not yet done (section 4)."""
    story = given(top_up("200"), do("purchase", instance="e-1", sku="std", months=1))
    story.when_clock("2025-02-17T00:00:00")
    before = story.shown()["instances"]
    story.given(do("set-policy", key="retention", value="60d"))
    assert story.shown()["instances"] == before


def test_a_change_at_a_deadline_comes_after_it() -> None:
    """R57: due transitions first, then commands: what was due at that instant is done."""
    story = given(top_up("200"), do("purchase", instance="e-1", sku="std", months=1))
    story.given(do("set-policy", "2025-02-17T00:00:00", key="retention", value="60d"))
    assert story.instance("e-1")["state"] == "released"


def test_another_offset_in_mid_life_moves_the_slots_to_come() -> None:
    """R31: calendar_offset: slots are computed in the offset in force (section 4)."""
    story = given(top_up("100"))
    story.given(do("purchase", instance="e-1", sku="std", months=1, auto_renew=True))
    story.given(do("set-policy", key="calendar_offset", value="+00:00"))
    # T stays 2025-02-01T16:00Z, so D(T) is 02-01 and slot 9 is on 01-23 at 08:00Z.
    assert story.instance("e-1")["auto_renew"]["next_attempt_at"] == "2025-01-23T08:00:00+00:00"
