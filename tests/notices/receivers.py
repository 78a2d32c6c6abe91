"""Receivers of notices: a web server that keeps what it takes, and can be told to misbehave."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from standardwebhooks import Webhook

from tests.cli.program import Json, World

SECRET = "whsec_" + b64encode(bytes(range(24))).decode()


class Receiver(ThreadingHTTPServer):
    """Takes webhooks, compares each signature with the library, and drops repeats by id.

    Attributes:
        manner: ``take``, or how it misbehaves; ``refused``: ids that are answered with 503.
        seen: everything that came; ``taken``: the first of each id.

    """

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port of this machine."""
        super().__init__(("127.0.0.1", 0), _Hook)
        self.manner = "take"
        self.refused: set[str] = set()
        self.seen: list[Json] = []
        self.taken: list[Json] = []
        self.broken_signatures = 0
        self.lock = threading.Lock()
        self.pause = 0.0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    def handle_error(self, *_: Any) -> None:
        """A sender that was killed is not a fault here."""


class _Hook(BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"
    answers: ClassVar[dict[str, bytes]] = {
        "redirect": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\n"
                    b"Content-Length: 0\r\n\r\n",
        "control": b"HTTP/1.1 500 \x1b[31mred\x07\x00\r\nContent-Length: 9\r\n\r\n"
                   b"\x1b]0;own\x07\n!",
        "garbage": b"\x00\xff\xfe no status line at all\r\n\r\n",
        "huge": b"HTTP/1.1 500 No\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 100_000,
        "headers": b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"y" * 200_000 + b"\r\n\r\n",
        "lying": b"HTTP/1.1 200 OK\r\nContent-Length: minus one\r\n\r\n",
        "nothing": b"",
    }  # fmt: skip

    def do_POST(self) -> None:
        """Take one notice."""
        raw = self.rfile.read(int(self.headers["content-length"]))
        with self.server.lock:
            self.server.seen.append(json.loads(raw))
        try:
            Webhook(SECRET).verify(raw, dict(self.headers))
        except Exception:  # noqa: BLE001 - whatever the judge says against it
            self.server.broken_signatures += 1
        time.sleep(self.server.pause)
        if self.server.manner == "drip":
            return self._drip()
        if self.server.manner == "hang up":
            self.close_connection = True
            return self._take(json.loads(raw))
        if self.server.manner != "take":
            self.close_connection = True
            self.wfile.write(self.answers[self.server.manner])
            return None
        return self._take(json.loads(raw))

    def _take(self, notice: Json) -> None:
        name = notice["id"]
        with self.server.lock:
            bad = name in self.server.refused
            if not bad and all(one["id"] != name for one in self.server.taken):
                self.server.taken.append(notice)
        self.send_response(503 if bad else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _drip(self) -> None:
        self.close_connection = True
        for byte in b"HTTP/1.1 200 OK\r\n" * 1000:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(0.05)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver beside the test."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def told(path: Path) -> list[Json]:
    """Read the notices of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def acme(path: Path) -> World:
    """One account with an alert, a month bought with auto-renewal, and too little cash."""
    world = World(path, start="2025-05-20")
    world.take(
        {"do": "set-price", "sku": "std", "monthly_price": "500"},
        {"do": "open-account", "account": "acme"},
        {"do": "set-alert", "account": "acme", "threshold": "400"},
        {"do": "top-up", "account": "acme", "amount": "800", "channel": "alipay", "serial": "A1"},
        {"do": "purchase", "account": "acme", "instance": "i-1", "sku": "std", "months": 1},
    )
    return world
