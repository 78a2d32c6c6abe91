"""The commands of time travel as a person and a program meet them: transcripts, JSON, exits."""

from __future__ import annotations

import shlex
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.program import ROOT, World, valid

if TYPE_CHECKING:
    from tests.conftest import Golden

GOLDEN = ROOT / "tests" / "golden" / "history"
STATE = 'a-1.instances["i-1"].state'


def _march() -> list[dict[str, Any]]:
    """a-1 buys, tops up and is billed in March; after the close a late bill and a correction."""
    usage = {"do": "post-bill", "account": "a-1", "instance": "p-1"}
    return [
        {"do": "set-price", "sku": "std", "monthly_price": "300", "at": "2025-03-01T09:00:00"},
        {"do": "open-account", "account": "a-1", "at": "2025-03-01T09:00:00"},
        {"do": "activate-public", "account": "a-1", "instance": "p-1", "kind": "public_legacy",
         "at": "2025-03-01T09:00:00"},
        {"do": "top-up", "account": "a-1", "amount": "1000", "channel": "alipay", "serial": "T1",
         "at": "2025-03-02T10:00:00", "actor": "acme"},
        {"do": "grant-coupon", "account": "a-1", "coupon": "c-1", "amount": "100",
         "ends": "2025-03-31", "at": "2025-03-03T10:00:00"},
        {"do": "purchase", "account": "a-1", "instance": "i-1", "sku": "std", "months": 1,
         "at": "2025-03-05T10:00:00", "actor": "acme"},
        {**usage, "bill": "b-1", "rated": "120", "cycle_start": "2025-03-09T00:00:00",
         "cycle_end": "2025-03-10T00:00:00", "at": "2025-03-10T02:00:00", "actor": "metering"},
        {**usage, "bill": "b-2", "rated": "330", "cycle_start": "2025-03-19T00:00:00",
         "cycle_end": "2025-03-20T00:00:00", "at": "2025-03-20T02:00:00", "actor": "metering"},
        {"do": "set-alert", "account": "a-1", "threshold": "200", "at": "2025-04-01T09:00:00"},
    ]  # fmt: skip


def _april() -> list[dict[str, Any]]:
    return [
        {"do": "top-up", "account": "a-1", "amount": "70", "channel": "bank", "serial": "T2",
         "effective_at": "2025-03-30T10:00:00", "at": "2025-04-02T10:00:00", "actor": "ops/lin",
         "reason": "found in the bank statement"},
        {"do": "post-bill", "account": "a-1", "instance": "p-1", "bill": "b-3", "rated": "180",
         "cycle_start": "2025-03-27T00:00:00", "cycle_end": "2025-03-28T00:00:00",
         "effective_at": "2025-03-28T04:00:00", "at": "2025-04-03T10:00:00",
         "actor": "metering"},
        {"do": "credit-note", "account": "a-1", "note": "n-1", "bill": "b-2", "amount": "30",
         "effective_at": "2025-03-21T10:00:00", "at": "2025-04-05T10:00:00", "actor": "ops/lin",
         "reason": "ticket 5590"},
    ]  # fmt: skip


@cache
def world() -> World:
    """March closed and sealed; then what April learned about it."""
    made = World(Path(mkdtemp()) / "march.db")
    made.take(*_march())
    made.done("tag", "add", "opened", "2025-03-01", "--actor", "lin")
    made.done("tag", "add", "close-2025-03", "2025-03", "--seal", "--actor", "ops/lin")
    made.take(*_april())
    made.done("clock", "advance", "--to", "2025-04-25T12:00:00+08:00")
    return made


TRANSCRIPTS = {
    "tag-list": ["tag list"],
    "points": [
        "state a-1 --at 2025-03-04",
        "state a-1 --as-of tag:close-2025-03",
        "state a-1 --at 2025-03::@19",
        "state a-1 --at 2026-01",
        "state a-1 --at tag:close-2025-04",
    ],
    "state-restated": ["state a-1 --at 2025-03", "state a-1"],
    "diff": ["diff 2025-03-10 2025-03 a-1", "diff @10 @12", "diff head head --exit-code"],
    "diff-bridge": [
        "diff tag:close-2025-03 2025-03 a-1 --bridge --exit-code",
        "diff 2025-03-04 2025-03-31 --bridge",
    ],
    "blame": ["blame a-1", f"blame '{STATE}' --at 2025-03", "blame a-1.cahs"],
    "last": [
        "last a-1.cash -n 2",
        "last a-1.cash --before @18",
        f"last '{STATE}' -n 3",
        "last a-1.alert.threshold --before 2025-03",
    ],
    "trace": [
        "trace cash a-1",
        "trace 'available < 600' a-1 --every day --at 2025-03-12",
        "trace cash a-1 --every day --chart",
        "trace 'instances[\"i-1\"].state' a-1 --csv",
    ],
    "bisect": [
        "bisect --expr 'cash < 500' a-1",
        "bisect --expr 'cash == 350' a-1 --axis known --at 2025-03",
        "bisect --expr 'instances[\"i-1\"].state == \"running\"' a-1",
        "bisect --expr 'instances[\"i-2\"].state == \"running\"' a-1",
        "bisect --expr 'oustanding > 0' a-1",
    ],
    "log-graph": ["log a-1 --graph -n 9"],
}


@pytest.mark.parametrize("name", list(TRANSCRIPTS))
def test_transcript(name: str, golden: Golden) -> None:
    told = []
    for line in TRANSCRIPTS[name]:
        done = world().run(*shlex.split(line))
        told.append(f"$ tally {line}\n{done.out}{done.err}(exit {done.code})\n")
        long = [one for one in done.out.splitlines() if len(one) > 80]
        assert not long or "--csv" in line, long
    text = "\n".join(told)
    golden(GOLDEN / f"{name}.txt", text)


SESSION = """\
# forwards
s 3
n cash
w outstanding > 0
b CreditNoteIssued if cash > 100
d available
c
c
mark corrected
l cash
y cash
diff @10
p coupons["c-1"].remaining
g head
# and backwards, to where it began
c-
n-
<
>
g corrected
s- 2
g tag:close-2025-03
c-
g start
q
"""


def test_a_scripted_session_ends_where_it_began(golden: Golden, tmp_path: Path) -> None:
    script = tmp_path / "hunt.txt"
    script.write_text(SESSION, encoding="utf-8")
    done = world().done("debug", "a-1", "-x", script)
    assert done.out.splitlines()[-1].startswith("(@0/")
    assert done.err == ""
    assert all(len(line) <= 80 for line in done.out.splitlines())
    golden(GOLDEN / "debug.txt", f"$ tally debug a-1 -x hunt.txt\n{done.out}")
    piped = world().done("debug", "a-1", stdin=SESSION)
    assert piped.out == done.out
    answer = world().json("debug", "a-1", "-x", script)
    assert answer["answers"][-1]["position"] == 0
    assert {one["show"] for one in answer["answers"]} >= {"stop", "diff", "value", "why", "end"}
    rows = world().rows("debug", "a-1", "-x", script)
    assert rows == answer["answers"]


def test_the_first_wrong_word_ends_a_script_and_names_its_line(tmp_path: Path) -> None:
    script = tmp_path / "hunt.txt"
    script.write_text("s\nstp\ns\n", encoding="utf-8")
    done = world().run("debug", "a-1", "-x", script)
    assert done.code == 2
    assert "hunt.txt:2: error: there is no command 'stp'; did you mean step?" in done.err
    gone = world().run("debug", "a-1", stdin="g @99999\n")
    assert gone.code == 3
    assert world().run("debug", "nobody", stdin="s\n").code == 3


def test_every_answer_fits_its_schema() -> None:
    ask = world().json
    ask("tag", "list")
    for row in world().rows("tag", "list"):
        valid(row)
    ask("blame", "a-1", "--at", "2025-03")
    ask("last", "a-1.cash", "-n", "3")
    ask("last", "a-1.overdue_since", "--before", "2025-03", code=1)
    ask("trace", "cash - 1", "a-1")
    ask("trace", "overdue", "a-1", "--every", "month")
    ask("bisect", "--expr", "cash < 500", "a-1")
    ask("bisect", "--expr", "cash < 0", "a-1", code=1)
    ask("diff", "@5", "head", "--exit-code", code=1)
    ask("diff", "nowhere", "head", code=2)
    ask("diff", "2030-01", "head", code=3)


def test_a_diff_is_what_the_interface_says() -> None:
    answer = world().json("diff", "tag:close-2025-03", "2025-03::head", "a-1")
    cash = next(row for row in answer["rows"] if row["field"] == "cash")
    assert cash["a"], cash["b"] == ("350.00", "450.00")
    assert cash["bridge"] == {
        "activity": "0.00", "late": "70.00", "corrections": "30.00", "rules": "0.00",
    }  # fmt: skip
    assert {part: len(found) for part, found in cash["events"].items()} == {
        "late": 1, "corrections": 1,
    }  # fmt: skip
    owed = next(row for row in answer["rows"] if row["field"] == "outstanding")
    assert owed["delta"] == owed["bridge"]["late"] == "180.00"
    assert answer["restated"]["period"] == "tag:close-2025-03"
    assert answer["restated"]["by"] == {"CNY": {"cash": "100.00", "outstanding": "180.00"}}


def test_a_sealed_figure_is_told_by_default() -> None:
    """R64: a sealed tag is the older form of a close."""
    told = world().json("state", "a-1", "--at", "2025-03")["restated"]
    assert told["since"] == told["period"] == "tag:close-2025-03"
    assert told["was"]["cash"] == "350.00"
    assert told["now"]["cash"] == "450.00"
    assert (told["facts"], told["by"]["CNY"]["cash"]) == (3, "100.00")
    sealed = world().json("state", "a-1", "--as-of", "tag:close-2025-03")
    assert "restated" not in sealed
    assert sealed["cash"] == told["was"]["cash"]
    zero = {"period": "tag:close-2025-03", "facts": 0, "by": {}}
    assert world().json("state", "a-1", "--at", "2025-03-04")["restated"] == zero
    assert "restated" not in world().json("state", "a-1")


def test_bisect_on_the_known_axis_names_who_changed_a_closed_figure() -> None:
    told = world().json("bisect", "--expr", "cash == 350", "a-1", "--axis", "known",
                        "--at", "2025-03")  # fmt: skip
    last = told["flips"][-1]
    assert (last["from"], last["to"], last["type"]) == (True, False, "TopUpReceived")
    assert (last["actor"], last["reason"]) == ("ops/lin", "found in the bank statement")


def test_a_tag_is_given_once_and_points_back() -> None:
    again = world().run("tag", "add", "opened", "--json")
    assert (again.code, again.json["code"]) == (4, "ALREADY_EXISTS")
    wrong = world().run("tag", "add", "no such name!")
    assert wrong.code == 2
    twice = world().run("tag", "add", "x", "2025-03", "--at", "2025-03")
    assert twice.code == 2
    ahead = world().run("tag", "add", "x", "2026")
    assert ahead.code == 2
    future = world().run("tag", "add", "x", "2026-01-01")
    assert future.code == 3
    assert "tally forecast" in future.err


def test_a_tag_without_a_point_names_what_is_true_and_known_now(tmp_path: Path) -> None:
    made = World(tmp_path / "tags.db")
    made.take(*_march())
    head = made.json("tag", "add", "now")["point"]
    assert head["at"] == "2025-04-01T09:00:00+08:00"
    assert made.json("replay", "--compare")["equal"] is True
    last = made.events("--type", "TagAdded")[-1]
    assert (last["account"], last["data"]["name"]) == (None, "now")


def test_a_relative_point_is_no_option() -> None:
    assert world().json("diff", "-30d", "head", "a-1")["a"]["at"] == "2025-03-26T12:00:00+08:00"
    assert world().json("state", "a-1", "--at", "-30d")["point"]["at"][:10] == "2025-03-26"
    assert world().done("log", "a-1", "--from", "-30d").out
