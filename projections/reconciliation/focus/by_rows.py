"""The plain engine: rows one at a time, with nothing but Python (and pyarrow for Parquet).

It is the authority: what the other engine cannot read is read, or refused by its row, here.
Invariant: memory grows with the keys of the file, not with its rows.
This module must not know what parts become.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ledger.errors import InvalidInput
from projections.reconciliation.focus import cells, columns
from projections.reconciliation.focus.columns import SummedRows
from projections.reconciliation.focus.delivery import PARQUET, FocusFile, rows
from projections.reconciliation.lines import BadStatement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_PLAIN: Final = re.compile(cells.PLAIN)
_UTC: Final = re.compile(cells.UTC)
_BATCH: Final = 1 << 14

Row = tuple[int, "Sequence[str]"]


class _Cost(NamedTuple):
    digits: int
    scale: int
    odd: str


def parts_of(
    delivery: FocusFile, *, names: Mapping[str, str] = columns.ALL) -> Iterator[SummedRows
]:
    """Sum the rows of each key; ``names`` are the columns to read, under FOCUS's names.

    Raises: BadStatement.
    """
    found, read = table_of(delivery, [*names.values()], needed=columns.needed(names))
    return _summed({name: found[own] for name, own in names.items() if own in found}, read)


def table_of(
    delivery: FocusFile, wanted: Sequence[str], *, needed: Sequence[str] = columns.NEEDED
) -> tuple[dict[str, int], Iterable[Row]]:
    """Return the places of columns, and the rows. Raises: BadStatement."""
    if delivery.form == PARQUET:
        return _parquet(delivery, wanted, needed)
    header = delivery.header()
    return columns.places(header, wanted, needed=needed), _csv(delivery, len(header))


def _csv(delivery: FocusFile, width: int) -> Iterator[Row]:
    with delivery.plain() as stream:
        for number, row in rows(stream, delivery.encoding):
            if len(row) != width:
                msg = f"row {number} has {len(row)} cells, the header has {width}"
                raise BadStatement(msg, hint="the file is cut off or damaged: fetch it again")
            if number > 1:
                yield number, row


def _summed(found: dict[str, int], read: Iterable[Row]) -> Iterator[SummedRows]:
    """Sum by key; costs and instants are read once a text."""
    text = _reader(found)
    kept: dict[tuple[Any, ...], list[Any]] = {}
    costs: dict[str, _Cost] = {}
    moments: dict[str, tuple[int | None, str]] = {"": (None, "")}
    for number, row in read:
        account = text(row, "BillingAccountId") or text(row, "SubAccountId")
        written = text(row, "BilledCost")
        cost = costs.get(written)
        if cost is None:
            cost = _cost(written)
            if len(costs) < _BATCH:
                costs[written] = cost
        starts, odd_start = _moment(text(row, "ChargePeriodStart") or cells.NULL, moments)
        ends, odd_end = _moment(text(row, "ChargePeriodEnd"), moments)
        if ends is not None and starts is not None and ends < starts:
            ends, odd_end = None, text(row, "ChargePeriodEnd")
        resource = text(row, "ResourceId")
        key = (
            account, text(row, "BillingCurrency"), text(row, "InvoiceId"),
            text(row, "BillingPeriodStart"), text(row, "BillingPeriodEnd"),
            text(row, "ChargeCategory"), text(row, "ChargeClass"), text(row, "x_RecordId"),
            cost.scale, cost.digits < 0, cost.odd, odd_start, odd_end,
        )  # fmt: skip
        there = kept.get(key)
        if there is None:
            kept[key] = [cost.digits, 1, number, number, starts, ends, resource, resource]
            continue
        there[0] += cost.digits
        there[1] += 1
        there[3] = number
        if starts is not None:
            there[4] = min(there[4], starts)
        if ends is not None:
            there[5] = ends if there[5] is None else max(there[5], ends)
        there[6], there[7] = min(there[6], resource), max(there[7], resource)
    for same, sums in kept.items():
        yield SummedRows(*same, *sums)


def _reader(found: dict[str, int]) -> Any:  # noqa: ANN401 - a closure over a row of text
    def text(row: Sequence[str], name: str) -> str:
        place = found.get(name)
        cell = "" if place is None else row[place]
        return "" if cell in cells.NULLS else cell

    return text


def _cost(written: str) -> _Cost:
    """Split a plain cost into digits and scale; any other is odd."""
    plain = written.strip()
    mantissa = plain.lower().partition("e")[0]
    if _PLAIN.fullmatch(plain) is None or len(mantissa) > cells.PLAIN_LONGEST:
        return _Cost(0, 0, written or cells.NULL)
    return _Cost(*cells.apart(plain), "")


def _moment(written: str, known: dict[str, tuple[int | None, str]]) -> tuple[int | None, str]:
    """Read a plain instant; any other is odd."""
    there = known.get(written)
    if there is None:
        there = (None, written)
        if _UTC.fullmatch(written) is not None:
            try:
                there = (cells.read_instant(written), "")
            except InvalidInput:
                there = (None, written)
        if len(known) < _BATCH:
            known[written] = there
    return there


def _parquet(
    delivery: FocusFile, wanted: Sequence[str], needed: Sequence[str]
) -> tuple[dict[str, int], Iterator[Row]]:
    """Read Parquet in batches, each cell as the exact text that a CSV would have."""
    names = parquet_names(delivery)
    import pyarrow as pa  # noqa: PLC0415 - an extra, for this format alone
    from pyarrow import parquet  # noqa: PLC0415 - as above

    places = columns.places(names, wanted, needed=needed)
    chosen = [names[place] for place in places.values()]

    def read() -> Iterator[Row]:
        number = 0
        try:
            with delivery.opened() as stream:
                for batch in parquet.ParquetFile(stream).iter_batches(_BATCH, columns=chosen):
                    for row in zip(*(_texts(batch.column(name)) for name in chosen), strict=True):
                        number += 1
                        yield number, row
        except (pa.ArrowException, OSError) as error:
            raise _not_whole(error) from None

    return {name: place for place, name in enumerate(places)}, read()


def parquet_names(delivery: FocusFile) -> list[str]:
    """Return the names of a Parquet file's columns. Raises: BadStatement."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, for this format alone
        from pyarrow import parquet  # noqa: PLC0415 - as above
    except ImportError:
        msg = "reading Parquet needs pyarrow, which is not installed"
        raise BadStatement(msg, hint="pip install 'tallystick[columns]', or use the CSV") from None
    try:
        with delivery.opened() as stream:
            return [*parquet.read_schema(stream).names]
    except (pa.ArrowException, OSError) as error:
        raise _not_whole(error) from None


def _not_whole(error: BaseException) -> BadStatement:
    msg = f"the file is not a whole Parquet file: {str(error)[:120]}"
    return BadStatement(msg, hint="fetch the file again")


def _texts(column: Any) -> list[str]:  # noqa: ANN401 - pyarrow without types
    import pyarrow as pa  # noqa: PLC0415 - an extra
    from pyarrow import compute  # noqa: PLC0415 - as above

    if pa.types.is_floating(column.type):
        column = compute.cast(column, pa.string())  # the shortest text that reads back the same
    return ["" if cell is None else _text(cell) for cell in column.to_pylist()]


def _text(cell: object) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    if hasattr(cell, "as_tuple"):
        return f"{cell:f}"  # a decimal without exponent
    isoformat = getattr(cell, "isoformat", None)
    return str(cell) if isoformat is None else str(isoformat())
