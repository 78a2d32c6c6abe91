"""The explorer in this process: its application asked without a socket, as a browser would."""

from __future__ import annotations

import asyncio
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Self

import pytest

if TYPE_CHECKING:
    from types import TracebackType

    from tests.cli.program import World

httpx = pytest.importorskip("httpx", reason="the extra 'test' is not installed")


class Inside:
    """One explorer and one loop; nothing of it is left when it ends."""

    def __init__(self, world: World) -> None:
        """Make the application."""
        from cli.explorer.app import LOCAL, Explorer  # noqa: PLC0415 - an extra

        made = Explorer(str(world.path), hosts=LOCAL, token=None).application()
        self._loop = asyncio.new_event_loop()
        transport = httpx.ASGITransport(app=made)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8321")

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """End the loop, and let this process write again."""
        from cli.bootstrap import Session  # noqa: PLC0415 - what an explorer switches off

        self._loop.run_until_complete(self._client.aclose())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        Session.may_write = True

    def get(self, path: str, **point: str) -> Any:
        """Ask for an address at a point."""
        return self._loop.run_until_complete(self._client.get(path, params=point or None))


class Tables(HTMLParser):
    """The tables of a page as rows of texts, and its definition lists as pairs."""

    def __init__(self, text: str) -> None:
        """Read a page."""
        super().__init__()
        self.tables: list[list[dict[str, str]]] = []
        self.plain: dict[str, str] = {}
        self._cell: list[str] | None = None
        self._heads: list[str] = []
        self._row: list[str] = []
        self._term = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "table":
            self.tables.append([])
            self._heads = []
        if tag == "tr":
            self._row = []
        if tag in ("td", "th", "dt", "dd"):
            self._cell = []

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr" and self._row:
            self.tables[-1].append(dict(zip(self._heads, self._row, strict=True)))
        if tag not in ("td", "th", "dt", "dd") or self._cell is None:
            return
        said, self._cell = "".join(self._cell).strip(), None
        if tag == "th":
            self._heads.append(said)
        elif tag == "td":
            self._row.append(said)
        elif tag == "dt":
            self._term = said
        else:
            self.plain[self._term] = said
