"""Every hand-written scenario of fixtures/scenarios holds against the plain model.

The answers in those files were worked out by hand from the rules, so they judge the model as much
as the model judges the product. Left out here are only the questions whose `at` lies before their
`known_at`: the model has a present, no past.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .plain import PlainLedger
from .plain_calendar import read_instant, written

SCENARIOS = Path(__file__).resolve().parents[2] / "fixtures" / "scenarios"
FILES = sorted(SCENARIOS.glob("*.json"))
KEYS = {"coupons": "coupon", "unpaid": "item", "instances": "instance"}  # what names a row

Scenario = dict[str, Any]


def load(path: Path) -> Scenario:
    """One file, with its instants as they are written."""
    scenario: Scenario = json.loads(path.read_text(encoding="utf-8"))
    return scenario


def questions(scenario: Scenario) -> list[tuple[str, dict[str, Any]]]:
    """(instant, question) for questions about the present, in order of time."""
    late_facts = any("effective_at" in line for line in scenario["commands"])
    found = []
    for entry in scenario["expect"]:
        if "fields" not in entry:
            continue
        instant = entry.get("as_of") or entry["at"]
        known_at = entry.get("known_at", instant)
        everything_known = "at" in entry and "known_at" not in entry
        if known_at == instant and not (everything_known and late_facts):
            found.append((instant, entry))
    return sorted(found, key=lambda pair: read_instant(pair[0]))


def answer(state: dict[str, Any], path: str) -> Any:
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


def check(ledger: PlainLedger, instant: str, question: dict[str, Any]) -> None:
    """Compare all fields of one question with the state at its instant."""
    ledger.advance(instant)
    state = ledger.state(question["account"])
    found = {path: answer(state, path) for path in question["fields"]}
    assert found == question["fields"], f"at {instant}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_a_scenario_holds_against_the_plain_model(path: Path) -> None:
    scenario = load(path)
    ledger = PlainLedger(scenario["start"], scenario.get("policy"))
    to_ask = questions(scenario)
    results = []
    for line in scenario["commands"]:
        while to_ask and read_instant(to_ask[0][0]) < read_instant(line["at"]):
            check(ledger, *to_ask.pop(0))
        results.append(ledger.do(line))
    for instant, question in to_ask:
        check(ledger, instant, question)
    ledger.advance(scenario["until"])

    # A command of which nothing is said is accepted, is not a duplicate and has no warning.
    said = {entry["command"]: entry for entry in scenario["expect"] if "command" in entry}
    for number, result in enumerate(results, start=1):
        entry = said.get(number, {})
        expected: dict[str, Any] = {"ok": False, "code": entry.get("code")}
        if "code" not in entry:
            expected = {
                "ok": True,
                "duplicate": entry.get("duplicate", False),
                "warnings": entry.get("warnings", 0),
            }
        assert result == expected, f"command {number}"
    for entry in scenario["expect"]:
        if "type" in entry:
            instants = [
                event.effective_at
                for event in ledger.journal
                if (event.account, event.type) == (entry["account"], entry["type"])
            ]
            assert instants == entry["effective_at"], entry["type"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_a_scenario_is_small_and_says_what_it_shows(path: Path) -> None:
    scenario = load(path)
    known = {"title", "rules", "start", "policy", "commands", "until", "expect"}
    assert set(scenario) <= known
    assert scenario["rules"]
    assert all(rule.startswith("R") for rule in scenario["rules"])
    assert len(scenario["commands"]) <= 25
    instants = [
        entry.get("as_of") or entry["at"] for entry in scenario["expect"] if "fields" in entry
    ]
    last = read_instant(scenario["until"])
    assert all(read_instant(instant) <= last for instant in instants)
    assert all(written(read_instant(instant)) == instant for instant in instants)


def test_one_jump_of_the_clock_equals_many_ticks() -> None:
    scenario = load(SCENARIOS / "12-auto-renew-fails-and-recovers.json")
    jump = PlainLedger(scenario["start"])
    ticks = PlainLedger(scenario["start"])
    for line in scenario["commands"]:
        jump.do(line)
    for line in scenario["commands"]:
        day = read_instant(line["at"]).replace(hour=0, minute=0, second=0)
        if read_instant(ticks.clock) < day:
            ticks.advance(written(day))
        ticks.do(line)
    for day_of_july in range(1, 22):
        ticks.advance(f"2025-07-{day_of_july:02d}T00:00:00+08:00")
    jump.advance("2025-07-21T00:00:00+08:00")
    assert ticks.journal == jump.journal
