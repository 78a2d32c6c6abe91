"""Points in time on the command line: both axes, positions, bare dates, inclusive bounds."""

from __future__ import annotations

import pytest

from tests.cli.program import SMALL_EVENTS, World

# The top-up of 200.00 was true on 01-07 and known on 01-10 12:00. Overdue began on 01-07 04:00.
TRUE, KNOWN = "2025-01-07T00:00:00+08:00", "2025-01-10T12:00:00+08:00"


def cash(world: World, *point: str) -> tuple[str, str]:
    """(cash, outstanding) of a-1."""
    state = world.state("a-1", *point)
    return state["cash"], state["outstanding"]


def test_a_late_top_up_asked_on_both_axes(looked_at: World) -> None:
    day = "2025-01-08"
    # What was printed then: nobody knew of it.
    assert cash(looked_at, "--as-of", day) == ("0.00", "100.12")
    assert cash(looked_at, "--at", day, "--known-at", "2025-01-09") == ("0.00", "100.12")
    # The same day as it is known now: the money was there, but it settled only when recorded.
    assert cash(looked_at, "--at", day) == ("200.00", "100.12")
    assert cash(looked_at, "--at", day, "--known-at", KNOWN) == ("200.00", "100.12")
    assert cash(looked_at, "--as-of", KNOWN) == ("99.88", "0.00")


def test_bounds_are_inclusive(looked_at: World) -> None:
    assert cash(looked_at, "--known-at", "2025-01-10T11:59:59+08:00") == ("0.00", "100.12")
    assert cash(looked_at, "--known-at", KNOWN) == ("99.88", "0.00")
    assert cash(looked_at, "--at", "2025-01-06T23:59:59+08:00") == ("800.00", "0.00")
    assert cash(looked_at, "--at", TRUE) == ("1000.00", "0.00")


def test_a_position_is_the_logs_first_events(looked_at: World) -> None:
    assert cash(looked_at, "--position", "5") == ("1000.00", "0.00")
    assert cash(looked_at, "--position", "11")[0] == "800.00"
    assert cash(looked_at, "--position", "12") == ("0.00", "100.12")
    assert cash(looked_at, "--position", "16")[0] == "200.00"
    assert cash(looked_at, "--position", f"@{SMALL_EVENTS}") == cash(looked_at)
    point = looked_at.state("a-1", "--position", "12")["point"]
    assert (point["position"], point["known_at"]) == (12, "2025-01-07T04:00:00+08:00")


def test_a_bare_date_is_the_end_of_that_day(looked_at: World) -> None:
    for option in ("--at", "--known-at", "--as-of"):
        whole = looked_at.state("a-1", option, "2025-01-10T23:59:59+08:00")
        assert looked_at.state("a-1", option, "2025-01-10") == whole
    point = looked_at.state("a-1", "--at", "2025-01-10")["point"]
    assert point["at"] == "2025-01-10T23:59:59+08:00"


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-10T12:00:00+08:00",
        "2025-01-10T04:00:00Z",
        "2025-01-10T12:00:00",
        "2025-01-10T12:00",
    ],
)
def test_ways_to_write_an_instant(looked_at: World, text: str) -> None:
    assert looked_at.state("a-1", "--known-at", text)["point"]["known_at"] == KNOWN


def test_the_resolved_point_is_in_every_answer(looked_at: World) -> None:
    wanted = {"at": KNOWN, "known_at": KNOWN, "position": 19}
    for command in (("state", "a-1"), ("balances",), ("instances",)):
        assert looked_at.json(*command, "--as-of", KNOWN)["point"] == wanted
    told = looked_at.done("state", "a-1", "--as-of", KNOWN).out
    assert told.startswith("a-1  at 2025-01-10 12:00:00 · known 2025-01-10 12:00:00 · @19\n")


def test_balances_and_instances_at_a_point_are_the_states(looked_at: World) -> None:
    for point in (("--as-of", "2025-01-08"), ("--position", "16"), ("--at", "2025-01-30")):
        for row in looked_at.rows("balances", *point):
            state = looked_at.state(row["account"], *point)
            for name in ("cash", "outstanding", "available", "overdue", "overdue_since"):
                assert row[name] == state[name], (point, name)
        for row in looked_at.rows("instances", *point):
            state = looked_at.state(row.pop("account"), *point)
            assert row in state["instances"]


def test_an_answer_for_the_past_does_not_change(world: World) -> None:
    before = world.state("a-1", "--as-of", "2025-01-08"), world.rows("balances", "--position", "16")
    world.record("top-up", "--account", "a-1", "--amount", "9", "--channel", "c", "--serial", "s",
                 "--effective-at", "2025-01-02")  # fmt: skip
    after = world.state("a-1", "--as-of", "2025-01-08"), world.rows("balances", "--position", "16")
    assert before == after
    assert cash(world, "--at", "2025-01-02") == ("1009.00", "0.00")


def test_the_log_at_a_point_and_its_filters(looked_at: World) -> None:
    assert len(looked_at.events("--position", "7")) == 7
    assert looked_at.events("--as-of", "2025-01-08")[-1]["position"] == 15
    assert [e["position"] for e in looked_at.events("--late")] == [16]
    assert [e["position"] for e in looked_at.events("a-2", "-n", "2")] == [26, 27]
    kinds = looked_at.events("a-1", "--type", "OverdueStarted", "--type", "OverdueCleared")
    assert [e["position"] for e in kinds] == [13, 18]
    assert {e["instance"] for e in looked_at.events("--instance", "p-1")} == {"p-1"}
    day = looked_at.events("--from", "2025-01-07", "--to", "2025-01-08")
    assert [e["position"] for e in day] == [11, 12, 13, 16]
    assert looked_at.events("a-1", "-n", "0") == []


def test_an_account_before_it_was_opened(looked_at: World) -> None:
    error = looked_at.json("state", "a-2", "--position", "3", code=3)
    assert error["message"] == "account 'a-2' does not exist at that point"
    assert [row["account"] for row in looked_at.rows("balances", "--position", "3")] == ["a-1"]
