"""``tally import`` and ``tally record``: the same events, resumable, from a pipe as it fills."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ledger import commands as c
from tests.cli.program import (
    COMMAND,
    SMALL,
    START,
    Json,
    World,
    environment,
    lines,
    tally_process,
)


def options(command: Json) -> list[str]:
    """Write a line of an import as the options of `tally record`."""
    words = [command["do"]]
    for name, given in command.items():
        option = f"--{name.replace('_', '-')}"
        if name == "do":
            continue
        if isinstance(given, bool):
            words.append(option if given else f"--no-{option[2:]}")
        elif isinstance(given, list):
            words += [option, ",".join(given)]
        else:
            words += [option, "none" if given is None else str(given)]
    return words


OPENED: Json = {"do": "open-account", "account": "a"}
PAID: Json = {"do": "top-up", "account": "a", "amount": "5", "channel": "c", "serial": "1"}


def without_identity(events: list[Json]) -> list[Json]:
    """All but the first event, which names the ledger."""
    return events[1:]


EVERY_COMMAND: list[Json] = [
    {"do": "set-price", "sku": "std", "monthly_price": "500"},
    {"do": "set-price", "sku": "big", "monthly_price": "900"},
    {"do": "set-policy", "key": "restore_delay", "value": "10min"},
    {"do": "open-account", "account": "a", "currency": "CNY", "actor": "me", "reason": "new"},
    {"do": "top-up", "account": "a", "amount": "9000.5", "channel": "c", "serial": "1"},
    {"do": "reverse-top-up", "account": "a", "amount": "1", "channel": "c", "serial": "1"},
    {"do": "grant-coupon", "account": "a", "coupon": "k", "amount": "10", "ends": "2025-02-01",
     "products": ["iot_enterprise"], "order_types": ["new", "renew"], "minimum_spend": "100"},
    {"do": "grant-coupon", "account": "a", "coupon": "l", "amount": "5", "ends": "2025-02-01"},
    {"do": "activate-public", "account": "a", "instance": "p", "kind": "public_new"},
    {"do": "activate-public", "account": "a", "instance": "q", "kind": "public_legacy"},
    {"do": "start-trial", "account": "a", "instance": "t", "sku": "std"},
    {"do": "purchase", "account": "a", "instance": "i", "sku": "std", "months": 1,
     "auto_renew": False, "coupon": "k", "token": "once"},
    {"do": "renew", "account": "a", "instances": ["i", "t"], "months": 2, "coupon": "none"},
    {"do": "enable-auto-renew", "account": "a", "instances": ["i", "t"], "months": 3},
    {"do": "modify-auto-renew", "account": "a", "instances": ["i"], "months": 6},
    {"do": "disable-auto-renew", "account": "a", "instances": ["t"]},
    {"do": "freeze", "account": "a", "instance": "p"},
    {"do": "continue-trial", "account": "a", "instance": "p"},
    {"do": "upgrade", "account": "a", "instance": "p", "sku": "std", "months": 1},
    {"do": "change-spec", "account": "a", "instance": "i", "sku": "big"},
    {"do": "cancel-renewal", "account": "a", "instance": "t"},
    {"do": "cancel", "account": "a", "instance": "p"},
    {"do": "record-usage", "account": "a", "usage": "u", "instance": "q", "rated": "1.2345",
     "cycle_start": "2025-01-01T00:00:00+08:00", "cycle_end": "2025-01-02T00:00:00+08:00"},
    {"do": "set-alert", "account": "a", "threshold": "100"},
    {"do": "set-alert", "account": "a", "threshold": None},
    {"at": "2025-01-03T00:00:00+08:00", "do": "post-bill", "account": "a", "bill": "b",
     "instance": "q", "cycle_start": "2025-01-02T00:00:00+08:00",
     "cycle_end": "2025-01-03T00:00:00+08:00", "rated": "50000"},
    {"at": "2025-01-04T00:00:00+08:00", "do": "credit-note", "account": "a", "note": "n",
     "bill": "b", "amount": "49990"},
    {"at": "2025-01-04T00:01:00+08:00", "do": "restore", "account": "a", "instance": "q"},
]  # fmt: skip


def test_record_and_import_give_the_same_events(tmp_path: Path) -> None:
    assert {command["do"] for command in EVERY_COMMAND} == set(c.COMMANDS)
    imported, recorded = World(tmp_path / "i.db"), World(tmp_path / "r.db")
    told = imported.take(*({"at": START, **command} for command in EVERY_COMMAND))
    for command, result in zip(EVERY_COMMAND, told, strict=True):
        alone = recorded.record(*options(command))
        assert {**alone, "line": result["line"]} == result, command
    assert without_identity(imported.events()) == without_identity(recorded.events())
    assert imported.state("a") == recorded.state("a")
    assert imported.rows("balances") == recorded.rows("balances")


def test_a_refused_line_does_not_stop_the_import(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    results = world.rows("import", SMALL, code=4)
    assert [result["line"] for result in results] == list(range(1, 15))
    assert [result["line"] for result in results if not result["ok"]] == [9]


def test_stop_on_refusal_and_continue_after_it(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    results = world.rows("import", SMALL, "--stop-on-refusal", code=4)
    assert len(results) == 9
    rest = world.rows("import", SMALL, "--resume")
    assert [result["line"] for result in rest] == [10, 11, 12, 13, 14]
    whole = World(tmp_path / "whole.db")
    whole.done("import", SMALL, code=4)
    assert without_identity(world.events()) == without_identity(whole.events())


def test_resume_skips_what_this_file_already_recorded(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    text = SMALL.read_text().splitlines(keepends=True)
    file = tmp_path / "c.ndjson"
    file.write_text("".join(text[:4]))
    assert world.json("import", file)["lines"] == 4
    file.write_text("".join(text))
    assert world.json("import", file, "--resume", code=4)["lines"] == 10
    assert world.json("import", file, "--resume")["lines"] == 0
    assert world.json("import", file, code=2)["code"] == "BAD_LINE"  # its instants are in the past


def test_resume_after_a_line_was_mended(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    text = SMALL.read_text().splitlines(keepends=True)
    file = tmp_path / "c.ndjson"
    file.write_text("".join([*text[:5], "oops\n", *text[5:]]))
    told = world.run("import", file)
    assert (told.code, told.err[:14]) == (2, "error: line 6:")
    file.write_text("".join(text))
    assert world.rows("import", file, "--resume", code=4)[0]["line"] == 6


def test_a_page_for_people(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    assert world.done("import", SMALL, code=4).out == (
        "14 commands, log at @26\n"
        "what             count\n"
        "ACCOUNT_OVERDUE      1\n"
        "accepted            13\n"
    )


def test_a_line_is_recorded_before_the_pipe_closes(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    with subprocess.Popen(
        [*COMMAND, "import", "-", "--ndjson", "--ledger", str(world.path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(),
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (1, 2, 3):
            line = lines({"at": START, "do": "open-account", "account": f"a-{number}"})
            process.stdin.write(line.encode())
            process.stdin.flush()
            result: dict[str, Any] = json.loads(process.stdout.readline())
            assert (result["line"], result["ok"]) == (number, True)
            assert world.json("log", "-n", "1")["rows"][0]["account"] == f"a-{number}"
        process.stdin.close()
        assert process.wait(20) == 0


def test_two_processes_record_at_once(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db", start=None)
    world.done("record", "open-account", "--account", "a")
    script = [
        lines(*({"do": "top-up", "account": "a", "amount": "1", "channel": name, "serial": str(n)}
                for n in range(60)))
        for name in ("x", "y")
    ]  # fmt: skip
    ways = [
        subprocess.Popen(
            [*COMMAND, "import", "-", "--ndjson", "--ledger", str(world.path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True,
        )
        for _ in script
    ]  # fmt: skip
    # Line by line, turn about.
    for one, two in zip(*(text.splitlines(keepends=True) for text in script), strict=True):
        for process, line in zip(ways, (one, two), strict=True):
            assert process.stdin is not None
            process.stdin.write(line)
            process.stdin.flush()
    for process in ways:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert [json.loads(line)["ok"] for line in out.splitlines()] == [True] * 60
    assert world.state("a")["cash"] == "120.00"
    assert world.json("replay", "--compare")["equal"]


def test_a_pipe_that_is_closed_early_is_no_error(looked_at: World) -> None:
    script = f"{' '.join(COMMAND)} log --ledger {looked_at.path} | head -n 1"
    done = subprocess.run(
        ["/bin/bash", "-c", f"set -o pipefail; {script}"],
        capture_output=True, env=environment(), check=False, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_a_repeat_is_silent(world: World) -> None:
    before = world.json("status")["head"]
    top_up = ("top-up", "--account", "a-2", "--channel", "card", "--serial", "T3", "--amount")
    again = world.record(*top_up, "50.0")
    assert (again["duplicate"], again["positions"]) == (True, [22])
    assert world.json("status")["head"] == before
    told = world.done("record", *top_up, "50")
    assert told.out == "duplicate: the original result applies [@22]\n"


def test_expected_version(world: World) -> None:
    words = ["record", "top-up", "--account", "a-2", "--amount", "1", "--channel", "x"]
    version = world.state("a-2")["version"]
    refused = world.json(*words, "--serial", "1", "--expected-version", "1", code=4)
    assert refused["code"] == "CONCURRENT_MODIFICATION"
    assert world.json(*words, "--serial", "1", "--expected-version", version)["ok"]


@pytest.mark.parametrize("written", ["i-1,i-9", "i-1 --instances i-9"])
def test_lists_are_written_with_commas_or_repeated(world: World, written: str) -> None:
    words = f"renew --account a-1 --months 1 --instances {written}".split()
    refused = world.record(*words, code=4)
    asked = world.json("show", refused["positions"][0])["request"]
    assert asked["instances"] == ["i-1", "i-9"]


def test_from_the_environment(world: World) -> None:
    done = tally_process("status", "--json", TALLY_LEDGER=str(world.path))
    assert done.json["ledger"] == str(world.path)


def test_a_file_with_a_byte_order_mark_is_the_same_file(tmp_path: Path) -> None:
    """The mark counts neither as a part of the command nor of what --resume compares."""
    text = lines(OPENED, PAID).encode()
    world = World(tmp_path / "t.db")
    world.done("import", "-", stdin=b"\xef\xbb\xbf" + text)
    told = world.json("import", "-", "--resume", stdin=text)
    assert (told["lines"], world.state("a")["cash"]) == (0, "5.00")


def test_a_line_that_is_too_long_is_named_and_what_stands_before_it_stays(tmp_path: Path) -> None:
    """Its end need not come: a file without a line feed is not read into memory."""
    world = World(tmp_path / "t.db")
    long = b'{"do":"cancel","account":"a","reason":"' + b"x" * 10**7
    told = world.run("import", "-", stdin=lines(OPENED, PAID).encode() + long)
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "line 3: the line is longer than 8 MiB" in told.err
    assert world.state("a")["cash"] == "5.00"


def test_a_repeat_before_the_clock_is_given_its_first_result(tmp_path: Path) -> None:
    """R28: anything else with such an `at` stays a usage error."""
    world = World(tmp_path / "t.db")
    first = {**PAID, "at": "2025-01-02T00:00:00+08:00"}
    _, result = world.take(OPENED, first)
    world.done("clock", "advance", "--to", "2025-02-01T00:00:00+08:00")
    for at in ("2025-01-01", "2025-01-15", "2026-01-01"):
        (again,) = world.take({**first, "at": at})
        assert (again["duplicate"], again["positions"]) == (True, result["positions"])
    assert world.json("clock", "show")["now"] == "2025-02-01T00:00:00+08:00"
    assert world.run("import", "-", stdin=lines({**first, "serial": "2"})).code == 2
