"""The append-only event store: one embedded file today, other places behind the same names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ledger.store.errors import LedgerExists
from ledger.store.reading import Reader, open_reader
from ledger.store.rows import Head, Request, Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.store.sqlite import Store as Store
    from ledger.store.sqlite import Writer as Writer

__all__ = ["Head", "Reader", "Request", "Row", "create_store", "open_reader", "open_store"]


def create_store(location: str) -> None:
    """Lay a new, empty ledger out. Raises: LedgerExists."""
    from ledger.store.sqlite import create_file  # noqa: PLC0415 - the library loads for writers

    if Path(location).exists():
        raise LedgerExists(location)
    create_file(location)


def open_store(location: str, progress: Callable[[int, int], None] | None = None) -> Store:
    """Open a ledger for writing (":memory:" makes a new one). Raises: StoreError.

    ``progress`` is told how far along the tree of a ledger is that was made before there was one.
    """
    from ledger.store.sqlite import open_file  # noqa: PLC0415 - the library loads for writers

    return open_file(location, progress)
