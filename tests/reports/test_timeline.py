"""The timeline's steps are what ``state --as-of`` says, and its page holds nothing foreign."""

from __future__ import annotations

import json
import re
import shlex
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from projections.html.river import river
from projections.reports import REPORTS
from projections.reports.timeline import Drop, TimelineFigures
from tests.books.worlds import HARD
from tests.cli.program import World, tally, valid
from tests.reports.conftest import HOSTILE

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNTS = ("a-001", "a-003", "a-017")
MONEY = ("cash", "outstanding", "available", "overdue_since")


def figures(state: dict[str, Any]) -> dict[str, Any]:
    """What the slider shows, as the state of an account says it."""
    return {
        **{name: state[name] for name in MONEY},
        "instances": {instance["instance"]: instance["state"] for instance in state["instances"]},
        "coupons": {
            coupon["coupon"]: {"remaining": coupon["remaining"], "status": coupon["status"]}
            for coupon in state["coupons"]
        },
    }


def applied(steps: list[dict[str, Any]]) -> dict[str, Any]:
    held: dict[str, Any] = {"instances": {}, "coupons": {}}
    for step in steps:
        held |= {name: step[name] for name in MONEY if name in step}
        held["instances"] |= step.get("instances", {})
        held["coupons"] |= step.get("coupons", {})
    return held


@pytest.mark.parametrize("account", ACCOUNTS)
def test_every_step_is_the_state_as_of_its_instant(year: World, account: str) -> None:
    steps = valid(year.json("report", "timeline", account))["steps"]
    assert len(steps) > 20
    for i in range(0, len(steps), max(1, len(steps) // 12)):
        state = year.state(account, "--as-of", steps[i]["at"])
        assert applied(steps[: i + 1]) == figures(state), steps[i]["at"]
    assert applied(steps) == figures(year.state(account))


def test_what_is_known_now_is_the_state_at_each_instant(year: World) -> None:
    line = year.json("report", "timeline", "a-001")["known_now"]
    for one in line[:: len(line) // 10]:
        state = year.state("a-001", "--at", one["at"])
        assert state["available"] == one["available"]


def test_a_point_bounds_the_timeline(year: World) -> None:
    whole = year.json("report", "timeline", "a-001")["steps"]
    half = year.json("report", "timeline", "a-001", "--as-of", "2025-06-30")["steps"]
    assert half == whole[: len(half)]
    assert len(half) < len(whole)


def test_the_axes_of_a_point_may_differ(hard: World) -> None:
    for account in HARD:
        at = ("--ledger", hard.path, "--at", "2025-01-06", "--json", "--", account)
        shown = valid(tally("report", "timeline", *at).json)["steps"]
        assert applied(shown) == figures(valid(tally("state", *at).json))


def test_the_command_in_a_page_makes_it_again_whatever_the_name(hard: World) -> None:
    for account in HARD:
        here = ("--ledger", hard.path)
        page = tally("report", "timeline", *here, "--html", "--", account).out
        command = re.search(r"<code>tally (report [^<]*)</code>", page)
        assert command is not None
        words = shlex.split(unescape(command[1]))
        assert tally(*words[:2], *here, *words[2:]).out == page


def page_of(world: World, *arguments: object) -> str:
    return world.done("report", *arguments, "--html").out


PAGES = [
    ("timeline", "a-001"), ("statement", "a-001"), ("overdue",), ("trial-balance",),
    ("trial-balance", "a-001", "--summary"), ("rollforward", "--from", "2025-03-01"),
    ("deferred", "--all"), ("coupons",), ("reconciliation",), ("lots",), ("lots", "a-001"),
    ("restatements", "2025-03"),
]  # fmt: skip


def test_every_report_has_a_page() -> None:
    assert {report[0] for report in PAGES} == set(REPORTS.own)


@pytest.mark.parametrize("report", ["trial-balance", "coupons", "deferred"])
def test_a_page_of_tables_says_what_the_text_says(report: str, year: World) -> None:
    page = page_of(year, report)
    cells = [unescape(cell) for cell in re.findall(r"<td[^>]*>([^<]*)</td>", page)]
    for row in year.rows("report", report):
        written = [cell for cell in row.values() if isinstance(cell, str) and cell.strip("-0.")]
        assert any(cell in cells for cell in written), row


@pytest.mark.parametrize("report", PAGES)
def test_a_page_is_whole_and_the_same_again(
    report: tuple[str, ...], year: World, tmp_path: Path
) -> None:
    page = page_of(year, *report)
    assert page == page_of(year, *report)
    path = tmp_path / "page.html"
    year.done("report", *report, "--html", "-o", path)
    assert path.read_bytes() == page.encode()
    assert not re.search(r"(src|href)=|url\(|@import|https?:", page.replace("http-equiv", ""))
    assert year.json("export", "--format", "events", "-o", tmp_path / "log")["root"] in page
    command = re.search(r"<code>tally (report [^<]*)</code>", page)
    assert command is not None
    assert year.done(*shlex.split(unescape(command[1]))).out == page


def test_names_cannot_become_part_of_a_page(hostile: World) -> None:
    for report in (("timeline", HOSTILE), ("statement", HOSTILE), ("overdue",), ("deferred",)):
        page = page_of(hostile, *report)
        assert "<script>document" not in page
        assert "</script><script>d" not in page
    page = page_of(hostile, "timeline", HOSTILE)
    told = re.search(r'<script type="application/json" id="steps">(.*?)</script>', page)
    assert told is not None
    names = [name for step in json.loads(told[1])["steps"] for name in step.get("instances", {})]
    assert set(names) == {HOSTILE}


def test_a_page_and_rows_are_two_forms(year: World) -> None:
    done = year.run("report", "timeline", "a-001", "--html", "--csv")
    assert (done.code, done.out) == (2, "")


def test_a_river_of_very_many_events_keeps_every_late_one_and_one_dot_a_place() -> None:
    minute = 60 * 10**6
    drops = tuple(
        Drop(number, "BillPosted", (number - 30 * (number % 100 == 0)) * minute, number * minute)
        for number in range(1, 40_001)
    )
    found = TimelineFigures("a", "CNY", 0, 40_001 * minute, (), (), (), {}, (), drops)
    drawn = str(river(found, 0, listed=False))
    assert drawn.count('class="dot late"') == 400
    assert drawn.count('class="dot big') == 400
    assert 400 < drawn.count('class="dot c-bill"') < 1300
    assert "40000 events" in drawn
