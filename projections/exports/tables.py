"""Rows as Parquet, a group of rows at a time.

Invariant: what is held is one group of rows; the file says nothing of when it was made. pyarrow
is loaded here alone, when a table is written, and its absence is one clear error. This module must
not know whose rows they are.
"""

from __future__ import annotations

import io
from itertools import islice
from typing import TYPE_CHECKING, Literal

from ledger.errors import InvalidInput
from projections.exports import Piece

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from decimal import Decimal
    from types import ModuleType

    from _typeshed import ReadableBuffer

    Cell = str | int | bool | bytes | Decimal | datetime | None

Kind = Literal["text", "integer", "boolean", "bytes", "instant", "decimal"]
GROUP = 16_384  # rows of a group
PRECISION, SCALE = 38, 10  # every amount of every currency, and every fraction of one (R8)


def tables(
    columns: Mapping[str, Kind], rows: Iterable[dict[str, Cell]], about: dict[str, str]
) -> Iterator[Piece]:
    """Write rows, a missing cell as null, with ``about`` in the heading. Raises: InvalidInput."""
    pa, pq = _pyarrow()
    types = {
        "text": pa.string(), "integer": pa.int64(), "boolean": pa.bool_(), "bytes": pa.binary(),
        "instant": pa.timestamp("us", tz="UTC"), "decimal": pa.decimal128(PRECISION, SCALE),
    }  # fmt: skip
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()], metadata=about)
    sink, left = _Sink(), iter(rows)
    with pq.ParquetWriter(sink, schema, compression="zstd", store_schema=False) as writer:
        while group := list(islice(left, GROUP)):
            arrays = [
                pa.array([row.get(name) for row in group], types[kind])
                for name, kind in columns.items()
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield Piece(sink.take(), len(group))
    yield Piece(sink.take(), 0)


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - heavy, and an extra
        import pyarrow.parquet as pq  # noqa: PLC0415 - the same
    except ImportError:
        msg = "Parquet needs the package pyarrow, which is not installed"
        raise InvalidInput(msg, hint="pip install 'tallystick[parquet]'") from None
    return pa, pq


class _Sink(io.RawIOBase):
    """What a writer takes for a file; what it wrote is taken away, its place is kept."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[bytes] = []
        self._place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def write(self, piece: ReadableBuffer, /) -> int:
        raw = bytes(piece)
        self._held.append(raw)
        self._place += len(raw)
        return len(raw)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        raw = b"".join(self._held)
        self._held.clear()
        return raw
