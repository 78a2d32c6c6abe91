"""The books and the log for the external programs: journals, whole events, vendor CSV, FOCUS.

Invariant: an export is a stream of pieces whose bytes depend on the log and the point alone,
however far the clock has moved on; what is held in memory grows with one account at most. This
package must not know where bytes go.
"""

from __future__ import annotations

import csv
import io
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from projections.registry import Own, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from projections.point import Point
    from projections.view import LedgerView


class Piece(NamedTuple):
    """Some bytes of an export, and how many of its rows they hold; a heading holds none.

    ``hashed`` is whether the hash of the export covers them: not those of a heading that names it.
    """

    body: bytes
    rows: int
    hashed: bool = True


class Terms(NamedTuple):
    """What holds for the whole export: the calendar offset, the ledger's name and currency.

    ``version`` is the edition of the format, "" for the newest.
    """

    offset: int
    ledger: str
    currency: str
    version: str = ""


Pieces: TypeAlias = "Callable[[LedgerView, Point, Terms], Iterator[Piece]]"


class Export(NamedTuple):
    """A format: an entry point of the group ``tallystick.exports`` names one.

    Attributes:
        pieces: writes it.
        spelled: other ways to write it, by option: ``ndjson``, ``parquet``.
        headed: whether it begins with a heading that ``tally verify-export`` checks.

    """

    pieces: Pieces
    spelled: Mapping[str, Pieces] = MappingProxyType({})
    headed: bool = False


_OURS: Final = {
    "beancount": ("journals:BEANCOUNT", "the books, for bean-check"),
    "hledger": ("journals:HLEDGER", "the books, for hledger and ledger"),
    "events": ("events:EXPORT", "the log with its stored bytes, as MessagePack"),
    "alibaba-bills": ("alibaba_bills:EXPORT", "the vendor's bill CSV"),
    "alibaba-transactions": (
        "alibaba_transactions:EXPORT", "the vendor's account transactions CSV"
    ),
    "focus": ("focus:EXPORT", "FOCUS cost and usage, CSV"),
    "parquet": ("parquet:EXPORT", "the log as a typed table"),
}  # fmt: skip
EXPORTS: Final[Registry[Export]] = Registry(
    "tallystick.exports", "format",
    {name: Own(f"projections.exports.{where}", said) for name, (where, said) in _OURS.items()},
    kind=Export,
)  # fmt: skip


class Written(NamedTuple):
    """What was written; ``sha256`` is of what the hash of the export covers."""

    rows: int
    bytes: int
    sha256: str


class Sink(Protocol):
    """What takes the bytes of an export: a file, stdout, or what compares them."""

    def write(self, piece: bytes, /) -> object:
        """Write the next bytes."""
        ...


def write_export(
    view: LedgerView, pieces: Pieces, point: Point, into: Sink, *, version: str = "",
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Written:  # fmt: skip
    """Write a whole export."""
    config = view.config_at(point)
    terms = Terms(config.policy.calendar_offset, config.ledger, config.currency, version)
    digest, rows, size = sha256(), 0, 0
    for piece in pieces(view, point, terms):
        into.write(piece.body)
        if piece.hashed:
            digest.update(piece.body)
        rows, size = rows + piece.rows, size + len(piece.body)
        progress(rows, 0)
    return Written(rows, size, digest.hexdigest())


def csv_pieces(columns: tuple[str, ...], rows: Iterable[dict[str, str]]) -> Iterator[Piece]:
    """Write rows as CSV in UTF-8, a heading first, a line feed after each row."""
    buffer = io.StringIO(newline="")
    table = csv.DictWriter(buffer, columns, lineterminator="\n", restval="")
    table.writeheader()
    yield Piece(buffer.getvalue().encode(), 0)
    for row in rows:
        buffer.seek(0)
        buffer.truncate()
        table.writerow(row)
        yield Piece(buffer.getvalue().encode(), 1)
