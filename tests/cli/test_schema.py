"""``tally schema``: what is printed is a JSON Schema, stands alone, and is tight."""

from __future__ import annotations

import json
import typing

import msgspec
import pytest
from jsonschema import Draft202012Validator

from cli.commands.record import SAMPLES, fields_of
from cli.commands.schema import names, schema_of
from ledger import commands as c
from ledger.events import EVENT_TYPES, type_name
from tests.cli.program import ROOT, SMALL, Json, World, tally, valid

WANTED = {
    "error", "result", "import", "init", "clock", "state", "balances", "instances", "event", "log",
    "show", "status", "replay", "projections", "rebuild", "run", "demo", "record", "command",
    "schemas",
}  # fmt: skip


def test_the_names_are_listed() -> None:
    listed = tally("schema").out.split()
    assert listed == names()
    assert set(listed) >= WANTED
    assert valid(tally("schema", "--json").json)["names"] == listed


@pytest.mark.parametrize("name", names())
def test_a_schema_is_one_and_stands_alone(name: str) -> None:
    printed = tally("schema", name)
    assert printed.code == 0
    schema: Json = json.loads(printed.out)
    assert tally("schema", name, "--json").json == schema
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    # References that lead nowhere show only when they are followed.
    list(Draft202012Validator(schema).iter_errors({"schema": "tally.none/1"}))
    assert not Draft202012Validator(schema).is_valid({})
    assert not Draft202012Validator(schema).is_valid([])


def test_a_schema_says_what_the_docstrings_of_its_bases_say() -> None:
    for name in ("deferred", "rollforward", "trial_balance"):
        fields = schema_of(name)["properties"]
        assert fields["from"]["description"].startswith("the beginning of the span"), name
        assert fields["account"]["description"].startswith("the one customer"), name


def test_every_shape_of_a_name_is_understood() -> None:
    assert schema_of("tally.state/1") == schema_of("tally.state") == schema_of("state")
    assert schema_of("record") == schema_of("result")


def test_a_mistyped_name() -> None:
    error = tally("schema", "balance", "--json")
    assert (error.code, error.json["hint"]) == (3, "did you mean balances?")


def test_the_schemas_are_tight(looked_at: World) -> None:
    state = looked_at.state("a-1")
    whole = Draft202012Validator(schema_of("state"))
    assert whole.is_valid({**state, "more": 1})  # additions are welcome
    for field in state.keys() - {"version"}:
        assert not whole.is_valid({k: v for k, v in state.items() if k != field}), field
    for field, wrong in {
        "cash": 1.5, "currency": "yuan", "overdue": "no", "overdue_since": "2025-01-01",
        "coupons": {}, "point": "now", "alert": None, "schema": "tally.state/2",
    }.items():  # fmt: skip
        assert not whole.is_valid({**state, field: wrong}), field
    for family in ("coupons", "instances"):
        for field in state[family][0]:
            row = {k: v for k, v in state[family][0].items() if k != field}
            assert not whole.is_valid({**state, family: [row]}), field
    event = looked_at.events("-n", "1")[0]
    for field in event:
        shown = {k: v for k, v in event.items() if k != field}
        assert not Draft202012Validator(schema_of("event")).is_valid(shown), field


def test_the_schema_of_a_command_takes_what_an_import_takes() -> None:
    whole = Draft202012Validator(schema_of("command"))
    for line in SMALL.read_text().splitlines():
        assert whole.is_valid(json.loads(line)), line
    for path in (ROOT / "fixtures" / "scenarios").glob("*.json"):
        for command in json.loads(path.read_text(encoding="utf-8"))["commands"]:
            assert whole.is_valid(command), command
    top_up = {"do": "top-up", "account": "a", "channel": "c", "serial": "s", "amount": "1"}
    assert whole.is_valid(top_up)
    wrong: object
    for wrong in (
        {**top_up, "more": 1}, {**top_up, "do": "topup"}, {**top_up, "amount": "1e3"},
        {**top_up, "amount": None}, {**top_up, "account": ""}, {**top_up, "at": 5},
        {k: v for k, v in top_up.items() if k != "serial"}, {}, [],
    ):  # fmt: skip
        assert not whole.is_valid(wrong), wrong


@pytest.mark.parametrize("name", c.COMMANDS)
def test_record_offers_every_field_and_its_example_is_a_command(name: str) -> None:
    kind = c.COMMANDS[name]
    told = tally("record", name, "--help").out
    for field in msgspec.structs.fields(kind):
        assert f"--{field.name.replace('_', '-')} " in told
    given = {
        field.name: (SAMPLES[field.name],)
        if typing.get_origin(typing.get_type_hints(kind)[field.name]) is list
        else int(SAMPLES[field.name])
        if field.name == "months"
        else SAMPLES[field.name]
        for field in msgspec.structs.fields(kind)
        if field.required
    }
    assert isinstance(c.from_fields(fields_of(kind, given)), kind)


def test_every_type_of_event_fits_the_schema_of_events() -> None:
    pattern = Draft202012Validator(schema_of("event")["properties"]["type"])
    assert all(pattern.is_valid(type_name(event_type)) for event_type in EVENT_TYPES)
