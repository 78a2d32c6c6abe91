"""The web application: pages, the API, live news; read-only and closed to other sites.

Invariant: only GET and HEAD; the Host must be ours and an Origin, where given, too, so neither a
cross-site request nor a rebound name gets an answer; a page loads nothing but its own files. This
module must not know a command.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from cli.explorer import pages
from cli.explorer.asking import Reply, ask, read_only, words_of
from ledger.errors import ExtraMissing

try:
    from jinja2 import Environment, PackageLoader
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Route
except ImportError as missing:
    raise ExtraMissing(package=missing.name or "starlette", extra="serve") from None

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

    Handler = Callable[[Request], Awaitable[Response]]

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
}  # fmt: skip
LOCAL: Final = ("127.0.0.1", "localhost", "[::1]")
_STATUS: Final = {0: 200, 1: 200, 2: 400, 3: 404, 4: 409, 5: 500, 6: 503}
_TYPES: Final = {"css": "text/css", "js": "text/javascript"}
_NEWS_SECONDS: Final = 1


class Explorer:
    """One ledger, explored."""

    def __init__(self, location: str, *, hosts: tuple[str, ...], token: str | None) -> None:
        """Choose the ledger, the names that this server answers to, and the token it wants."""
        read_only()
        self.location = location
        self.hosts = hosts
        self.token = token
        self._starts: str | None = None  # when the ledger began: where the sliders begin
        self._templates = Environment(
            loader=PackageLoader("cli.explorer"), autoescape=True, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self._templates.globals.update(
            address=pages.address, link_of=pages.link_of, columns_of=pages.columns_of
        )

    def application(self) -> Starlette:
        """Return the application."""
        routes = [
            ("/", lambda _: pages.overview()),
            ("/accounts", lambda _: pages.accounts()),
            ("/instances", lambda _: pages.instances()),
            ("/account/{name}", lambda at: pages.account(at["name"])),
            ("/event/{position}", lambda at: pages.event(at["position"])),
            ("/why/{name}/{field}", lambda at: pages.why(at["name"], at["field"])),
            ("/books", lambda _: pages.books()),
            ("/reconciliations", lambda _: pages.breaks()),
            ("/periods", lambda _: pages.periods()),
            ("/period/{name}", lambda at: pages.period(at["name"])),
            ("/compare", lambda at: pages.compare(at.get("a", "head~100"), at.get("b", "head"))),
            ("/sql", lambda at: pages.sql(at.get("query", ""))),
        ]
        return Starlette(
            routes=[
                *(Route(path, self._guarded(self._page(make))) for path, make in routes),
                Route("/api/{rest:path}", self._guarded(self._api)),
                Route("/news", self._guarded(self._news)),
                Route("/static/{name}", self._guarded(self._static)),
            ],
            exception_handlers={404: self._absent, 405: self._refused_method},
        )  # fmt: skip

    # --- who may ask -------------------------------------------------------------------------

    def _guarded(self, handler: Handler) -> Handler:
        async def run(request: Request) -> Response:
            refused = self._refused(request)
            response = refused if refused is not None else await handler(request)
            response.headers.update(HEADERS)
            return response

        return run

    def _refused(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if host.rpartition(":")[0] not in self.hosts and host not in self.hosts:
            return PlainTextResponse("unknown host name\n", 421)
        origin = request.headers.get("origin")
        if origin is not None and origin != f"{request.url.scheme}://{host}":
            return PlainTextResponse("requests from other sites are refused\n", 403)
        if request.headers.get("sec-fetch-site") == "cross-site" and (
            request.headers.get("sec-fetch-mode") != "navigate"
        ):
            return PlainTextResponse("requests from other sites are refused\n", 403)
        if self.token is not None:
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            given = given or request.query_params.get("token", "")
            if not hmac.compare_digest(given.encode(), self.token.encode()):
                return PlainTextResponse("the token is missing or wrong\n", 401)
        return None

    async def _absent(self, request: Request, _: Exception) -> Response:
        response = self._refused(request) or PlainTextResponse("there is no such page\n", 404)
        response.headers.update(HEADERS)
        return response

    async def _refused_method(self, _: Request, __: Exception) -> Response:
        return PlainTextResponse("this explorer is read-only\n", 405, headers=HEADERS)

    # --- answers -----------------------------------------------------------------------------

    async def _ask(
        self, name: str, arguments: tuple[str, ...], given: list[tuple[str, str]]
    ) -> Reply:
        words = words_of(name, arguments, given)
        if isinstance(words, str):
            error = {"schema": "tally.error/1", "code": "USAGE", "exit": 2, "message": words,
                     "hint": "see: tally serve --help"}  # fmt: skip
            return Reply(2, json.dumps(error, ensure_ascii=False).encode() + b"\n")
        return await run_in_threadpool(ask, self.location, words)

    async def _api(self, request: Request) -> Response:
        raw: bytes = request.scope["raw_path"]
        name, arguments = _named(raw.decode("ascii").partition("/api/")[2])
        given = [(key, text) for key, text in request.query_params.multi_items() if key != "token"]
        reply = await self._ask(name, arguments, given)
        return Response(reply.body, _STATUS.get(reply.code, 500), media_type="application/json")

    def _page(self, make: Callable[[dict[str, str]], pages.Page]) -> Handler:
        async def show(request: Request) -> Response:
            point = {
                key: request.query_params[key] for key in pages.POINT
                if request.query_params.get(key)
            }  # fmt: skip
            page = make({**request.query_params, **request.path_params})
            shown = []
            worst = 0
            for part in page.parts:
                given = [*part.options, *(point.items() if part.timed else ())]
                known = words_of(part.name, part.arguments, given)
                if isinstance(known, str):
                    continue  # a command that this version does not have
                reply = await self._ask(part.name, part.arguments, given)
                worst = max(worst, reply.code if len(page.parts) == 1 else 0)
                shown.append(_shown(part, reply))
            status = (await self._ask("status", (), [])).json
            if self._starts is None:
                self._starts = (await self._ask("show", ("1",), [])).json["recorded_at"]
            text = self._templates.get_template("page.html").render(
                title=page.title, parts=shown, point=point, path=request.url.path, status=status,
                starts=self._starts, query=dict(request.query_params),
            )
            return HTMLResponse(text, _STATUS.get(worst, 500))

        return show

    async def _news(self, _: Request) -> Response:
        async def follow() -> AsyncIterator[str]:
            seen = None
            while True:
                head = (await self._ask("status", (), [])).json.get("head")
                if head != seen:
                    seen = head
                    yield f"data: {json.dumps({'position': head})}\n\n"
                else:
                    yield ": still here\n\n"
                await asyncio.sleep(_NEWS_SECONDS)

        return StreamingResponse(follow(), media_type="text/event-stream")

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        kind = _TYPES.get(name.rpartition(".")[2])
        if kind is None or name not in ("explorer.css", "explorer.js"):
            return PlainTextResponse("there is no such file\n", 404)
        text = files("cli.explorer").joinpath("static", name).read_text(encoding="utf-8")
        return Response(text, media_type=kind)


def _named(path: str) -> tuple[str, tuple[str, ...]]:
    """Read NAME and ARGUMENTS out of a path; a group is followed by its command."""
    from urllib.parse import unquote  # noqa: PLC0415 - only here

    parts = [unquote(part) for part in path.split("/") if part]
    for words in (2, 1):
        name = " ".join(parts[:words])
        if len(parts) >= words and words_of(name, (), []) and not isinstance(
            words_of(name, (), []), str
        ):
            return name, tuple(parts[words:])
    return " ".join(parts[:1]), tuple(parts[1:])


def _shown(part: pages.Part, reply: Reply) -> dict[str, Any]:
    answer = reply.json
    plain, tables = pages.tables_of(answer)
    causes = answer.get("causes") if part.name == "why" else None
    return {
        "title": part.title, "answer": answer, "plain": plain, "causes": causes,
        "tables": [] if causes is not None else tables,
        "failed": answer.get("schema") == "tally.error/1", "command": part,
    }  # fmt: skip
