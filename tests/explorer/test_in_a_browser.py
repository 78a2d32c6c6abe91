"""The explorer in a real browser: sliders, keys, history, news; nothing leaves, nothing acts."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest

pytest.importorskip("starlette", reason="the extra 'serve' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'serve' is not installed")

from tests.browsers import chromium, faults
from tests.cli.program import World
from tests.explorer.lively import HOSTILE, lively, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

WHO = quote(HOSTILE, safe="")
AT = "as_of=2025-02-20T12:00:00%2B08:00"
PAGES = (
    "/", "/accounts", "/instances", "/overdue", "/account/jpy-1", f"/account/{WHO}",
    f"/account/{WHO}/statement", "/account/cny-0/lots", f"/account/{WHO}/log",
    f"/account/{WHO}/fields", f"/why/{WHO}/cash", "/event/PAID", "/books", "/books/rollforward",
    "/books/deferred", "/books/coupons", "/reconciliations", "/break/FIRST", "/periods",
    "/period/2025-01", "/compare?a=2025-01-31::2025-02-06&b=2025-01-31", "/check",
    "/sql?query=FROM%20breaks", "/account/nobody",
)  # fmt: skip


class Opened:
    """A page, and everything that it did beyond showing itself."""

    def __init__(self, page: Page, site: str) -> None:
        self.page = page
        self.site = site
        self.said: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def go(self, path: str) -> None:
        self.page.goto(self.site + path)

    def point(self) -> tuple[str, ...]:
        """Read the resolved point of the page: the instants of both axes."""
        found = self.page.eval_on_selector_all(".where time", "all => all.map(t => t.dateTime)")
        return tuple(found)

    def figure(self, name: str) -> str:
        return str(self.page.inner_text(f".figures div:has(dt[data-name={name}]) dd"))

    def settled(self, script: str) -> None:
        """Look until the page is as wanted; its policy lets nobody look from inside."""
        for _ in range(500):
            if self.page.evaluate(script) and not self.page.query_selector("main.waiting"):
                return
            self.page.wait_for_timeout(20)
        pytest.fail(f"it never came to: {script}")

    def harmless(self) -> None:
        """Nothing was said, nothing else was asked, nothing of others acted."""
        assert [text for text in self.said if "404" not in text] == []
        assert {urlsplit(url).netloc for url in self.requests} == {urlsplit(self.site).netloc}
        assert self.page.evaluate("window.hacked ?? null") is None
        assert self.page.evaluate("document.querySelectorAll('main img, main script').length") == 0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return lively(tmp_path_factory.mktemp("browsed"))


@pytest.fixture(scope="module")
def site(world: World) -> Iterator[str]:
    before = world.path.read_bytes()
    with served(world) as address:
        yield address
    assert world.path.read_bytes() == before  # after all that the tests of this file did


@pytest.fixture
def opened(browser: Browser, site: str) -> Iterator[Opened]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    there = Opened(page, site)
    yield there
    there.harmless()
    page.close()


def _path(page: str, world: World) -> str:
    """Write the address of a page; what it is about is found in the ledger."""
    if "PAID" in page:
        return page.replace("PAID", str(_paid(world)))
    if "FIRST" not in page:
        return page
    rows = world.json("breaks", "list")["rows"]
    return page.replace("FIRST", next(row["break"] for row in rows if "<img" in row["key"]))


def _paid(world: World) -> int:
    """Find the hostile payment."""
    rows = world.rows("log", HOSTILE, "--type", "TopUpReceived")
    return int(rows[0]["position"])


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_without_fault_on_every_screen(
    page: str, opened: Opened, world: World
) -> None:
    opened.go(_path(page, world))
    assert opened.page.inner_text("h1")
    shown = opened.page.query_selector_all("main section")
    assert shown
    for width in (390, 1280, 3840):
        opened.page.set_viewport_size({"width": width, "height": 900})
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert faults(opened.page) == []
    opened.page.emulate_media(color_scheme="dark")
    opened.page.set_viewport_size({"width": 390, "height": 844})
    assert faults(opened.page, "color-contrast") == []


@pytest.mark.parametrize("page", ["/account/jpy-1", "/books"])
def test_a_page_prints_without_what_is_for_the_screen(page: str, opened: Opened) -> None:
    opened.go(page)
    opened.page.emulate_media(media="print")
    assert not opened.page.is_visible("header")
    assert opened.page.is_visible(".where")
    assert len(opened.page.pdf()) > 10_000


def test_both_sliders_move_the_figures_and_each_its_own_axis(opened: Opened, world: World) -> None:
    opened.go("/account/jpy-1")
    for slider, presses in (("at", 25), ("known_at", 12)):
        opened.page.focus(f".slider[data-for={slider}]")
        before = opened.point()
        for _ in range(presses):
            opened.page.keyboard.press("ArrowLeft")
        opened.settled(f"new URLSearchParams(location.search).has('{slider}')")
        after = opened.point()
        axis = 0 if slider == "at" else 1
        assert after[axis] < before[axis]
        assert after[1 - axis] == before[1 - axis]
        assert opened.page.evaluate("document.activeElement.dataset.for") == slider
        state = world.state("jpy-1", "--at", after[0], "--known-at", after[1])
        for name in ("cash", "outstanding", "available"):
            assert opened.figure(name) == state[name]


def test_the_diagonal_moves_both_axes_together(opened: Opened, world: World) -> None:
    opened.go("/accounts?at=2025-03-01")
    opened.page.click("#diagonal")
    assert set(opened.point()) == {"2025-03-01T23:59:59+08:00"}
    opened.page.focus(".slider[data-for=at]")
    opened.page.keyboard.press("PageDown")
    opened.settled("!location.search.includes('2025-03-01')")
    (at, known) = opened.point()
    assert at == known
    rows = world.json("balances", "--as-of", at)["rows"]
    shown = opened.page.eval_on_selector_all("tbody tr", "rows => rows.map(r => r.innerText)")
    assert len(shown) == len(rows)
    assert all(row["cash"] in text for row, text in zip(rows, shown, strict=True))


def test_back_and_forward_show_what_was_shown(opened: Opened) -> None:
    opened.go("/account/cny-0")
    first = (opened.point(), opened.figure("cash"))
    opened.page.fill("#at", "2025-02-10")
    opened.page.press("#at", "Enter")
    opened.settled("location.search.includes('2025-02-10')")
    opened.settled("document.querySelector('.where time').dateTime.startsWith('2025-02-10')")
    second = (opened.point(), opened.figure("cash"))
    assert first != second
    opened.page.go_back()
    opened.settled("!document.querySelector('.where time').dateTime.startsWith('2025-02-10')")
    assert (opened.point(), opened.figure("cash")) == first
    assert opened.page.input_value("#at") == ""
    opened.page.go_forward()
    opened.settled("document.querySelector('.where time').dateTime.startsWith('2025-02-10')")
    assert (opened.point(), opened.figure("cash")) == second


def test_a_keyboard_alone_finds_an_account_moves_time_and_reaches_a_proof(opened: Opened) -> None:
    keys = opened.page.keyboard
    opened.go("/")
    keys.press("Tab")
    assert opened.page.evaluate("document.activeElement.className") == "skip"
    keys.press("/")
    keys.type("kwd")
    keys.press("Enter")
    opened.page.wait_for_url("**/accounts?find=kwd*")
    assert opened.page.locator("tbody td:first-child").all_inner_texts() == ["kwd-2", "kwd-5"]
    opened.page.focus("tbody a")
    keys.press("Enter")
    opened.page.wait_for_url("**/account/kwd-2*")
    before = opened.point()
    keys.press("[")
    opened.settled("location.search.includes('at=')")
    assert opened.point()[0] < before[0]
    assert opened.point()[1] == before[1]
    opened.page.focus(".figures a")
    keys.press("Enter")
    opened.page.wait_for_url("**/why/kwd-2/**")
    opened.page.focus(".tree a")
    keys.press("Enter")
    opened.page.wait_for_url("**/event/**")
    assert "Holds" in opened.page.inner_text("#proof")
    keys.press("g")
    keys.press("b")
    opened.page.wait_for_url("**/books*")
    keys.press("n")
    opened.page.wait_for_url("**/books")


def test_a_shared_link_shows_the_same_figures_elsewhere(
    opened: Opened, browser: Browser, site: str
) -> None:
    opened.go("/account/jpy-1?at=2025-02-10")
    link = opened.page.get_attribute("#forever", "href")
    assert link is not None
    context = browser.new_context()
    other = Opened(context.new_page(), site)
    other.go(link)
    assert other.figure("cash") == opened.figure("cash")
    assert other.point() == opened.point()
    other.harmless()
    context.close()


def test_a_proof_is_taken_away_and_holds_offline(opened: Opened, world: World) -> None:
    position = _paid(world)
    opened.go(f"/event/{position}")
    for text, suffix in (("Download the proof", ""), ("its event's bytes", ".event")):
        with opened.page.expect_download() as taken:
            opened.page.click(f"text={text}")
        taken.value.save_as(world.path.with_name(f"taken.proof{suffix}"))
        assert taken.value.suggested_filename == f"{position}.proof{suffix}"
    proof = world.path.with_name("taken.proof")
    assert "holds" in world.done("check-proof", proof).out


def test_a_dot_of_a_drawing_leads_to_its_event(opened: Opened) -> None:
    opened.go(f"/account/cny-0?{AT}")
    dot = opened.page.locator(".dot[data-position]").last
    position = dot.get_attribute("data-position")
    dot.dispatch_event("click")
    opened.page.wait_for_url(f"**/event/{position}?{AT}")


def test_what_another_process_records_is_said_and_shown(browser: Browser, tmp_path: Any) -> None:
    world = World(tmp_path / "busy.db")
    world.done("record", "open-account", "--account", "a")
    world.done("projections", "list")
    with served(world) as address:
        page = browser.new_page()
        there = Opened(page, address)
        there.go("/accounts")
        world.process("record", "open-account", "--account", "b")
        there.settled("document.getElementById('news').innerText.includes('1 new event')")
        assert "b" not in page.inner_text("tbody")
        page.click("#news a")
        there.settled("document.querySelectorAll('tbody tr').length === 2")
        there.harmless()
        page.close()


class _Evil(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>evil</title>")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def test_another_site_reads_nothing_and_a_rebound_name_gets_nothing(
    browser: Browser, site: str, world: World
) -> None:
    evil = ThreadingHTTPServer(("127.0.0.1", 0), _Evil)
    threading.Thread(target=evil.serve_forever, daemon=True).start()
    port = urlsplit(site).port
    secret = world.json("status")["id"]
    rules = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    rebound = browser.browser_type.launch(
        executable_path=chromium(), args=["--no-sandbox", rules]
    )
    with rebound:
        page = rebound.new_page()
        answer = page.goto(f"http://evil.example:{port}/")
        assert answer is not None
        assert answer.status == 421
        assert secret not in page.content()
        page.goto(f"http://evil.example:{evil.server_port}/")
        for mode in ("cors", "no-cors"):
            told = page.evaluate(
                "([url, mode]) => fetch(url, {mode}).then(r => r.text(), e => 'refused')",
                [f"{site}/api/status", mode],
            )
            assert secret not in told
        statuses: list[int] = []
        page.on("response", lambda response: statuses.append(response.status))
        page.evaluate(
            "(url) => { for (const tag of ['img', 'script', 'iframe']) {"
            " const it = document.createElement(tag); it.src = url; document.body.append(it); } }",
            f"{site}/api/status",
        )
        page.wait_for_timeout(500)
        assert all(secret not in frame.content() for frame in page.frames)
        assert 200 not in statuses
    evil.shutdown()
    evil.server_close()
