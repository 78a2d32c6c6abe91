"""Readers of statements, one format a file; ``read_statement`` chooses by the source's name.

Invariant: what comes back has passed its control totals. This package must not know the ledger.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ledger.errors import InvalidInput
from projections.reconciliation.identity import numbered
from projections.reconciliation.readers.mapped import read_mapped
from projections.reconciliation.readers.maps import read_map
from projections.reconciliation.readers.recognised import advised
from projections.registry import Own, Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from projections.reconciliation.lines import Statement

_HERE = "projections.reconciliation.readers"
# A reader is called with a file's bytes, and offset, currency, encoding and account by name.
READERS: Final[Registry[Callable[..., Statement]]] = Registry(
    "tallystick.readers", "source",
    {
        "alibaba-bills": Own(f"{_HERE}.alibaba:read_bills", "the vendor's bill CSV"),
        "alibaba-transactions": Own(
            f"{_HERE}.alibaba:read_transactions", "the vendor's account transactions CSV"
        ),
        "camt052": Own(f"{_HERE}.camt:read_camt052", "ISO 20022, account report"),
        "camt053": Own(f"{_HERE}.camt:read_camt053", "ISO 20022, statement"),
        "camt054": Own(f"{_HERE}.camt:read_camt054", "ISO 20022, notification"),
        "mt940": Own(f"{_HERE}.mt940:read_mt940", "SWIFT, statement"),
        "ofx": Own(f"{_HERE}.ofx:read_ofx", "OFX and QFX"),
    },
)  # fmt: skip
BANKS: Final = ("camt052", "camt053", "camt054", "mt940", "ofx")  # --account names one of theirs
SOURCES: Final = tuple(sorted((*READERS.own, "csv", "focus")))


def read_statement(
    body: bytes | Path, source: str, *,
    offset: int, currency: str, encoding: str = "utf-8", account: str = "",
    column_map: str | None = None,
) -> Statement:  # fmt: skip
    """Read a file as the source it is said to be.

    Raises: InvalidInput (source and map), NoSuchThing, BadStatement, ControlTotalWrong.
    """
    if (source == "csv") != (column_map is not None):
        msg = f"source {source} is read {'with' if source == 'csv' else 'without'} a column map"
        raise InvalidInput(msg, hint="--map belongs to --source csv")
    with advised(body, source):
        found = _read(
            body, source, offset=offset, currency=currency, encoding=encoding, account=account,
            column_map=column_map,
        )  # fmt: skip
    if source == "focus":  # its lines have names of their own
        return found
    lines = numbered(found.lines)
    return found if lines == found.lines else replace(found, lines=lines)


def _read(
    body: bytes | Path, source: str, *,
    offset: int, currency: str, encoding: str, account: str, column_map: str | None,
) -> Statement:  # fmt: skip
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
        return read_mapped(body, chosen, offset=offset, currency=currency, account=account)
    return READERS.load(source)(
        body, offset=offset, currency=currency, encoding=encoding, account=account
    )
