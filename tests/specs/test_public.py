"""Specs of public instances: frozen, continued, restored (R13, R20, R44, R45)."""

from __future__ import annotations

import pytest

from ledger.errors import InvalidInput
from ledger.events import InstanceFrozen, PublicInstanceActivated
from tests.given_when_then import Past, bill, do, event, given, nothing, refused, top_up

PUBLIC = do("activate-public", instance="i-1", kind="public_new")
FREEZE = do("freeze", instance="i-1")
DAY_2 = "2025-01-02T10:00:00"


def test_a_new_public_instance_is_free() -> None:
    """R44: new public: free; it runs from its activation."""
    story = given().when(PUBLIC).then(event("PublicInstanceActivated", kind="public_new"))
    shown = story.instance()
    assert (shown["state"], shown["sku"], story.shown()["cash"]) == ("running", None, "0.00")
    story.when_clock("2026-01-01T00:00:00").then(nothing)


def test_the_platform_may_freeze_it() -> None:
    """R44: an external fact; no threshold is documented; freezing deletes nothing."""
    story = given(PUBLIC).when(FREEZE).then(event("InstanceFrozen", instance="i-1"))
    assert (story.instance()["state"], story.instance()["available"]) == ("frozen", False)
    story.when_clock("2026-01-01T00:00:00").then(nothing)


def test_a_frozen_instance_continues_its_trial_at_once() -> None:
    """R44: continue the trial: free, RUNNING at once."""
    story = given(PUBLIC, FREEZE).when(do("continue-trial", DAY_2, instance="i-1"))
    story.then(event("TrialContinued", at=DAY_2))
    assert story.instance()["state"] == "running"
    story.when(FREEZE).then("InstanceFrozen")


def test_continuing_works_while_overdue_and_upgrading_does_not() -> None:
    """R44: continue works while overdue; upgrade is a fee (R12)."""
    story = given(PUBLIC, do("activate-public", instance="i-2", kind="public_legacy"), FREEZE)
    story.given(bill("b-1", "5", DAY_2, instance="i-2"))
    story.when(do("upgrade", instance="i-1", sku="free", months=1)).then(
        refused("ACCOUNT_OVERDUE")
    )
    story.when(do("continue-trial", instance="i-1")).then("TrialContinued")


def test_only_a_frozen_instance_can_be_continued() -> None:
    """R44: NOT_FROZEN; UNKNOWN_INSTANCE."""
    story = given(PUBLIC, do("start-trial", instance="e-1", sku="std"))
    story.when(do("continue-trial", instance="i-1")).then(refused("NOT_FROZEN"))
    story.when(do("continue-trial", instance="e-1")).then(refused("NOT_FROZEN"))
    story.when(do("continue-trial", instance="i-9")).then(refused("UNKNOWN_INSTANCE"))


def test_only_a_running_new_public_instance_can_be_frozen() -> None:
    """R44: WRONG_STATE for other kinds and states; UNKNOWN_INSTANCE."""
    story = given(PUBLIC, FREEZE, do("activate-public", instance="i-2", kind="public_legacy"))
    story.given(do("start-trial", instance="e-1", sku="std"))
    story.when(FREEZE).then(refused("WRONG_STATE"))
    for name in ("i-2", "e-1"):
        story.when(do("freeze", instance=name)).then(refused("WRONG_STATE"))
    story.when(do("freeze", instance="i-9")).then(refused("UNKNOWN_INSTANCE"))


def test_a_late_freeze_keeps_its_value_date() -> None:
    """R44: an external fact may be late (R11), but not rewrite a later state."""
    story = given(PUBLIC)
    story.when(do("freeze", "2025-01-05T00:00:00", instance="i-1", effective_at=DAY_2)).then(
        event("InstanceFrozen", at=DAY_2, recorded_at="2025-01-05T00:00:00")
    )
    story.given(do("continue-trial", "2025-01-06T00:00:00", instance="i-1"))
    with pytest.raises(InvalidInput):
        story.when(do("freeze", instance="i-1", effective_at="2025-01-05T00:00:00"))


def test_a_past_told_in_events_is_a_past_as_well() -> None:
    """R44: the decision reads the state, however it came about."""
    story = given(
        Past(PublicInstanceActivated(instance="i-1", kind="public_new"), DAY_2),
        Past(InstanceFrozen(instance="i-1"), "2025-01-05T00:00:00", DAY_2),
    )
    story.when(do("continue-trial", instance="i-1")).then("TrialContinued")


def test_activating_and_trying_are_allowed_while_overdue() -> None:
    """R13: activating a public instance, starting a trial."""
    story = given(top_up("1"), do("activate-public", instance="i-1", kind="public_legacy"))
    story.given(bill("b-1", "5", DAY_2))
    story.given(do("activate-public", instance="i-2", kind="public_new"))
    story.given(do("start-trial", instance="e-1", sku="std"))
