"""Lines as Arrow tables of one fixed schema, and the packages of the extra ``columns``.

Invariant: the schema is the same for every segment of one FORMAT; what an event does not say is
null. Lines lie by what they hold, so that a question reads only what can answer it. pyarrow and
duckdb are imported by nobody else and only when a table is made or asked (SPEED, start-up).
"""

from __future__ import annotations

import decimal
import importlib
import importlib.util
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from ledger.errors import ExtraMissing
from ledger.events import BillPosted, CreditNoteIssued, type_name
from projections.columns.lines import ENVELOPE, columns_of, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import ModuleType

    from ledger.events import RecordedEvent
    from projections.columns.lines import Cells

# Another number: other columns, or another meaning of one. Older segments are built again.
FORMAT: Final = 3
EXTRA: Final = "columns"
PACKAGES: Final = ("pyarrow", "duckdb")

INSTANTS: Final = ("position", "effective_at", "recorded_at")
NAMES: Final = (
    "account", "type", "instance", "coupon", "currency", "item_after",
    "channel", "product", "bill", "reason",
)  # fmt: skip
DELTAS: Final = (
    "cash", "outstanding", "coupon_amount", "coupon_used", "coupon_forfeited",
    "shortfall", "round_down",
)  # fmt: skip
LAST_NAMES: Final = ("kind_after", "state_after", "sku_after")
LAST_NUMBERS: Final = (
    "overdue_after", "expires_after", "restored_after", "auto_after", "auto_months_after",
    "slots_from_after", "slot_last_after", "auto_start", "coupon_starts", "coupon_ends",
    "term_starts", "term_ends",
)  # fmt: skip
COLUMNS: Final = (*INSTANTS, *NAMES, *DELTAS, *LAST_NAMES, *LAST_NUMBERS)
# What a line holds: nothing that a view needs, money, facts of an instance or of a term, what
# is said of the account itself and its coupons. A larger number may hold the smaller ones too.
NOTHING, MONEY, OF_INSTANCE, OF_ACCOUNT = range(4)
_OF_ACCOUNT: Final = ("coupon", "currency", "overdue_after")
_OF_INSTANCE: Final = ("reason", *LAST_NAMES, *(set(LAST_NUMBERS) - {"overdue_after"}))
_SUMMED_BY: Final = ("account", "type", "channel", "product")
_LARGEST: Final = (1 << 63) - 1
DIGITS: Final = 38

Key = tuple[str, str]  # an account and the name of a bill


def available() -> bool:
    """Return whether the extra is installed, without importing it."""
    return all(importlib.util.find_spec(name) is not None for name in PACKAGES)


def package(name: str) -> Any:  # noqa: ANN401 - a package that may not be installed has no types
    """Import one package of the extra. Raises: ExtraMissing."""
    try:
        found: ModuleType = importlib.import_module(name)
    except ImportError:
        raise ExtraMissing(package=name.partition(".")[0], extra=EXTRA) from None
    return found


def table_of(
    events: Iterable[RecordedEvent], products: Callable[[set[Key]], dict[Key, str]] = lambda _: {}
) -> Any:  # noqa: ANN401 - a pyarrow.Table
    """Make the table of some events, by what a line holds and then in their order.

    ``products`` finds the products of bills that were posted before these events.
    Raises: ExtraMissing.
    """
    pa = package("pyarrow")
    parts = [pa.table({name: pa.array([], _type(name)) for name in COLUMNS})]
    lines = lines_of(events)
    for kind, rows in lines.items():
        columns = columns_of(kind)
        arrays = {
            name: pa.array(cells, _type(name))
            for name, cells in zip(columns, zip(*rows, strict=True), strict=True)
        }
        arrays["type"] = pa.repeat(type_name(kind), len(rows))
        if kind is CreditNoteIssued:
            arrays["product"] = _products(rows, lines.get(BillPosted, ()), products)
        parts.append(pa.table(arrays))
    table = pa.concat_tables(parts, promote_options="default").combine_chunks()
    return _with_moments(in_order(table.append_column("holds", _holds(table))))


def in_order(table: Any) -> Any:  # noqa: ANN401 - pyarrow tables
    """Sort lines by what they hold, and then as they were recorded."""
    order = [("holds", "ascending"), ("position", "ascending")]
    return table.take(package("pyarrow.compute").sort_indices(table, order))


def _type(name: str) -> Any:  # noqa: ANN401 - a pyarrow type
    pa = package("pyarrow")
    return pa.string() if name in (*NAMES, *LAST_NAMES) else pa.int64()


def _products(
    notes: Sequence[Cells], bills: Sequence[Cells],
    elsewhere: Callable[[set[Key]], dict[Key, str]],
) -> Any:  # fmt: skip  # noqa: ANN401 - a pyarrow array
    """Find what each credit note takes back income of: the product of its bill."""
    account, bill = ENVELOPE.index("account"), columns_of(CreditNoteIssued).index("bill")
    keys: list[Any] = [(row[account], row[bill]) for row in notes]
    bill, product = (columns_of(BillPosted).index(name) for name in ("bill", "product"))
    here: dict[Any, Any] = {(row[account], row[bill]): row[product] for row in bills}
    missing = {key for key in keys if key not in here}
    found: dict[Any, Any] = elsewhere(missing) if missing else {}
    pa = package("pyarrow")
    return pa.array([here.get(key) or found.get(key) for key in keys], pa.string())


def _holds(table: Any) -> Any:  # noqa: ANN401 - pyarrow tables and arrays
    pa, compute = package("pyarrow"), package("pyarrow.compute")

    def any_of(names: Iterable[str]) -> Any:  # noqa: ANN401 - a pyarrow array
        return reduce(compute.or_, (compute.is_valid(table[name]) for name in names))

    found = pa.scalar(NOTHING, pa.int8())
    for kind, names in ((MONEY, DELTAS), (OF_INSTANCE, _OF_INSTANCE), (OF_ACCOUNT, _OF_ACCOUNT)):
        found = compute.if_else(any_of(names), pa.scalar(kind, pa.int8()), found)
    return found


def starts_of(table: Any) -> list[int]:  # noqa: ANN401 - a pyarrow.Table
    """Return where the lines of each kind begin in a table, and where the last ends."""
    compute = package("pyarrow.compute")
    counts = [
        compute.sum(compute.less(table["holds"], kind)).as_py() or 0
        for kind in range(OF_ACCOUNT + 1)
    ]
    return [*counts, table.num_rows]


def _with_moments(table: Any) -> Any:  # noqa: ANN401 - pyarrow tables
    """Add (effective_at, position) as one number that orders alike in every engine.

    It orders last values and terms; where a line says none it is null and costs nothing.
    """
    pa, compute = package("pyarrow"), package("pyarrow.compute")
    begin = starts_of(table)[OF_INSTANCE]
    said = table.slice(begin)
    wide = compute.multiply(
        said["effective_at"].cast(pa.decimal128(19, 0)),
        pa.scalar(decimal.Decimal(1 << 40), pa.decimal128(13, 0)),
    )
    kind = pa.decimal128(DIGITS, 0)
    moments = compute.add(wide, said["position"].cast(pa.decimal128(19, 0))).cast(kind)
    chunks = [pa.nulls(begin, kind), *moments.chunks]
    return table.append_column("moment", pa.chunked_array(chunks, kind))


def sums_of(table: Any) -> Any | None:  # noqa: ANN401 - pyarrow tables
    """Sum the lines of money alone, and keep those that say more: the same to whoever asks all.

    None where a sum could be larger than a column.
    """
    pa, compute = package("pyarrow"), package("pyarrow.compute")
    _, begin, end, _, _ = starts_of(table)
    money = table.slice(begin, end - begin)
    for name in DELTAS:
        ends = compute.min_max(money[name]).as_py()
        if max(abs(ends["min"] or 0), abs(ends["max"] or 0)) * (money.num_rows or 1) > _LARGEST:
            return None
    made = [*((name, "max") for name in INSTANTS), *((name, "sum") for name in DELTAS)]
    grouped = money.group_by(list(_SUMMED_BY)).aggregate(made)
    summed = pa.table({
        **{name: grouped[name] for name in _SUMMED_BY},
        **{name: grouped[f"{name}_{how}"] for name, how in made},
        "holds": pa.repeat(pa.scalar(MONEY, pa.int8()), grouped.num_rows),
    })  # fmt: skip
    both = [table.schema.empty_table(), summed, table.slice(end)]
    return pa.concat_tables(both, promote_options="default")
