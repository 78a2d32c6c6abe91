"""The explorer in this process: its application asked without a socket, as a browser would."""

from __future__ import annotations

from functools import partial
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
        from anyio.from_thread import start_blocking_portal  # noqa: PLC0415 - an extra

        from cli.explorer.app import Explorer  # noqa: PLC0415 - an extra
        from cli.explorer.guarding import LOCAL  # noqa: PLC0415 - an extra

        made = Explorer(str(world.path), hosts=LOCAL, token=None).application()
        self._portal = start_blocking_portal()
        self._asked = self._portal.__enter__()
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

        self._asked.call(self._client.aclose)
        self._portal.__exit__(None, None, None)
        Session.may_write = True

    def get(self, path: str, **point: str) -> Any:
        """Ask for an address at a point."""
        return self._asked.call(partial(self._client.get, path, params=point or None))


class Tables(HTMLParser):
    """The tables of a page as rows of whole texts, and its definition lists as pairs."""

    def __init__(self, text: str) -> None:
        """Read a page."""
        super().__init__()
        self.tables: list[list[dict[str, str]]] = []
        self.plain: dict[str, str] = {}
        self._cell: list[str] | None = None
        self._heads: list[str] = []
        self._row: list[str] = []
        self._term = ""
        self._name: str | None = None
        self._whole: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "time":
            self._whole = given.get("datetime")
        if tag == "table":
            self.tables.append([])
            self._heads = []
        if tag == "tr":
            self._row = []
        if tag in ("td", "th", "dt", "dd"):
            self._cell, self._whole, self._name = [], None, given.get("data-name")

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr" and self._row:
            self.tables[-1].append(dict(zip(self._heads, self._row, strict=True)))
        if tag not in ("td", "th", "dt", "dd") or self._cell is None:
            return
        said, self._cell = "".join(self._cell).strip(), None
        if self._whole is not None:
            said = self._whole
        elif tag in ("th", "dt") and self._name is not None:
            said = self._name
        if tag == "th":
            self._heads.append(said)
        elif tag == "td":
            self._row.append(said)
        elif tag == "dt":
            self._term = said
        else:
            self.plain[self._term] = said
