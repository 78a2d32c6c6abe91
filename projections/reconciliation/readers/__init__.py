"""Readers of statements, one format a file: one declaration each, from which all else follows.

``tally reconcile --source``, its help and completion, ``tally import --from``, and the remedy for a
file that was read as something else are all made of ``FORMATS``.
Invariant: what comes back has passed its control totals. What a file seems to be is a suggestion
in an error, never a choice. This package must not know the ledger.
"""

from __future__ import annotations

import csv
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from ledger.errors import InvalidInput
from projections.reconciliation.focus.columns import NEEDED, plain
from projections.reconciliation.lines import BadStatement, numbered
from projections.reconciliation.readers.text import kind_of, marked
from projections.registry import Own, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from projections.reconciliation.lines import Statement

_HERE = "projections.reconciliation.readers"
_XML: Final = r"[\ufeff\s]*<.*?"
_HEAD: Final = 1 << 16  # bytes that are looked at
_LINES: Final = 50  # above a table, at most


class Format(Own, frozen=True):
    """A format of files.

    A reader is called with a file's bytes, and offset, currency, encoding and account by name.

    Attributes:
        subject: the side of the ledger that it is compared with; of a CSV its map says it.
        begins: how such a file begins, as a pattern.
        header: the columns without which a table is none of this format.
        bank: it is a bank's, and --account names one of the bank's accounts.
        vendor: it says what was charged or paid here, so ``tally import`` takes it.
        pieces: it is read from its path, piece by piece, and names its lines itself.

    """

    subject: str = ""
    begins: str = ""
    header: tuple[str, ...] = ()
    bank: bool = False
    vendor: bool = False
    pieces: bool = False


FORMATS: Final = {
    "alibaba-bills": Format(
        f"{_HERE}.alibaba:read_bills", "the vendor's bill CSV", "bills", vendor=True,
        header=("RecordID", "Item", "Currency"),
    ),
    "alibaba-transactions": Format(
        f"{_HERE}.alibaba:read_transactions", "the vendor's account transactions CSV", "wallet",
        vendor=True,
        header=("TransactionNumber", "TransactionTime", "TransactionType", "TransactionFlow",
                "Amount"),
    ),
    "camt052": Format(
        f"{_HERE}.camt:read_camt052", "ISO 20022, account report", "payments", bank=True,
        begins=_XML + r"(?:camt\.052\.|BkToCstmrAcctRpt)",
    ),
    "camt053": Format(
        f"{_HERE}.camt:read_camt053", "ISO 20022, statement", "payments", bank=True,
        begins=_XML + r"(?:camt\.053\.|BkToCstmrStmt)",
    ),
    "camt054": Format(
        f"{_HERE}.camt:read_camt054", "ISO 20022, notification", "payments", bank=True,
        begins=_XML + r"(?:camt\.054\.|BkToCstmrDbtCdtNtfctn)",
    ),
    "csv": Format(f"{_HERE}.mapped:read_csv", "any CSV, through a column map"),
    "focus": Format(
        "projections.reconciliation.focus.charges:read_focus", "FOCUS cost and usage, any provider",
        "charges", vendor=True, header=NEEDED, pieces=True,
    ),
    "mt940": Format(
        f"{_HERE}.mt940:read_mt940", "SWIFT, statement", "payments", bank=True,
        begins=r"(?m:.*?(?:\{1:F01|^:20:))",
    ),
    "ofx": Format(
        f"{_HERE}.ofx:read_ofx", "OFX and QFX", "payments", bank=True, begins=r"(?i:.*?<OFX>)",
    ),
}  # fmt: skip
_OTHER: Final = Format("", "(of an installed package)")
READERS: Final[Registry[Callable[..., Statement]]] = Registry(
    "tallystick.readers", "source", FORMATS
)


def format_of(source: str) -> Format:
    """Return what is declared of a source; of one that a package adds only that it is none."""
    return FORMATS.get(source, _OTHER)


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
    given: dict[str, Any] = {} if column_map is None else {"column_map": column_map}
    in_pieces = format_of(source).pieces
    with advised(body, source):
        found = READERS.load(source)(
            body.read_bytes() if isinstance(body, Path) and not in_pieces else body,
            offset=offset, currency=currency, encoding=encoding, account=account, **given,
        )  # fmt: skip
    if in_pieces:
        return found
    lines = numbered(found.lines)
    return found if lines == found.lines else replace(found, lines=lines)


@contextmanager
def advised(body: bytes | Path, source: str) -> Iterator[None]:
    """Add to an error of a reader what the file seems to be. Raises: BadStatement."""
    try:
        yield
    except BadStatement as error:
        if "use --source" in (error.hint or ""):
            raise  # the reader knows it
        head = _beginning(body)
        found, kind = source_of(head), kind_of(head)
        own = format_of(source)
        if kind and not found and not (own.pieces and head.startswith(b"\x1f\x8b")):
            msg = f"the file is {kind}, not text"
            raise BadStatement(msg, hint="unpack it, or save it as CSV, and give that") from None
        if found in ("", source) or (found == "csv" and own.header):
            raise  # one of its own, with a column missing
        more = " with a column map (--guess prints one)" if found == "csv" else ""
        hint = f"it looks like {found}: use --source {found}{more}"
        raise BadStatement(str(error), hint=hint) from None


def source_of(body: bytes | Path) -> str:
    """Return the source that a file seems to be of, empty where nothing tells."""
    head = _beginning(body)
    if head.startswith(b"PAR1"):
        return "focus"
    text = head.decode(marked(head) or "utf-8", errors="replace")
    if "\0" in text:
        return ""
    begun = [
        (match.end(), name) for name, one in FORMATS.items()
        if one.begins and (match := re.match(one.begins, text, re.DOTALL)) is not None
    ]  # fmt: skip
    return min(begun)[1] if begun else _table(text)


def _beginning(body: bytes | Path) -> bytes:
    if isinstance(body, bytes):
        return body[:_HEAD]
    with body.open("rb") as file:
        return file.read(_HEAD)


def _table(text: str) -> str:
    """Return the source of a table by its header; ``csv`` where it has cells and no known one."""
    lines = text.lstrip("\ufeff").splitlines()[:_LINES]
    for line in lines:
        cells = {plain(cell) for cell in next(csv.reader([line]), [])}
        for source, one in FORMATS.items():
            if one.header and cells.issuperset(map(plain, one.header)):
                return source
    full = [line for line in lines if line.strip()]
    full = full[:-1] if full[2:] else full  # the last one may be cut off
    for mark in ";\t,|":
        if len(full) > 1 and all(line.count(mark) for line in full[-2:]):
            return "" if text.lstrip().startswith(("<", "{", "[", "%")) else "csv"
    return ""
