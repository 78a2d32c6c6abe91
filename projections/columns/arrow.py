"""Lines as Arrow tables of one fixed schema, and the packages of the extra ``columns``.

Invariant: the schema is the same for every segment of one FORMAT; a column that is not said by an
event is 0 for a delta and null for a last value. pyarrow and duckdb are imported by nobody else
and only when a table is made or asked (SPEED, start-up).
"""

from __future__ import annotations

import decimal
import importlib
import importlib.util
from typing import TYPE_CHECKING, Any, Final

from ledger.errors import ExtraMissing
from projections.columns.lines import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from ledger.events import RecordedEvent
    from projections.columns.lines import Line

# Another number: other columns, or another meaning of one. Older segments are built again.
FORMAT: Final = 2
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


def table_of(events: Iterable[RecordedEvent]) -> Any:  # noqa: ANN401 - a pyarrow.Table
    """Make the table of some events, in their order. Raises: ExtraMissing."""
    pa = package("pyarrow")
    # A line says few of the columns: the others have the table's default values.
    silent: Line = {name: 0 if name in DELTAS else None for name in COLUMNS}
    rows = [
        tuple({**silent, **line}.values()) for recorded in events for line in lines_of(recorded)
    ]
    columns = zip(*rows, strict=True) if rows else ([] for _ in COLUMNS)
    texts = {*NAMES, *LAST_NAMES}
    arrays = {
        name: pa.array(cells, pa.string() if name in texts else pa.int64())
        for name, cells in zip(COLUMNS, columns, strict=True)
    }
    arrays["moment"] = _moments(arrays["effective_at"], arrays["position"])
    return pa.table(arrays)


def _moments(effective_at: Any, positions: Any) -> Any:  # noqa: ANN401 - pyarrow arrays
    """Return (effective_at, position) as one number that orders alike in every engine."""
    pa, compute = package("pyarrow"), package("pyarrow.compute")
    wide = compute.multiply(
        effective_at.cast(pa.decimal128(19, 0)),
        pa.scalar(decimal.Decimal(1 << 40), pa.decimal128(13, 0)),
    )
    return compute.add(wide, positions.cast(pa.decimal128(19, 0))).cast(pa.decimal128(38, 0))
