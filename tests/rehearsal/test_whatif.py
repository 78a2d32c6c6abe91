"""What-if: no change changes nothing; a change does what the same command would have done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import InvalidInput, NoSuchThing
from ledger.periods import format_instant
from ledger.rehearsal.changes import Changes, Insertion, insertion, with_patch
from ledger.rehearsal.rehearsal import Rehearsal
from ledger.rehearsal.whatif import recorded_command
from projections.answers.state import state_of
from projections.point import Asked, account_at, config_at, resolve
from projections.rehearsing.whatif import WhatIf
from tests.rehearsal.worlds import (
    OFFSET,
    do,
    events,
    find,
    instant,
    new_ledger,
    now,
    overdue_story,
    random_ledger,
    renewal_story,
    year,
)

if TYPE_CHECKING:
    from ledger.application import Ledger


def inserted(ledger: Ledger, **command: Any) -> Changes:
    found = insertion(json.dumps(command), offset=OFFSET, until=ledger.now())
    return Changes().with_inserts(found)


def ask(ledger: Ledger, changes: Changes, *, asked: Asked | None = None, **options: Any) -> Any:
    point = resolve(ledger.store.reader, asked or Asked(), clock=ledger.now(), offset=OFFSET)
    return WhatIf(ledger.store.reader, changes, point=point).decided(**options).plain()


def types(answer: dict[str, Any], name: str = "derived") -> list[str]:
    return [event["type"] for event in answer[name]]


TOP_UP = {"do": "top-up", "account": "a-1", "channel": "alipay", "serial": "T9"}


def test_no_change_is_identical_for_every_account_of_the_year() -> None:
    ledger = year()
    whole = ask(ledger, Changes())
    assert (whole["dropped"], whole["derived"], whole["refused"], whole["diff"]) == ([], [], [], [])
    for stream in ledger.store.reader.streams()[::7]:
        account = stream.removeprefix("account:")
        answer = ask(ledger, Changes(), account=account)
        assert answer["before"] == answer["after"]
        assert answer["derived"] == answer["diff"] == []


def test_no_change_is_identical_at_a_point_in_the_past() -> None:
    ledger = year()
    for asked in (Asked(position=7001), Asked(at=instant("2025-06-30T12:00:00+08:00")),
                  Asked(known_at=instant("2025-09-01T00:00:00+08:00"))):  # fmt: skip
        answer = ask(ledger, Changes(), asked=asked, account="a-003")
        assert answer["before"] == answer["after"]


def test_a_top_up_in_time_takes_the_overdue_and_the_stop_away() -> None:
    ledger = overdue_story()
    changes = inserted(ledger, **TOP_UP, amount="12", at="2025-11-02T06:29:59+08:00")
    answer = ask(ledger, changes)
    assert types(answer, "dropped_events") == ["BillSettled", "OverdueStarted", "ServiceStopped"]
    assert types(answer) == ["TopUpReceived", "BillSettled"]
    assert answer["before"]["overdue"]
    assert not answer["after"]["overdue"]
    assert answer["after"]["instances"][0]["state"] == "running"
    assert answer["mode"] == "decide"


def test_new_events_are_numbered_behind_the_head() -> None:
    ledger = overdue_story()
    head = ledger.store.reader.head().position
    changes = inserted(ledger, **TOP_UP, amount="12", at="2025-11-02T12:00:00+08:00")
    derived = ask(ledger, changes)["derived"]
    assert [event["position"] for event in derived] == [head + 1, head + 2, head + 3]
    assert [event["cause"] for event in derived] == [None, head + 1, head + 2]


def test_an_inserted_command_comes_behind_those_of_its_instant() -> None:
    """At the posting's own second the bill is there already: overdue starts, and is cleared."""
    ledger = overdue_story()
    changes = inserted(ledger, **TOP_UP, amount="12", at="2025-11-02T06:30:00+08:00")
    answer = ask(ledger, changes)
    assert types(answer, "dropped_events") == ["ServiceStopped"]
    assert types(answer) == ["TopUpReceived", "BillSettled", "OverdueCleared"]


def test_without_its_top_up_a_purchase_is_refused() -> None:
    ledger = renewal_story()
    paid = find(ledger.store.reader, "TopUpReceived")
    answer = ask(ledger, Changes(skips=frozenset((paid.position,))))
    (refused,) = answer["refused"]
    assert (refused["code"], refused["rule"], refused["before"]) == (
        "INSUFFICIENT_BALANCE", "R26", "accepted"
    )  # fmt: skip
    assert (refused["needed"], refused["available"]) == ("300.00", "0.00")
    assert answer["after"]["instances"] == []


def test_a_patched_command_is_decided_with_its_new_value() -> None:
    ledger = renewal_story()
    reader = ledger.store.reader
    paid = find(reader, "TopUpReceived")
    changes = with_patch(Changes(), paid, {"amount": "600"}, offset=OFFSET)
    answer = ask(ledger, changes)
    assert "InstanceRenewed" in types(answer)
    assert "InstanceExpired" in types(answer, "dropped_events")
    assert answer["after"]["cash"] == "0.00"


def test_a_command_can_be_moved_to_another_instant() -> None:
    ledger = renewal_story()
    paid = find(ledger.store.reader, "TopUpReceived")
    later = {"at": "2025-05-20T09:15:01+08:00"}
    answer = ask(ledger, with_patch(Changes(), paid, later, offset=OFFSET))
    assert [one["code"] for one in answer["refused"]] == ["INSUFFICIENT_BALANCE"]
    assert answer["after"]["cash"] == "450.00"


def test_a_payment_key_reaches_the_other_account_that_was_refused_it() -> None:
    ledger = new_ledger()
    at = "2025-01-01T00:00:00+08:00"
    for account in ("a-1", "a-2"):
        do(ledger, do="open-account", account=account, at=at)
    do(ledger, **TOP_UP, amount="5", at=at)
    do(ledger, **{**TOP_UP, "account": "a-2"}, amount="7", at=at)
    paid = find(ledger.store.reader, "TopUpReceived")
    answer = ask(ledger, Changes(skips=frozenset((paid.position,))))
    assert answer["accounts"] == ["a-1", "a-2"]
    assert [one["position"] for one in answer["accepted"]] == [paid.position + 1]
    assert {row["account"]: row["b"] for row in answer["diff"] if row["field"] == "cash"} == {
        "a-1": "0.00", "a-2": "7.00"
    }  # fmt: skip


def test_another_policy_is_tried_on_every_account() -> None:
    answer = ask(year(), Changes(policy={"overdue_grace_legacy": "365d"}))
    assert "ServiceStopped" not in types(answer)
    assert "ServiceStopped" in types(answer, "dropped_events")
    assert len(answer["accounts"]) > 1


@pytest.mark.parametrize(("kind", "hint"), [("OverdueStarted", "change the command itself: @5")])
def test_what_the_rules_made_cannot_be_left_out(kind: str, hint: str) -> None:
    reader = overdue_story().store.reader
    with pytest.raises(InvalidInput) as error:
        recorded_command(reader, find(reader, kind).position)
    assert error.value.hint == hint
    with pytest.raises(InvalidInput):
        recorded_command(reader, find(reader, "ServiceStopped").position)
    with pytest.raises(NoSuchThing):
        recorded_command(reader, 999)


@settings(max_examples=15)
@given(seed=st.integers(min_value=0, max_value=2**32), cut=st.integers(min_value=5, max_value=20))
def test_an_inserted_command_does_what_it_would_have_done(seed: int, cut: int) -> None:
    """Leave the last commands out, put them in again: the state is the recorded one."""
    ledger = random_ledger(seed)
    try:
        reader = ledger.store.reader
        commands = [event for event in events(reader) if event.command and event.cause is None]
        last = commands[cut:][-1:]
        if not last or last[0].position <= commands[-1].position - 1:
            return
        whole = now(ledger)
        skipped = Changes(skips=frozenset(one.position for one in last))
        again = skipped.with_inserts(*(Insertion(one.recorded_at, _command(one)) for one in last))
        answer = WhatIf(reader, again, point=whole).decided().plain()
        assert answer["diff"] == []
        for account in answer["accounts"]:
            state = account_at(reader, account, whole)
            if state is not None:
                assert state_of(state, config_at(reader, whole).policy, whole).plain()
    finally:
        ledger.store.close()


@settings(max_examples=15)
@given(seed=st.integers(min_value=0, max_value=2**32), part=st.integers(min_value=0, max_value=99))
def test_what_came_before_the_first_change_need_not_be_decided_again(seed: int, part: int) -> None:
    ledger = random_ledger(seed)
    try:
        reader = ledger.store.reader
        whole = events(reader)
        at = whole[len(whole) * part // 100].recorded_at
        changes = inserted(
            ledger, **{**TOP_UP, "account": "a"}, amount="7",
            at=format_instant(at, OFFSET),
        )  # fmt: skip
        told = [
            [(one.stream, one.effective_at, one.recorded_at, one.event)
             for step in Rehearsal(reader, accounts={"a"}, changes=changes, since=since).run()
             for one in step.derived]
            for since in (0, None)
        ]  # fmt: skip
        assert told[0] == told[1]
    finally:
        ledger.store.close()


def _command(recorded: Any) -> Any:
    from ledger.rehearsal.changes import command_of  # noqa: PLC0415 - loaded when needed

    return command_of(recorded)


# --- facts ------------------------------------------------------------------------------------


def fold(ledger: Ledger, changes: Changes, patches: dict[int, dict[str, Any]] | None = None) -> Any:
    return WhatIf(ledger.store.reader, changes, point=now(ledger)).folded(patches or {}).plain()


def test_an_inserted_fact_settles_nothing_and_says_that_this_cannot_be() -> None:
    ledger = overdue_story()
    changes = inserted(ledger, **TOP_UP, amount="12", at="2025-11-02T06:29:59+08:00")
    answer = fold(ledger, changes)
    assert types(answer) == ["TopUpReceived"]
    assert not answer["possible"]
    assert answer["violations"][0]["rule"] == "R1"
    assert (answer["after"]["cash"], answer["after"]["outstanding"]) == ("12.00", "12.00")


def test_a_fact_left_out_that_others_build_on_cannot_be_folded() -> None:
    ledger = renewal_story()
    bought = find(ledger.store.reader, "InstancePurchased")
    answer = fold(ledger, Changes(skips=frozenset((bought.position,))))
    assert [violation["rule"] for violation in answer["violations"]] == ["R55"]
    assert answer["after"] is None


def test_less_money_than_was_spent_is_a_breach_of_r1() -> None:
    ledger = renewal_story()
    paid = find(ledger.store.reader, "TopUpReceived")
    answer = fold(ledger, Changes(), {paid.position: {"amount": 10000}})
    assert answer["after"]["cash"] == "-200.00"
    assert [violation["message"] for violation in answer["violations"]] == ["cash is below zero"]


def test_a_harmless_change_of_facts_is_possible() -> None:
    ledger = renewal_story()
    paid = find(ledger.store.reader, "TopUpReceived")
    answer = fold(ledger, Changes(), {paid.position: {"amount": 45001}})
    assert answer["possible"]
    assert [(row["field"], row["delta"]) for row in answer["diff"]] == [
        ("cash", "0.01"), ("available", "0.01")
    ]  # fmt: skip


def test_a_mistyped_field_of_an_event_is_named() -> None:
    ledger = renewal_story()
    paid = find(ledger.store.reader, "TopUpReceived")
    with pytest.raises(InvalidInput, match="has no field 'amonut'") as error:
        fold(ledger, Changes(), {paid.position: {"amonut": 1}})
    assert error.value.hint == "did you mean amount?"
