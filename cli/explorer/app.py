"""The web application: pages, the API, files to take away, live news.

Invariant: only GET and HEAD are answered; a page loads nothing but its own files and writes
nothing. This module must not know a command.
"""

from __future__ import annotations

import asyncio
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from cli.errors import EXPECTED, error_shown, exit_code
from cli.explorer import pages, rendering
from cli.explorer.answers import Answers
from cli.explorer.asking import options_of, read_only
from cli.options import json_line
from ledger.errors import ExtraMissing

try:
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Route

    from cli.explorer.guarding import HEADERS, Guard
except ImportError as missing:
    raise ExtraMissing(package=missing.name or "starlette", extra="serve") from None

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request


STATUS: Final = {0: 200, 1: 200, 2: 400, 3: 404, 4: 409, 5: 500, 6: 503}
_FILES: Final = {
    "explorer.css": ("cli.explorer", "static/explorer.css", "text/css"),
    "explorer.js": ("cli.explorer", "static/explorer.js", "text/javascript"),
    "icon.svg": ("cli.explorer", "static/icon.svg", "image/svg+xml"),
    "drawing.css": ("projections.html", "drawing.css", "text/css"),
}
_PAGES: Final[dict[str, Callable[[pages.Given], pages.Page]]] = {
    "/": pages.overview, "/accounts": pages.accounts, "/instances": pages.instances,
    "/overdue": pages.overdue, "/account/{name}": pages.account,
    "/account/{name}/statement": pages.statement, "/account/{name}/lots": pages.lots,
    "/account/{name}/log": pages.log, "/account/{name}/fields": pages.fields,
    "/event/{number}": pages.event, "/why/{name}/{field}": pages.why, "/books": pages.books,
    "/books/rollforward": pages.rollforward, "/books/deferred": pages.deferred,
    "/books/coupons": pages.coupons, "/reconciliations": pages.breaks,
    "/break/{name}": pages.one_break, "/periods": pages.periods, "/period/{name}": pages.period,
    "/compare": pages.compare, "/sql": pages.sql, "/check": pages.check,
}  # fmt: skip
_NEWS_SECONDS: Final = 1


class Explorer:
    """One ledger, explored."""

    def __init__(self, location: str, *, hosts: tuple[str, ...], token: str | None) -> None:
        """Choose the ledger, the names that this server answers to, and the token it wants."""
        read_only()
        self._answers = Answers(location)
        self._guard = Guard(hosts, token)
        self._renderer = rendering.Renderer(self._answers)

    def application(self) -> Starlette:
        """Return the application."""
        over = self._guard.over
        return Starlette(
            routes=[
                Route("/event/{position}/{file}", over(self._proof)),
                Route("/api/{rest:path}", over(self._api)),
                Route("/news", over(self._news)),
                Route("/static/{name}", over(self._static)),
                Route("/{rest:path}", over(self._page)),
            ],
            exception_handlers={404: self._absent, 405: self._refused_method},
        )  # fmt: skip

    async def _absent(self, request: Request, _: Exception) -> Response:
        response = self._guard.refused(request) or PlainTextResponse(
            "there is no such page\n", 404
        )
        response.headers.update(HEADERS)
        return response

    async def _refused_method(self, _: Request, __: Exception) -> Response:
        return PlainTextResponse("this explorer is read-only\n", 405, headers=HEADERS)

    # --- answers -----------------------------------------------------------------------------

    async def _api(self, request: Request) -> Response:
        raw: bytes = request.scope["raw_path"]
        name, arguments = _named(raw.decode("ascii").partition("/api/")[2])
        given = [(key, text) for key, text in request.query_params.multi_items() if key != "token"]

        def answer() -> tuple[int, bytes]:
            try:
                reply = self._answers.reply(self._answers.stamp(), name, arguments, given)
            except EXPECTED as error:
                return exit_code(type(error)), json_line(error_shown(error)).encode()
            return reply.code, reply.body

        code, body = await run_in_threadpool(answer)
        return Response(body, STATUS.get(code, 500), media_type="application/json")

    async def _page(self, request: Request) -> Response:
        raw: bytes = request.scope["raw_path"]
        path = raw.decode("ascii").partition("?")[0]
        make, named = page_at(path)
        if make is None:
            return PlainTextResponse("there is no such page\n", 404)
        query = dict(request.query_params)
        code, text = await run_in_threadpool(self._renderer.page, make, path, query, named)
        return HTMLResponse(text, STATUS.get(code, 500))

    async def _proof(self, request: Request) -> Response:
        position, file = request.path_params["position"], request.path_params["file"]
        code, body = await run_in_threadpool(self._renderer.proof, position, file)
        if code:
            return PlainTextResponse(body, STATUS.get(code, 500))
        named = f"{position}.proof" if file == "proof" else f"{position}.proof.event"
        return Response(
            body, media_type="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="{named}"'},
        )  # fmt: skip

    async def _news(self, _: Request) -> Response:
        def head() -> int | None:
            try:
                return self._answers.stamp().position
            except EXPECTED:  # busy or away for now: the next look will tell
                return None

        async def follow() -> AsyncIterator[str]:
            seen = None
            while True:
                found = await run_in_threadpool(head)
                if found is not None and found != seen:
                    seen = found
                    yield f"data: {json.dumps({'position': found})}\n\n"
                else:
                    yield ": still here\n\n"
                await asyncio.sleep(_NEWS_SECONDS)

        return StreamingResponse(follow(), media_type="text/event-stream")

    async def _static(self, request: Request) -> Response:
        found = _FILES.get(request.path_params["name"])
        if found is None:
            return PlainTextResponse("there is no such file\n", 404)
        package, name, kind = found
        text = files(package).joinpath(*name.split("/")).read_text(encoding="utf-8")
        return Response(text, media_type=kind)


def page_at(path: str) -> tuple[Callable[[pages.Given], pages.Page] | None, dict[str, str]]:
    """Find a page by its path as it was sent: a part may hold anything, a %2F too."""
    parts = path.split("/")
    for pattern, make in _PAGES.items():
        wanted = pattern.split("/")
        if len(wanted) == len(parts) and all(
            (part and want.startswith("{")) or part == want
            for want, part in zip(wanted, parts, strict=True)
        ):
            return make, {
                want.strip("{}"): unquote(part)
                for want, part in zip(wanted, parts, strict=True) if want.startswith("{")
            }  # fmt: skip
    return None, {}


def _named(path: str) -> tuple[str, tuple[str, ...]]:
    """Read NAME and ARGUMENTS out of a path; a group is followed by its command."""
    parts = [unquote(part) for part in path.split("/") if part]
    for words in (2, 1):
        name = " ".join(parts[:words])
        if len(parts) >= words and options_of(name) is not None:
            return name, tuple(parts[words:])
    return " ".join(parts[:1]), tuple(parts[1:])
