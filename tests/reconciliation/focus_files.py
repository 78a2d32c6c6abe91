"""Small FOCUS files for tests, written as a provider would, and the two engines that read them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from ledger.periods import HOUR
from projections.reconciliation.focus import by_columns, by_rows
from projections.reconciliation.focus.charges import charges_of
from projections.reconciliation.focus.delivery import FocusFile

if TYPE_CHECKING:
    from pathlib import Path

    from projections.reconciliation.focus.charges import FocusCharge

ENGINES = {"columns": by_columns.parts_of, "rows": by_rows.parts_of}
PLAIN = {
    "BilledCost": "10.00", "BillingAccountId": "acme", "BillingCurrency": "USD",
    "BillingPeriodStart": "2025-03-01T00:00:00Z", "BillingPeriodEnd": "2025-04-01T00:00:00Z",
    "ChargeCategory": "Usage", "ChargeClass": "", "ChargePeriodStart": "2025-03-05T00:00:00Z",
    "ChargePeriodEnd": "2025-03-06T00:00:00Z", "InvoiceId": "INV-1", "ResourceId": "vm-1",
}  # fmt: skip


def rows_of(*changes: dict[str, Any], base: dict[str, str] = PLAIN) -> list[dict[str, Any]]:
    """Return rows that differ from a plain one as said."""
    return [{**base, **change} for change in changes]


def text_of(rows: list[dict[str, Any]], *, columns: list[str] | None = None) -> str:
    """Write rows as CSV."""
    out = io.StringIO()
    table = csv.DictWriter(out, columns or list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()


def read(path: Path, engine: str, **options: str) -> list[FocusCharge]:
    """Read a file's charges with one engine."""
    parts = ENGINES[engine](FocusFile(path, **options))
    assert parts is not None, "the engine left the file to the other one"
    return charges_of(parts, offset=8 * HOUR, currency="CNY", account="")
