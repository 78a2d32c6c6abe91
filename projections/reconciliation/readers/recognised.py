"""What a file seems to be, by how it begins: the remedy for one that was read as something else.

Invariant: this is a suggestion in an error, never a choice; no file is read by a guess.
This module must not know how a format is read.
"""

from __future__ import annotations

import csv
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from projections.reconciliation import columns
from projections.reconciliation.focus.columns import NEEDED, plain
from projections.reconciliation.lines import BadStatement
from projections.reconciliation.readers.text import kind_of, marked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HEAD: Final = 1 << 16
_GZIP: Final = b"\x1f\x8b"
_LINES: Final = 50  # above a table, at most
_CAMT: Final = re.compile(r"camt\.(05[234])\.")
_ROOTS: Final = {
    "BkToCstmrStmt": "camt053", "BkToCstmrAcctRpt": "camt052", "BkToCstmrDbtCdtNtfctn": "camt054",
}  # fmt: skip
_HEADERS: Final = {
    "alibaba-transactions": columns.TRANSACTIONS_NEEDED, "alibaba-bills": columns.BILLS_NEEDED,
    "focus": NEEDED,
}  # fmt: skip
_SWIFT: Final = re.compile(r"(?:\{1:F01|^:20:)", re.MULTILINE)


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
        if kind and not found and not (source == "focus" and head.startswith(_GZIP)):
            msg = f"the file is {kind}, not text"
            raise BadStatement(msg, hint="unpack it, or save it as CSV, and give that") from None
        if found in ("", source) or (found == "csv" and source in _HEADERS):
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
    return _marked_up(text) or ("mt940" if _SWIFT.search(text) else "") or _table(text)


def _beginning(body: bytes | Path) -> bytes:
    if isinstance(body, bytes):
        return body[:_HEAD]
    with body.open("rb") as file:
        return file.read(_HEAD)


def _marked_up(text: str) -> str:
    if "<OFX>" in text.upper():
        return "ofx"
    if not text.lstrip("\ufeff \t\r\n").startswith("<"):
        return ""
    match = _CAMT.search(text)
    if match is not None:
        return f"camt{match[1]}"
    return next((source for root, source in _ROOTS.items() if root in text), "")


def _table(text: str) -> str:
    """Return the source of a table by its header; ``csv`` where it has cells and no known one."""
    lines = text.lstrip("\ufeff").splitlines()[:_LINES]
    for line in lines:
        cells = {plain(cell) for cell in next(csv.reader([line]), [])}
        for source, needed in _HEADERS.items():
            if cells.issuperset(map(plain, needed)):
                return source
    full = [line for line in lines if line.strip()]
    full = full[:-1] if full[2:] else full  # the last one may be cut off
    for mark in ";\t,|":
        if len(full) > 1 and all(line.count(mark) for line in full[-2:]):
            return "" if text.lstrip().startswith(("<", "{", "[", "%")) else "csv"
    return ""
