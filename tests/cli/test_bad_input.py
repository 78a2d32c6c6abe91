"""Whatever a line or an option holds, the answer is one clear error and nothing is recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import SMALL_EVENTS, START, Json, World, lines, tally, valid

OPEN: Json = {"at": START, "do": "open-account", "account": "a-1"}
TOP_UP: Json = {
    "at": START, "do": "top-up", "account": "a-1", "amount": "1", "channel": "c", "serial": "s",
}  # fmt: skip

# a line that is not a command -> what the message or its hint says
NO_COMMANDS = {
    "no JSON": ("top up a-1", "JSON"),
    "cut short": ('{"do":"open-account"', "JSON"),
    "an array": ("[1]", "object"),
    "a number": ("5", "object"),
    "text": ('"open-account"', "object"),
    "NaN": ('{"do":"top-up","amount":NaN}', "JSON"),
    "no command": ("{}", "do"),
    "a mistyped command": ('{"do":"topup"}', "did you mean top-up?"),
    "a command of another type": ('{"do":7}', "no command 7"),
    "a mistyped field": ('{"do":"open-account","accont":"a-1"}', "did you mean account?"),
    "a foreign field": ('{"do":"open-account","account":"a-1","zzz":1}', "open-account takes"),
    "a missing field": ('{"do":"open-account"}', "account"),
    "a wrong type": ('{"do":"open-account","account":7}', "account"),
    "text for a list": ('{"do":"renew","account":"a","instances":"i","months":1}', "instances"),
    "text for a number": ('{"do":"renew","account":"a","instances":["i"],"months":"1"}', "months"),
    "an empty name": ('{"do":"open-account","account":""}', "account"),
    "a control character": ('{"do":"open-account","account":"a\\u0007"}', "account"),
    "an unknown kind": ('{"do":"activate-public","account":"a","instance":"i","kind":"x"}', "x"),
    "no instant": ('{"at":"soon","do":"open-account","account":"a"}', "soon"),
    "a number as instant": ('{"at":5,"do":"open-account","account":"a"}', "instant"),
    "the 30th of February": ('{"at":"2025-02-30","do":"open-account","account":"a"}', "02-30"),
    "nested too deeply": ('{"do":' * 100_000, ""),
    "a key twice": ('{"do":"open-account","account":"a","account":"b"}', "'account' appears twice"),
    "an invisible character": ('{"do":"open-account","account":"a\u200b"}', "U+200B"),
}
AMOUNTS_THAT_ARE_NONE = (
    "1e3", '"1e3"', '"NaN"', '"Infinity"', '"-Infinity"', '"sNaN"', '"0x10"', '""', '"ten"', "true",
    "null", "[]", "{}", '"1,000"', '"1_000"', '"+5"', '".5"', '"5."', '"\u0661"', '"\uff11"',
    '" 5"',
)  # fmt: skip


def bad(world: World, text: bytes | str, line: int = 1) -> Json:
    """Import what is not a command: exit 2, the line's number, nothing recorded of it."""
    told = world.run("import", "-", stdin=text)
    assert told.code == 2, told
    assert told.err.startswith(f"error: line {line}: "), told
    assert told.err.count("\n") == 1
    error = valid(world.json("import", "-", stdin=text, code=2))
    assert error["message"].startswith(f"line {line}: ")
    return error


@pytest.mark.parametrize("name", NO_COMMANDS)
def test_a_line_that_is_no_command(tmp_path: Path, name: str) -> None:
    line, says = NO_COMMANDS[name]
    world = World(tmp_path / "t.db")
    error = bad(world, line + "\n")
    assert says in f"{error['message']} {error['hint']}"
    assert error["hint"] or name == "nested too deeply"
    assert world.json("status")["head"] == 1


@pytest.mark.parametrize("amount", AMOUNTS_THAT_ARE_NONE)
def test_an_amount_that_is_none(tmp_path: Path, amount: str) -> None:
    world = World(tmp_path / "t.db")
    world.take(OPEN)
    line = json.dumps({**TOP_UP, "amount": "?"}).replace('"?"', amount)
    assert "amount" in bad(world, line)["message"]
    assert world.state("a-1")["cash"] == "0.00"


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "99999999999999999999999999"])
def test_an_amount_that_no_rule_takes(tmp_path: Path, amount: str) -> None:
    world = World(tmp_path / "t.db")
    *_, refused = world.take(OPEN, {**TOP_UP, "amount": amount}, code=4)
    assert refused["code"] == "INVALID_AMOUNT"


@pytest.mark.parametrize("amount", ["350", "350.0", "350.00", '"350"', '"350.0"', '"350.00"'])
def test_ways_to_write_an_amount(tmp_path: Path, amount: str) -> None:
    world = World(tmp_path / "t.db")
    line = json.dumps({**TOP_UP, "amount": "?"}).replace('"?"', amount)
    world.done("import", "-", stdin=lines(OPEN) + line)
    assert world.state("a-1")["cash"] == "350.00"


def test_what_stands_before_a_bad_line_stays(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    text = lines(OPEN, TOP_UP) + "\n" + "oops\n" + lines({**TOP_UP, "serial": "s2"})
    bad(world, text, line=4)
    assert world.state("a-1")["cash"] == "1.00"


@pytest.mark.parametrize(
    "text",
    [b"", b"\n", b"\n\n  \n\t\n", b"\r\n\r\n"],
    ids=["nothing", "a blank line", "blank lines", "CRLF"],
)
def test_nothing_to_import(tmp_path: Path, text: bytes) -> None:
    world = World(tmp_path / "t.db")
    assert world.json("import", "-", stdin=text)["lines"] == 0
    file = tmp_path / "empty.ndjson"
    file.write_bytes(text)
    assert world.done("import", file).out == "0 commands, log at @1\n"


@pytest.mark.parametrize("text", [bytes(range(256)) * 20, b"\xff\xfe{\x00}\x00", b"PK\x03\x04\x00"])
def test_a_binary_file(tmp_path: Path, text: bytes) -> None:
    world = World(tmp_path / "t.db")
    bad(world, text)
    assert world.json("status")["head"] == 1


def test_line_ends_do_not_matter(tmp_path: Path) -> None:
    text = lines(OPEN, TOP_UP, {**TOP_UP, "serial": "s2"})
    blank = "\n\n" + text.replace("\n", "\n\n")
    ways = (text, text.replace("\n", "\r\n"), text.rstrip("\n"), blank)
    logs = []
    for number, way in enumerate(ways):
        world = World(tmp_path / f"{number}.db")
        world.done("import", "-", stdin=way)
        logs.append(world.events()[1:])  # the first event names the ledger
    assert all(log == logs[0] for log in logs)


def test_at_may_not_go_backwards(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    later = {**OPEN, "at": "2025-01-02T00:00:00+08:00"}
    error = bad(world, lines(later, {**TOP_UP, "at": START}), line=2)
    assert error["code"] == "BAD_LINE"
    assert "before the ledger's clock" in error["message"]
    assert world.state("a-1")["cash"] == "0.00"


def test_at_is_not_for_a_system_clock(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start=None)
    error = bad(world, lines(OPEN))
    assert "system" in error["message"]
    told = world.json("record", "open-account", "--account", "a-1", "--at", START, code=2)
    assert told["code"] == "WRONG_CLOCK"
    assert world.json("clock", "advance", "1d", code=2)["code"] == "WRONG_CLOCK"
    world.done("record", "open-account", "--account", "a-1")


@pytest.mark.parametrize("effective_at", ["2025-01-01T00:00:01+08:00", "2024-12-31T23:59:59+08:00"])
def test_effective_after_it_is_recorded_or_before_its_account(
    tmp_path: Path, effective_at: str
) -> None:
    world = World(tmp_path / "t.db")
    error = bad(world, lines(OPEN, {**TOP_UP, "effective_at": effective_at}), line=2)
    assert effective_at in error["message"]
    assert not world.events("--type", "TopUpReceived")


def test_an_unknown_account_is_a_refusal_for_a_command_and_a_suggestion_for_a_look(
    world: World,
) -> None:
    top_up = ("top-up", "--account", "a-9", "--amount", "1", "--channel", "c", "--serial", "s")
    refused = world.record(*top_up, code=4)
    assert refused["code"] == "UNKNOWN_ACCOUNT"
    assert world.json("state", "a-11", code=3)["hint"] == "did you mean a-1?"
    assert world.json("log", "A-2", code=3)["hint"].startswith("did you mean a-")
    assert world.json("state", "zzz", code=3)["hint"] == "list them with: tally balances"


def test_a_point_in_the_future_points_to_the_forecast(looked_at: World) -> None:
    for option in ("--at", "--known-at", "--as-of"):
        error = looked_at.json("state", "a-1", option, "2025-02-21T12:00:01+08:00", code=3)
        assert error["code"] == "POINT_IN_THE_FUTURE"
        assert "tally forecast" in error["hint"]
        looked_at.state("a-1", option, "2025-02-21T12:00:00+08:00")
    assert looked_at.json("show", SMALL_EVENTS + 1, code=3)["code"] == "POINT_IN_THE_FUTURE"


def test_the_nearest_name_is_suggested() -> None:
    said = {
        ("statee",): "did you mean state?",
        ("record", "topup"): "did you mean top-up?",
        ("projections", "statu"): "did you mean status?",
        ("report", "stateme", "--help"): "did you mean statement?",
        ("help", "record", "topup"): "did you mean top-up?",
        ("balances", "--overdu"): "did you mean --overdue?",
        ("record", "top-up", "--acount", "a-1"): "did you mean --account?",
        ("bisect", "a-1", "--expr", "overdue", "--axis", "knwn"): "did you mean known?",
        ("export", "--format", "focs"): "did you mean focus?",
    }
    for arguments, hint in said.items():
        told = tally(*arguments)
        assert told.code == 2
        assert hint in told.err


def test_a_wrong_choice_is_answered_with_all_of_them() -> None:
    told = tally("trace", "cash", "a-1", "--every", "year")
    assert (told.code, told.out) == (2, "")
    said = "--every cannot be 'year': it is one of change, day, month; see: tally trace --help"
    assert told.err == f"error: {said}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("state a --at", "--at needs a value"),
        ("whatif --patch 17", "--patch needs 2 values"),
        ("state a --json=3", "--json does not take a value"),
        ("state a b c", "too many arguments: b c"),
        ("debug a -x nowhere", "-x: File 'nowhere' does not exist"),
        ("record renew --months 1.5", "--months cannot be '1.5': it is a whole number"),
        ("serve --port -1", "--port cannot be '-1': it is a whole number, from 0 to 65535"),
        ("log -n x", "-n cannot be 'x': it is a whole number, at least 0"),
    ],
)
def test_a_value_of_the_wrong_form_is_answered_in_our_words(arguments: str, said: str) -> None:
    told = tally(*arguments.split())
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith(f"error: {said}; see: tally ")


def test_everything_that_is_missing_is_named_at_once() -> None:
    told = tally("record", "top-up", "--account", "a-1", "--serial", "T1")
    see = "see: tally record top-up --help"
    assert (told.code, told.err) == (2, f"error: --amount, --channel are missing; {see}\n")


def test_json_together_with_a_usage_error(looked_at: World) -> None:
    error = looked_at.json("balances", "--bellow", "5", code=2)
    assert error["code"] == "USAGE"
    assert error["hint"] == "did you mean --below?"


def test_the_ledger_that_is_looked_for_is_named(tmp_path: Path) -> None:
    told = tally("state", "a-1", cwd=tmp_path.parent)
    assert told.code == 3
    assert "'./tally.db'" in told.err
