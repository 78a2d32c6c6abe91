"""Every hand-written scenario of fixtures/scenarios, driven through the command line alone.

Unlike the plain model the program has a past: questions with ``at`` before ``known_at`` are asked
here, all of them, and only when everything has been recorded.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import ROOT, Json, World, lines, valid

FILES = sorted((ROOT / "fixtures" / "scenarios").glob("*.json"))
KEYS = {"coupons": "coupon", "unpaid": "item", "instances": "instance"}  # what names a row


def answer(state: Json, path: str) -> Any:
    """`instances.i-1.auto_renew.months`; a row that is not there is None."""
    found: Any = state
    key = ""
    for step in path.split("."):
        if isinstance(found, list):
            found = next((row for row in found if row[KEYS[key]] == step), None)
            if found is None:
                return None
        else:
            found = found[step]
        key = step
    return found


def point(entry: Json) -> list[str]:
    """The options that ask at the entry's point."""
    options = {"--at": "at", "--known-at": "known_at", "--as-of": "as_of"}
    asked = [(option, entry[key]) for option, key in options.items() if key in entry]
    return [part for pair in asked for part in pair]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_a_scenario_holds_through_the_command_line(path: Path, tmp_path: Path) -> None:
    scenario: Json = json.loads(path.read_text(encoding="utf-8"))
    said = {entry["command"]: entry for entry in scenario["expect"] if "command" in entry}
    refusals = any("code" in entry for entry in said.values())
    world = World(tmp_path / "t.db", start=scenario["start"], policy=scenario.get("policy"))

    taken = world.done(
        "import", "-", "--ndjson", stdin=lines(*scenario["commands"]), code=4 if refusals else 0
    )
    for number, result in enumerate(taken.rows, start=1):
        entry = said.get(number, {})
        valid(result)
        assert result["line"] == number
        assert result.get("code") == entry.get("code"), result
        assert result.get("duplicate", False) == entry.get("duplicate", False), result
        assert len(result.get("warnings", [])) == entry.get("warnings", 0), result
    assert len(taken.rows) == len(scenario["commands"])

    world.json("clock", "advance", "--to", scenario["until"])
    for entry in scenario["expect"]:
        if "fields" in entry:
            state = world.state(entry["account"], *point(entry))
            found = {field: answer(state, field) for field in entry["fields"]}
            assert found == entry["fields"], entry
        elif "type" in entry:
            events = world.events(entry["account"], "--type", entry["type"])
            assert [event["effective_at"] for event in events] == entry["effective_at"], entry
    assert world.json("replay", "--compare")["equal"]
