"""The pages in a real browser: the slider says what the ledger says, and nobody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.reports.conftest import HOSTILE
from tests.reports.test_timeline import figures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.cli.program import World

READ = """() => ({
  cash: document.getElementById('cash').textContent,
  outstanding: document.getElementById('outstanding').textContent,
  available: document.getElementById('available').textContent,
  overdue_since: document.getElementById('overdue').dataset.since || null,
  instances: Array.from(document.querySelectorAll('#instances li'), (li) => [li.dataset.name,
    li.dataset.said.replace(' ', '_')]),
  coupons: Array.from(document.querySelectorAll('#coupons li'), (li) => [li.dataset.name,
    li.dataset.said.split(' ')]),
})"""


class Opened:
    """A page from disk, and everything that it did beyond showing itself."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.said: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.as_uri())

    def figures(self) -> dict[str, Any]:
        read: dict[str, Any] = self.page.evaluate(READ)
        coupons = {
            name: {"remaining": said[0], "status": said[1]} for name, said in read["coupons"]
        }
        return {**read, "instances": dict(read["instances"]), "coupons": coupons}

    def go(self, instant: str) -> None:
        self.page.fill("#asked", instant)
        self.page.press("#asked", "Enter")

    def shown(self) -> str:
        return str(self.page.input_value("#asked"))


@pytest.fixture
def opened(
    browser: Browser, year: World, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Opened]:
    """The timeline of an account, on a wide light page by default."""
    path = tmp_path / "page.html"
    account = getattr(request, "param", "a-003")
    year.done("report", "timeline", account, "--html", "-o", path)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    there = Opened(page, path)
    yield there
    assert there.said == []
    assert there.requests == [path.as_uri()]
    page.close()


@pytest.mark.parametrize("opened", ["a-001", "a-003", "a-017"], indirect=True)
def test_the_slider_says_what_state_says(opened: Opened, year: World) -> None:
    account = opened.page.title().removeprefix("Timeline of ")
    assert opened.figures() == figures(year.state(account))
    steps = year.json("report", "timeline", account)["steps"]
    instants = [step["at"] for step in steps[:: max(1, len(steps) // 8)]]
    instants += ["2025-04-17T13:37:11+08:00", "2025-09-30T23:59:59+08:00"]
    for instant in instants:
        opened.go(instant)
        assert opened.shown() == instant
        state = year.state(account, "--as-of", instant)
        assert opened.figures() == figures(state), instant


def test_the_slider_itself_moves_the_figures(opened: Opened, year: World) -> None:
    second = 1_750_000_000
    opened.page.evaluate(
        "(to) => { const it = document.getElementById('slider'); it.value = to;"
        " it.dispatchEvent(new Event('input')); }",
        second,
    )
    assert opened.shown() == "2025-06-15T23:06:40+08:00"
    assert opened.figures() == figures(year.state("a-003", "--as-of", opened.shown()))


def test_the_keyboard_reaches_and_moves_it(opened: Opened, year: World) -> None:
    steps = [step["at"] for step in year.json("report", "timeline", "a-003")["steps"]]
    opened.page.keyboard.press("Tab")
    assert opened.page.evaluate("document.activeElement.id") == "slider"
    for expected in reversed(steps[-3:]):
        opened.page.keyboard.press("ArrowLeft")
        assert opened.shown() == expected
    opened.page.keyboard.press("ArrowRight")
    assert opened.shown() == steps[-2]
    opened.page.keyboard.press("Home")
    assert opened.page.input_value("#slider") == opened.page.get_attribute("#slider", "min")
    opened.page.keyboard.press("PageDown")
    assert opened.page.input_value("#slider") == opened.page.get_attribute("#slider", "min")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("report", [("timeline", "a-003"), ("statement", "a-003"), ("overdue",)])
def test_a_page_fits_its_window(
    report: tuple[str, ...], width: int, browser: Browser, year: World, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    year.done("report", *report, "--html", "-o", path)
    page = browser.new_page(viewport={"width": width, "height": 844})
    there = Opened(page, path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (there.said, there.requests) == ([], [path.as_uri()])
    page.close()


def test_dark_and_paper_are_other_colours(opened: Opened) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = opened.page.evaluate(colour)
    opened.page.emulate_media(color_scheme="dark")
    dark = opened.page.evaluate(colour)
    assert dark != light
    opened.page.emulate_media(color_scheme="dark", media="print")
    assert opened.page.evaluate(colour) == "rgb(255, 255, 255)"
    assert not opened.page.is_visible("#slider")
    assert len(opened.page.pdf()) > 10_000


def test_names_do_nothing_in_a_browser(browser: Browser, hostile: World, tmp_path: Path) -> None:
    for name in (HOSTILE, "__proto__"):
        path = tmp_path / "page.html"
        hostile.done("report", "timeline", name, "--html", "-o", path)
        page = browser.new_page()
        there = Opened(page, path)
        assert page.title() == f"Timeline of {name}"
        assert there.figures() == figures(hostile.state(name))
        assert (there.said, there.requests) == ([], [path.as_uri()])
        page.close()


def test_a_record_that_came_a_day_late_stands_clear_of_the_diagonal(
    opened: Opened, year: World
) -> None:
    """On a year's river a day is a few pixels; beside it a day is most of the way to a week."""
    late = year.json("report", "timeline", "a-003")["late"]
    tall = opened.page.evaluate(
        "() => Array.from(document.querySelectorAll('.river .dot.big'), (dot) => {"
        " const box = dot.closest('.plot').getBoundingClientRect();"
        " return [dot.dataset.position, (box.bottom - dot.getBoundingClientRect().top)"
        " / box.height]; })"
    )
    assert [int(position) for position, _ in tall] == [row["position"] for row in late]
    assert all(share > 0.3 for _, share in tall)  # more than an hour late, all of them
    assert max(share for _, share in tall) <= 1.05


@pytest.mark.parametrize("width", [390, 1280])
def test_no_name_of_an_axis_lies_on_its_drawing(
    width: int, browser: Browser, year: World, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    year.done("report", "timeline", "a-003", "--html", "-o", path)
    page = browser.new_page(viewport={"width": width, "height": 844})
    Opened(page, path)
    inside = page.evaluate(
        "() => Array.from(document.querySelectorAll('.tick.y'), (tick) => {"
        " const box = tick.closest('.plot').getBoundingClientRect();"
        " const name = tick.getBoundingClientRect();"
        " return name.right > box.left || name.left < 0 ? tick.textContent : null; })"
        ".filter(Boolean)"
    )
    assert inside == []
    page.close()


def test_every_figure_of_the_trial_balance_can_be_seen_on_a_telephone(
    browser: Browser, year: World, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    year.done("report", "trial-balance", "--html", "-o", path)
    page = browser.new_page(viewport={"width": 390, "height": 844})
    Opened(page, path)
    rights = page.evaluate(
        "() => Array.from(document.querySelectorAll('td.n:not(:empty)'),"
        " (cell) => cell.getBoundingClientRect().right)"
    )
    assert len(rights) > 50
    assert max(rights) <= 390
    page.close()


def test_on_paper_no_title_and_no_axis_stands_alone(opened: Opened) -> None:
    opened.page.emulate_media(media="print")
    rules = opened.page.evaluate(
        "() => ['section > h2', '.said', '.legend'].map((what) =>"
        " getComputedStyle(document.querySelector(what)).breakAfter)"
        ".concat([getComputedStyle(document.querySelector('.lane.axis')).breakBefore,"
        " getComputedStyle(document.querySelector('.plot')).breakInside])"
    )
    assert rules == ["avoid"] * 5
