"""Real ledgers in files for the tests of the application: create, import, read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.application import Ledger
from ledger.founding import create
from ledger.importer import import_lines
from ledger.outcomes import Outcome
from ledger.periods import HOUR, parse_instant
from ledger.store import create_store, open_reader, open_store
from projections.runner import Views

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

START = "2024-12-31T00:00:00+08:00"


def new_ledger(path: Path | str, *, clock: str = "simulated", start: str = START) -> Ledger:
    """Make a ledger file (or ":memory:") and open it for recording."""
    location = str(path)
    if location != ":memory:":
        create_store(location)
    store = open_store(location)
    create(
        store, clock=clock, start=parse_instant(start, 8 * HOUR), currency="CNY",
        policy={}, ledger="test-ledger",
    )  # fmt: skip
    return Ledger(store, Views(store.reader, store))


def reopen(path: Path | str) -> Ledger:
    """Open an existing ledger file for recording."""
    store = open_store(str(path))
    return Ledger(store, Views(store.reader, store))


def record(
    ledger: Ledger, lines: Iterable[bytes], *, batch_lines: int = 2000, resume: bool = False
) -> list[Outcome]:
    """Import lines and give their outcomes."""
    results = import_lines(ledger, lines, batch_lines=batch_lines, resume=resume)
    return [result.outcome for result in results]


def bodies(path: Path | str) -> list[bytes]:
    """Return the stored bytes of a ledger file."""
    reader = open_reader(str(path))
    try:
        return list(reader.bodies())
    finally:
        reader.close()
