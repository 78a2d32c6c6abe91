"""What must hold at the end of every batch is looked at there (R1, R9)."""

from __future__ import annotations

import pytest

from ledger.account.invariants import THOROUGH, breaches, check_at_hand
from ledger.errors import CorruptHistory
from tests.given_when_then import bill, do, given, top_up

DAY_2 = "2025-01-02T10:00:00"
LEGACY = do("activate-public", instance="i-1", kind="public_legacy")


@pytest.mark.parametrize("what", ["cash", "outstanding"])
def test_a_batch_that_would_leave_an_account_in_pieces_is_our_own_error(what: str) -> None:
    """R1, R9: cash >= 0; outstanding says what the items say; overdue since the oldest item."""
    story = given(LEGACY, bill("b-1", "8", DAY_2))
    setattr(story.state, what, {"cash": -(10**9), "outstanding": 0}[what])
    with pytest.raises(CorruptHistory, match=r"R[19]"):
        story.when(do("set-alert", threshold="5"))


def test_an_account_is_overdue_since_its_oldest_item() -> None:
    """R9: nothing else, and never without one."""
    state = given(LEGACY, bill("b-1", "8", DAY_2)).state
    check_at_hand(state, state.items["b-1"])
    state.overdue_since = 1
    with pytest.raises(CorruptHistory, match="R9"):
        check_at_hand(state, state.items["b-1"])
    with pytest.raises(CorruptHistory, match="R9"):
        check_at_hand(given().state, state.items["b-1"])


def test_every_invariant_holds_of_an_account_that_lives() -> None:
    """R1, R9: said once for the decider, rehearsals and verify --deep."""
    story = given(top_up("3"), LEGACY, bill("b-1", "8", DAY_2))
    assert not list(breaches(story.state))
    for item in story.state.items.values():
        item.outstanding += 1
    assert [one.broken for one in breaches(story.state)] == ["the unpaid items do not add up"]
    assert len({one.broken for one in THOROUGH}) == len(THOROUGH)
