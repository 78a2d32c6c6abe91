"""The log as a static directory that any C2SP client can read: checkpoint, tiles, entry bundles.

Format: c2sp.org/tlog-tiles. Invariant: the directory is exactly that of the checkpoint's size, the
partial tiles of which are those it needs; entries are the stored bytes. This module must not know
what an event means.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from ledger.errors import IntegrityBroken
from ledger.proof.nodes import WIDTH, Nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.connection import Connection
    from ledger.proof.seals import Seal

TILE_HEIGHT = 8
ENTRY_BYTES_MAX = 65_535


def tile_path(level: str, index: int, width: int) -> str:
    """Return the path of a tile: ``tile/0/x001/234``, ``tile/0/x001/235.p/7``."""
    parts = [f"{index % 1000:03d}"]
    while index >= 1000:  # noqa: PLR2004 - three digits a folder
        index //= 1000
        parts.insert(0, f"x{index % 1000:03d}")
    partial = f".p/{width}" if width < WIDTH else ""
    return f"tile/{level}/{'/'.join(parts)}{partial}"


def tiles(
    connection: Connection, bodies: Iterator[bytes], seal: Seal
) -> Iterator[tuple[str, bytes]]:
    """Yield each file of the directory: its path and its bytes; ``bodies`` are those of the log.

    Raises: IntegrityBroken where a node is missing or an event is too long for a bundle.
    """
    yield "checkpoint", seal.note.encode()
    nodes = Nodes(connection)
    level, count = 0, seal.size
    while count:
        for index in range((count + WIDTH - 1) // WIDTH):
            first = index * WIDTH
            width = min(WIDTH, count - first)
            hashes = (nodes.fetch(level * TILE_HEIGHT, first + i) for i in range(width))
            yield tile_path(str(level), index, width), b"".join(hashes)
        level, count = level + 1, count >> TILE_HEIGHT
    for index in range((seal.size + WIDTH - 1) // WIDTH):
        width = min(WIDTH, seal.size - index * WIDTH)
        bundle = b"".join(_entry(body) for body in islice(bodies, width))
        yield tile_path("entries", index, width), bundle


def _entry(body: bytes) -> bytes:
    if len(body) > ENTRY_BYTES_MAX:
        msg = f"an event of {len(body)} bytes does not fit a bundle of {ENTRY_BYTES_MAX}"
        raise IntegrityBroken(msg)
    return len(body).to_bytes(2, "big") + body
