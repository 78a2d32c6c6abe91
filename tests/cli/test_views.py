"""``tally replay`` and ``tally projections``: drift is found, shown and mended."""

from __future__ import annotations

import sqlite3

import pytest

from tests.cli.program import SMALL_EVENTS, World

VIEWS = ["balances", "coupons", "bills", "instances", "overdue", "deadlines"]


def alter(world: World, statement: str) -> None:
    """Reach into the file behind the program's back."""
    connection = sqlite3.connect(world.path)
    assert connection.execute(statement).rowcount >= 1
    connection.commit()
    connection.close()


def test_a_replay_equals_what_is_stored(looked_at: World) -> None:
    answer = looked_at.json("replay", "--compare")
    assert (answer["events"], answer["accounts"]) == (SMALL_EVENTS, 2)
    assert (answer["compared"], answer["equal"], answer["first_difference"]) == (True, True, None)
    only = looked_at.json("replay")
    assert (only["compared"], only["equal"]) == (False, None)
    assert only["rows"] == answer["rows"]


def test_a_view_that_drifted_is_found_shown_and_rebuilt(world: World) -> None:
    alter(world, "UPDATE view_balances SET cash = cash + 1 WHERE account = 'a-1'")
    assert world.rows("balances")[0]["cash"] == "99.89"  # a view is believed: hence the check
    found = world.json("replay", "--compare", code=1)["first_difference"]
    assert (found["view"], found["account"]) == ("balances", "a-1")
    assert (found["stored"][2], found["refolded"][2]) == (9989, 9988)
    told = world.done("replay", "--compare", code=1).out
    assert "view balances differs at account a-1:" in told
    assert told.endswith("next: tally projections rebuild balances\n")

    shadow = world.json("projections", "rebuild", "balances", "--shadow", code=1)
    assert (shadow["shadow"], shadow["equal"]) == (True, False)
    assert (shadow["first_difference"]["view"], shadow["first_difference"]["account"]) == (
        "balances", "a-1",
    )  # fmt: skip
    assert world.rows("balances")[0]["cash"] == "99.89"  # the live one was kept

    assert world.json("projections", "rebuild", "balances", code=1)["equal"] is False
    assert world.rows("balances")[0]["cash"] == "99.88"
    assert world.json("projections", "rebuild", "balances")["equal"] is True
    assert world.json("replay", "--compare")["equal"] is True


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM view_instances WHERE instance = 'p-1'",
        "UPDATE view_coupons SET remaining = 1",
        "UPDATE view_bills SET outstanding = 0 WHERE bill = 'b-1'",
        "DELETE FROM view_overdue",
        "INSERT INTO view_deadlines VALUES ('a-1', 1, 1, 'x')",
        "UPDATE view_balances SET account = 'zz' WHERE account = 'a-2'",
    ],
)
def test_every_kind_of_drift_is_found(world: World, statement: str) -> None:
    alter(world, statement)
    view = next(word for word in statement.split() if word.startswith("view_"))
    found = world.json("replay", "--compare", code=1)["first_difference"]
    assert f"view_{found['view']}" == view
    assert world.json("projections", "rebuild", code=1)["views"] == VIEWS
    assert world.json("replay", "--compare")["equal"] is True


def test_the_views_and_how_they_stand(looked_at: World) -> None:
    listed = looked_at.json("projections", "list")["rows"]
    assert [view["name"] for view in listed] == VIEWS
    for view in looked_at.json("projections", "status")["rows"]:
        assert (view["position"], view["lag"], view["state"]) == (SMALL_EVENTS, 0, "fresh")


def test_a_view_of_another_version_is_not_trusted(world: World) -> None:
    alter(world, "UPDATE checkpoints SET version = 0 WHERE name = 'balances'")
    views = world.json("projections", "status", code=1)["rows"]
    assert [view["state"] for view in views if view["name"] == "balances"] == ["outdated"]
    told = world.run("balances")  # built again, and said so
    assert told.code == 0
    assert told.err.startswith("note: ")
    assert world.json("projections", "status")["rows"][0]["state"] == "fresh"


def test_a_view_of_another_log_is_not_trusted(world: World) -> None:
    alter(world, "UPDATE checkpoints SET body_sha256 = x'00' WHERE name = 'overdue'")
    views = world.json("projections", "status", code=1)["rows"]
    assert [view["state"] for view in views if view["name"] == "overdue"] == ["foreign"]
    assert world.json("replay", "--compare")["equal"] is True


def test_a_name_is_suggested(world: World) -> None:
    error = world.json("projections", "rebuild", "balence", code=3)
    assert error["hint"] == "did you mean balances?"
