"""FOCUS files: read and summed to bills beside DuckDB's own sum of the same file; memory by rows.

The peer reads the same file with its own detection of types and adds up one column as floats: it
finds no bill, no row number and no wrong cell.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Figure, apart, best, timed
from ledger.periods import HOUR
from projections.reconciliation.against.comparing import Comparison
from projections.reconciliation.amounts import read_amount
from projections.reconciliation.focus import by_columns
from projections.reconciliation.focus.delivery import FocusFile
from projections.reconciliation.readers import read_statement

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_PEER, MOST_MB = 3.0, 500  # issue: less than 3 x DuckDB's sum; flat memory
COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodStart",
    "ChargePeriodEnd", "ContractedCost", "EffectiveCost", "InvoiceId", "ListCost",
    "PricingQuantity", "PricingUnit", "ProviderName", "RegionId", "ResourceId",
    "ServiceName", "SkuId", "SubAccountId", "Tags",
)  # fmt: skip
RESTATED = 10_000  # one row in N differs the next day


def _rows(count: int, *, restated: bool) -> Iterator[str]:
    yield ",".join(COLUMNS) + "\n"
    for n in range(count):
        cost = f"0.{n * 7919 % 10**10 + (restated and n % RESTATED == 0):010d}"
        hour = f"2025-03-{1 + n // 24 % 28:02d}T{n % 24:02d}:00:00Z"
        kind = "Tax" if n % 40 == 0 else "Usage"
        yield (
            f"{cost},acct-{n % 5},USD,2025-03-01T00:00:00Z,2025-04-01T00:00:00Z,{kind},,"
            f'"Hours, size {n % 13}",Usage-Based,{hour},{hour},{cost},{cost},INV-{n % 5},{cost},'
            f"1.0,Hours,AWS,us-west-{n % 3},arn:aws:ec2:us-west-2:{n % 997}:instance/i-{n:08x},"
            f'AmazonEC2,SKU-{n % 211},sub-{n % 17},"{{""env"":""prod"",""cc"":""{n % 31}""}}"\n'
        )


def _file(folder: Path, count: int, *, restated: bool = False) -> Path:
    path = folder / f"focus-{count}-{restated}.csv"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(_rows(count, restated=restated))
    return path


def _read(path: str) -> int:
    """Read a file to its bills, through the engine."""
    return read_statement(Path(path), "focus", offset=8 * HOUR, currency="USD").movements


def _against(old: str, new: str) -> tuple[int, float]:
    found = Comparison(Path(old), Path(new), source="focus", currency="USD", small=0)
    changes: list[object] = []
    seconds = timed(lambda: changes.extend(found.rows()))
    return len(changes), seconds


def run(folder: Path, rows: int, more: int) -> Iterator[Figure]:
    """Read a file beside the peer, then one of many more rows for its memory, then two."""
    import duckdb  # noqa: PLC0415 - the peer, of the extra that is measured

    path = _file(folder, rows)
    place = str(path).replace("'", "''")
    assert by_columns.parts_of(FocusFile(path)) is not None  # noqa: S101 - the engine reads it
    total = read_amount("0.0000000001") * sum(n * 7919 % 10**10 for n in range(rows))
    assert _read(str(path)) == total  # noqa: S101 - to the last decimal
    seconds = best(lambda: _read(str(path)))
    asked = f"SELECT sum(BilledCost) FROM '{place}'"  # noqa: S608 - a file of our own
    peer = best(lambda: duckdb.execute(asked).fetchall())
    yield Figure(
        f"focus_read_{rows}", f"{seconds:.2f} s", f"DuckDB sum {peer:.2f} s", seconds / peer,
        f"< {MOST_PEER:.0f}", seconds / peer < MOST_PEER,
    )  # fmt: skip
    large, restated = _file(folder, more), _file(folder, more, restated=True)
    _, mb = apart(_read, str(large))
    yield Figure(
        f"focus_memory_{more}", f"{mb} MB", f"file {large.stat().st_size >> 20} MB",
        mb / MOST_MB, f"< {MOST_MB} MB", mb < MOST_MB,
    )  # fmt: skip
    (changes, seconds), mb = apart(_against, str(large), str(restated))
    assert changes == -(-more // RESTATED)  # noqa: S101 - all that was restated, and no more
    yield Figure(
        f"focus_against_{more}", f"{seconds:.0f} s, {mb} MB", f"limit {MOST_MB} MB",
        mb / MOST_MB, f"< {MOST_MB} MB", mb < MOST_MB,
    )  # fmt: skip
    large.unlink()
    restated.unlink()
