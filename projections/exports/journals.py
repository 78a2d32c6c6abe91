"""The books as text for beancount and hledger, with a heading that binds them to the log.

Invariant: the heading's hash is that of the bytes after it, whose root and size are those of the
tree over the events that they were made from.
"""

from __future__ import annotations

from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Final

from projections.exports import Export, Piece
from projections.journal import beancount, hledger
from projections.journal.heading import Heading
from projections.journal.transactions import WITH_ORDERS, Ledgered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from projections.exports import Terms
    from projections.point import Point
    from projections.view import LedgerView

_SPOOLED: Final = 1 << 25  # bytes that are kept in memory; what is larger goes to a temporary file
_CHUNK: Final = 1 << 16


def _journal(form: str, written: Callable[[Ledgered, int, int], Iterator[str]]) -> Export:
    """Make a journal a format; its edition is the number of the form, older ones for checking."""

    def pieces(view: LedgerView, point: Point, terms: Terms) -> Iterator[Piece]:
        number = int(terms.version or WITH_ORDERS)
        point = point._replace(at=point.seen_at)  # the clock moves on, the bytes stay
        offset = view.config_at(point).policy.calendar_offset
        digest = sha256()
        with SpooledTemporaryFile(_SPOOLED) as spool:
            posted = Ledgered(view.reader, point, offset=offset, form=number)
            for piece in written(posted, offset, number):
                raw = piece.encode()
                digest.update(raw)
                spool.write(raw)
                yield Piece(b"", 1)  # told, and written after the heading
            heading = Heading(
                f"{form}/{number}", point.position, view.root(point.position), point.at,
                point.known_at, offset, digest.hexdigest(),
            )  # fmt: skip
            yield Piece(str(heading).encode(), 0, hashed=False)
            spool.seek(0)
            while chunk := spool.read(_CHUNK):
                yield Piece(chunk, 0)

    return Export(pieces, headed=True)


BEANCOUNT = _journal("beancount", lambda posted, offset, _: beancount.pieces(posted, offset))
HLEDGER = _journal("hledger", hledger.pieces)
