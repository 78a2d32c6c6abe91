"""Who may ask: this machine, our own pages, and whoever knows the token.

Invariant: the Host must be ours and an Origin, where given, too, so neither a cross-site request
nor a rebound name gets an answer. There is no cookie: a browser sends the token as a password that
it asked for. This module must not know a page.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING, Final

from ledger.errors import ExtraMissing

try:
    from starlette.responses import PlainTextResponse, Response
except ImportError as missing:
    raise ExtraMissing(package=missing.name or "starlette", extra="serve") from None

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    Handler = Callable[[Request], Awaitable[Response]]

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}  # fmt: skip
LOCAL: Final = ("127.0.0.1", "localhost", "[::1]")


class Guard:
    """The names that a server answers to, and the token it wants."""

    def __init__(self, hosts: tuple[str, ...], token: str | None) -> None:
        """Remember them."""
        self._hosts = hosts
        self._token = token

    def over(self, handler: Handler) -> Handler:
        """Answer with a handler only where the request may be answered."""

        async def run(request: Request) -> Response:
            refused = self.refused(request)
            response = refused if refused is not None else await handler(request)
            response.headers.update(HEADERS)
            return response

        return run

    def refused(self, request: Request) -> Response | None:
        """Return why a request gets no answer; None if it may have one."""
        host = request.headers.get("host", "")
        if host.rpartition(":")[0] not in self._hosts and host not in self._hosts:
            return PlainTextResponse("unknown host name\n", 421)
        origin = request.headers.get("origin")
        if origin is not None and origin != f"{request.url.scheme}://{host}":
            return PlainTextResponse("requests from other sites are refused\n", 403)
        of = request.headers.get
        if of("sec-fetch-site") == "cross-site" and (
            (of("sec-fetch-mode"), of("sec-fetch-dest", "document")) != ("navigate", "document")
        ):  # a link in a ticket may lead here; our pages are never part of another page
            return PlainTextResponse("requests from other sites are refused\n", 403)
        if self._token is not None and not self._knows(request, self._token):
            return PlainTextResponse(
                "the token is missing or wrong\n", 401,
                headers={"WWW-Authenticate": 'Basic realm="any name, and the token as password"'},
            )
        return None

    @staticmethod
    def _knows(request: Request, token: str) -> bool:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            try:
                given = base64.b64decode(given, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return False
        given = given or request.query_params.get("token", "")
        return hmac.compare_digest(given.encode(), token.encode())
