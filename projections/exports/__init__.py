"""The log for the programs of others: whole events, vendor CSV, FOCUS, Parquet.

Invariant: an export is a stream of pieces whose bytes depend on the log and the point alone; what
is held in memory grows with one account at most. This package must not know where bytes go.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final, NamedTuple

from projections.registry import Own, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Piece(NamedTuple):
    """Some bytes of an export, and how many of its rows they hold; a heading holds none."""

    body: bytes
    rows: int


class Terms(NamedTuple):
    """What holds for the whole export: the calendar offset, the ledger's name and currency.

    ``version`` is the edition of the format, "" where it has one only.
    """

    offset: int
    ledger: str
    currency: str
    version: str = ""


_HERE = "projections.exports"
# A format of ours is a function of (reader, point, terms) that yields pieces; one of a package is
# given the whole view in place of the reader.
EXPORTS: Final[Registry[Callable[..., Iterator[Piece]]]] = Registry(
    "tallystick.exports", "format",
    {
        "events": Own(f"{_HERE}.events:pieces", "the log with its stored bytes, as MessagePack"),
        "alibaba-bills": Own(f"{_HERE}.alibaba_bills:pieces", "the vendor's bill CSV"),
        "alibaba-transactions": Own(
            f"{_HERE}.alibaba_transactions:pieces", "the vendor's account transactions CSV"
        ),
        "focus": Own(f"{_HERE}.focus:pieces", "FOCUS cost and usage, CSV"),
        "parquet": Own(f"{_HERE}.parquet:pieces", "the log as a typed table"),
    },
)  # fmt: skip


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
