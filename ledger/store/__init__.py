"""The append-only event store: an embedded file, or a PostgreSQL server, behind the same names."""

from __future__ import annotations

from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.connection import MAPPED
from ledger.errors import InvalidInput
from ledger.store.errors import LedgerExists
from ledger.store.places import MEMORY, is_server, name_of, place, shown
from ledger.store.reading import Reader, open_file_reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from ledger.store.writing import Store as Store
    from ledger.store.writing import Writer as Writer

__all__ = [
    "Reader", "create_store", "is_server", "name_of", "open_reader", "open_store", "place", "shown",
]  # fmt: skip


def _server() -> ModuleType:
    """Load what a server needs: an extra."""
    try:
        from ledger.store import postgres  # noqa: PLC0415 - the driver loads for a URL alone
    except ImportError as missing:
        msg = f"a ledger on a server needs {missing.name}, which is not installed"
        raise InvalidInput(msg, hint="pip install 'tallystick[postgres]'") from None
    return postgres


def create_store(location: str) -> None:
    """Create the schema of an empty ledger. Raises: LedgerExists, StoreError, InvalidInput."""
    location = place(location)
    if is_server(location):
        _server().create_on_server(location)
        return
    from ledger.store.sqlite import create_file  # noqa: PLC0415 - the library loads for writers

    if Path(realpath(location)).exists():  # as the database reads it: x/.. need not exist
        raise LedgerExists(location)
    create_file(location)


def open_reader(location: str, *, beside_writer: bool = False) -> Reader:
    """Open a ledger for looking only; beside our own writer it maps no part of a file.

    Raises: StoreError, InvalidInput.
    """
    location = place(location)
    if is_server(location):
        reader: Reader = _server().open_server_reader(location)
        return reader
    return open_file_reader(location, mapped=0 if beside_writer else MAPPED)


def open_store(location: str, progress: Callable[[int, int], None] | None = None) -> Store:
    """Open a ledger for writing (":memory:" makes a new one). Raises: StoreError, InvalidInput.

    ``progress`` reports progress while the tree of an older ledger is built.
    """
    location = location if location == MEMORY else place(location)
    if is_server(location):
        store: Store = _server().PostgresStore(location)
        return store
    from ledger.store.sqlite import open_file  # noqa: PLC0415 - the library loads for writers

    return open_file(location, progress)
