"""``tally serve``: the bytes of the commands, every page at any point, nobody else's requests."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.cli.program import COMMAND, World, environment, lines, tally
from tests.explorer.inside import Inside
from tests.explorer.lively import lively, served

pytest.importorskip("starlette", reason="the extra 'serve' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'serve' is not installed")
httpx = pytest.importorskip("httpx", reason="the extra 'test' is not installed")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT = "2025-01-01T00:00:00+08:00"
HOSTILE = "<img src=x onerror=alert(1)>\"'&"
WHO = quote(HOSTILE, safe="")
PAGES = (
    "/", "/accounts", "/accounts?find=img&sort.accounts=-cash", "/instances", "/overdue",
    f"/account/{WHO}", f"/account/{WHO}/statement", f"/account/{WHO}/lots", f"/account/{WHO}/log",
    f"/account/{WHO}/fields", "/event/4", f"/why/{WHO}/cash", "/books", "/books/rollforward",
    "/books/deferred", "/books/coupons", "/reconciliations", "/periods", "/period/2025-01",
    "/compare?a=2025-01-01&b=2025-02-01", "/sql?query=FROM%20balances", "/sql", "/check",
)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(tmp_path_factory.mktemp("explorer") / "t.db")
    made.run("import", "-", stdin=lines(
        {"at": AT, "do": "open-account", "account": HOSTILE, "reason": HOSTILE, "actor": HOSTILE},
        {"at": AT, "do": "open-account", "account": "jpy", "currency": "JPY"},
        {"at": AT, "do": "top-up", "account": HOSTILE, "amount": "12.50", "channel": "c",
         "serial": "1", "reason": "</script><script>alert(2)</script>"},
        {"at": "2025-02-10T00:00:00+08:00", "do": "top-up", "account": HOSTILE, "amount": "1",
         "channel": "c", "serial": "2", "effective_at": "2025-01-15T00:00:00+08:00"},
    ))  # fmt: skip
    made.done("projections", "list")
    return made


@pytest.fixture(scope="module")
def site(world: World) -> Iterator[str]:
    with served(world) as address:
        yield address


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("state/jpy", ("state", "jpy")),
        ("balances", ("balances",)),
        ("balances?as_of=2025-01-20", ("balances", "--as-of", "2025-01-20")),
        ("instances?at=2025-01-20&known_at=2025-01-20",
         ("instances", "--at", "2025-01-20", "--known-at", "2025-01-20")),
        (f"state/{quote(HOSTILE, safe='')}?position=4", ("state", HOSTILE, "--position", "4")),
        ("show/4", ("show", "4")),
        ("report/trial-balance?at=2025-01-20", ("report", "trial-balance", "--at", "2025-01-20")),
        ("report/overdue", ("report", "overdue")),
        ("breaks/list", ("breaks", "list")),
        ("log/jpy", ("log", "jpy")),
        (f"diff/2025-01-20/2025-02-01/{quote(HOSTILE, safe='')}?bridge=1",
         ("diff", "2025-01-20", "2025-02-01", HOSTILE, "--bridge")),
        (f"why/{quote(HOSTILE + '.cash', safe='')}", ("why", f"{HOSTILE}.cash")),
        ("periods", ("periods",)),
        ("state/nobody", ("state", "nobody")),
        ("balances?at=2035-01-01", ("balances", "--at", "2035-01-01")),
        ("balances?at=someday", ("balances", "--at", "someday")),
    ],
)  # fmt: skip
def test_the_api_gives_the_bytes_of_the_command(
    world: World, site: str, path: str, arguments: tuple[str, ...]
) -> None:
    reply = httpx.get(f"{site}/api/{path}")
    done = tally(*arguments, "--json", "--ledger", world.path)
    assert reply.text == done.out
    assert reply.status_code == {0: 200, 2: 400, 3: 404}[done.code]
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "path",
    ["init", "record/top-up", "import/-", "clock/advance", "copy/a/b", "keys/new", "seal",
     "balances?ledger=/etc/passwd", "export", "pack", "log?follow=1", "sql/SELECT%201?shell=1",
     "report/overdue?target=x", "state", "nothing", "breaks/resolve/x"],
)  # fmt: skip
def test_nothing_that_writes_or_leads_elsewhere_can_be_asked(
    world: World, site: str, path: str
) -> None:
    before = world.path.read_bytes()
    reply = httpx.get(f"{site}/api/{path}")
    assert reply.status_code == 400
    assert reply.json()["schema"] == "tally.error/1"
    assert world.path.read_bytes() == before


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("point", ["", "as_of=2025-01-20"])
def test_every_page_escapes_what_others_wrote_and_loads_only_its_own(
    site: str, page: str, point: str
) -> None:
    reply = httpx.get(f"{site}{page}{'&' if '?' in page else '?'}{point}")
    assert reply.status_code == 200, reply.text[:500]
    assert "<img" not in reply.text
    assert "<script>" not in reply.text
    assert set(re.findall(r'(?:src|href)="([^"]*\.(?:js|css))"', reply.text)) == {
        "/static/drawing.css", "/static/explorer.css", "/static/explorer.js",
    }  # fmt: skip
    policy = reply.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "set-cookie" not in reply.headers


def test_a_page_keeps_its_point_in_every_link(site: str) -> None:
    page = httpx.get(f"{site}/accounts?as_of=2025-01-20").text
    moments = re.search(r'<span id="moments">.*?</span>', page, re.DOTALL)
    assert moments is not None
    assert "as_of" not in moments[0]  # these lead to other points
    page = page.replace(moments[0], "")
    links = [link for link in re.findall(r'href="(/[^"]*)"', page) if "static" not in link]
    kept = [link for link in links if "as_of=2025-01-20" in link]
    assert kept == links
    assert len(links) > 20
    assert "12.50" in page
    assert "13.50" in httpx.get(f"{site}/accounts").text
    assert "13.50" in httpx.get(f"{site}/accounts?at=2025-01-20").text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "evil.example:8321"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
    ],
)
def test_other_names_and_other_sites_get_no_answer(
    site: str, headers: dict[str, str], status: int
) -> None:
    for path in ("/", "/api/balances", "/news", "/static/explorer.js", "/absent"):
        reply = httpx.get(f"{site}{path}", headers=headers)
        assert reply.status_code == status
        assert "12.50" not in reply.text


def test_only_reading_methods_are_answered(site: str) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert httpx.request(method, f"{site}/api/balances").status_code == 405
    assert httpx.head(f"{site}/accounts").status_code == 200
    assert httpx.get(f"{site}/static/..%2fapp.py").status_code == 404


def test_another_address_wants_a_token(world: World) -> None:
    done = world.run("serve", "--host", "0.0.0.0")  # noqa: S104 - it is refused
    assert (done.code, "token" in done.err) == (2, True)


def test_the_page_hears_of_what_another_process_records(site: str, world: World) -> None:
    with httpx.stream("GET", f"{site}/news", timeout=20) as news:
        heard = (line for line in news.iter_lines() if line.startswith("data:"))
        first = next(heard)
        world.done("record", "open-account", "--account", "later")
        assert next(heard) != first
    reply = httpx.get(f"{site}/api/balances")
    assert any(row["account"] == "later" for row in reply.json()["rows"])


def test_nothing_is_written_while_views_are_behind(tmp_path: Path) -> None:
    behind = World(tmp_path / "b.db")
    behind.done("projections", "list")
    behind.done("record", "open-account", "--account", "x")
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--ledger", str(behind.path)],
        env=environment(), text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        found = re.search(r"http://\S+:\d+", process.stderr.readline())
        assert found
        assert httpx.get(f"{found[0]}/accounts").status_code == 200
        process.terminate()
        process.wait(20)
    assert (tmp_path / "b.db").read_bytes() == files["b.db"]


def test_a_ledger_that_goes_away_is_said_and_found_again(tmp_path: Path) -> None:
    gone = World(tmp_path / "g.db")
    gone.done("record", "open-account", "--account", "x")
    gone.done("balances")
    with Inside(gone) as site:
        assert site.get("/accounts").status_code == 200
        hidden = gone.path.rename(tmp_path / "hidden.db")
        for path in ("/accounts", "/account/x", "/event/2", "/event/2/proof", "/sql"):
            reply = site.get(path)
            assert reply.status_code == 404, path
            assert "no ledger" in reply.text, path
            assert reply.headers["content-security-policy"]
        assert site.get("/api/balances").json()["schema"] == "tally.error/1"
        hidden.rename(gone.path)
        assert site.get("/accounts").status_code == 200


def test_figures_of_every_page_lead_somewhere(tmp_path: Path) -> None:
    """A sum leads to its parts, a figure to its why; counts and a why itself need not."""
    busy = lively(tmp_path)
    counts = {"checked", "value", "sum"}
    with Inside(busy) as site:
        for page in ("/", "/accounts", "/overdue", "/account/jpy-1", "/account/cny-0/statement",
                     "/account/cny-0/lots", "/books", "/books/rollforward", "/books/deferred",
                     "/books/coupons", "/reconciliations", "/periods", "/period/2025-01",
                     "/compare?a=2025-01-31::2025-02-06&b=2025-01-31"):  # fmt: skip
            text = site.get(page).text
            assert (page == "/") == ("last check in the log" in text)
            for table in re.findall(r"<table.*?</table>", text, re.DOTALL):
                names = re.findall(r'<th[^>]*data-name="([^"]*)"', table)
                rows = re.findall(r"<tr[^>]*>(<td.*?)</tr>", table, re.DOTALL)
                assert rows, page
                for row in rows:
                    cells = re.findall(r"<td([^>]*)>(.*?)</td>", row, re.DOTALL)
                    for name, (kind, cell) in zip(names, cells, strict=True):
                        figure = 'class="n"' in kind and name not in counts
                        assert not figure or "<a " in cell, (page, name, cell)


def test_a_token_may_come_as_a_password_of_the_browser(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    with served(world, "--token", "open sesame") as address:
        refused = httpx.get(f"{address}/accounts")
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Basic ")
        for given in (
            {"auth": ("anybody", "open sesame")}, {"params": {"token": "open sesame"}},
            {"headers": {"authorization": "Bearer open sesame"}},
        ):  # fmt: skip
            assert httpx.get(f"{address}/accounts", **given).status_code == 200
        for wrong in ("Basic !!!", "Basic /w==", "Bearer x", "Basic", ""):
            reply = httpx.get(f"{address}/accounts", headers={"authorization": wrong})
            assert reply.status_code == 401, wrong
