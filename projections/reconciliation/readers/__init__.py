"""Readers of statements, one format a file; ``read_statement`` chooses by the source's name.

Invariant: what comes back has passed its control totals. This package must not know the ledger.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ledger.errors import InvalidInput
from projections.reconciliation.identity import numbered
from projections.reconciliation.readers.alibaba import read_bills, read_transactions
from projections.reconciliation.readers.camt import read_camt052, read_camt053, read_camt054
from projections.reconciliation.readers.mapped import read_mapped
from projections.reconciliation.readers.maps import read_map
from projections.reconciliation.readers.mt940 import read_mt940
from projections.reconciliation.readers.ofx import read_ofx

if TYPE_CHECKING:
    from collections.abc import Callable

    from projections.reconciliation.lines import Statement

READERS: Final[dict[str, Callable[..., Statement]]] = {
    "alibaba-bills": read_bills,
    "alibaba-transactions": read_transactions,
    "camt052": read_camt052,
    "camt053": read_camt053,
    "camt054": read_camt054,
    "mt940": read_mt940,
    "ofx": read_ofx,
}
BANKS: Final = ("camt052", "camt053", "camt054", "mt940", "ofx")  # --account names one of theirs
SOURCES: Final = tuple(sorted((*READERS, "csv", "focus")))


def read_statement(
    body: bytes | Path, source: str, *,
    offset: int, currency: str, encoding: str = "utf-8", account: str = "",
    column_map: str | None = None,
) -> Statement:  # fmt: skip
    """Read a file as the source it is said to be.

    Raises: InvalidInput (source and map), BadStatement, ControlTotalWrong.
    """
    if (source == "csv") != (column_map is not None):
        msg = f"source {source} is read {'with' if source == 'csv' else 'without'} a column map"
        raise InvalidInput(msg, hint="--map belongs to --source csv")
    if source == "focus":  # the one that needs no whole file in memory
        from projections.reconciliation.readers.focus import read_focus  # noqa: PLC0415 - it alone

        return read_focus(
            body, offset=offset, currency=currency, encoding=encoding, account=account
        )
    body = body.read_bytes() if isinstance(body, Path) else body
    if column_map is not None:
        chosen = read_map(column_map)
        if encoding.lower() != "utf-8":  # said on the command line, so it is of this file
            chosen = replace(chosen, encoding=encoding)
        found = read_mapped(body, chosen, offset=offset, currency=currency, account=account)
    else:
        found = READERS[source](
            body, offset=offset, currency=currency, encoding=encoding, account=account
        )
    lines = numbered(found.lines)
    return found if lines == found.lines else replace(found, lines=lines)
