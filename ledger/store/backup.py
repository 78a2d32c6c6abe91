"""A second file with everything that a ledger file and its WAL hold, made while others write.

Invariant: the file appears whole under its name, durable, with nothing beside it that it needs, or
not at all; what it would overwrite is never the ledger. This module must not know events.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from ledger.connection import MAPPED, SQLITE, dialect_of
from ledger.errors import IntegrityBroken, InvalidInput
from ledger.proof.nodes import Nodes
from ledger.store import journal
from ledger.store.errors import LedgerExists
from ledger.store.making import named_when_whole
from ledger.store.reading import Reader, explained, tune

if TYPE_CHECKING:
    from pathlib import Path


class Backup(NamedTuple):
    """What a backup holds."""

    events: int
    root: bytes
    bytes: int


def back_up(source: Reader, target: Path, *, force: bool = False) -> Backup:
    """Copy a ledger file to another, which the caller knows not to belong to the ledger.

    Raises: InvalidInput, LedgerExists, IntegrityBroken, StoreError, OSError.
    """
    if dialect_of(source.connection) != SQLITE:
        msg = f"{source.location!r} is on a server: there is no file to back up"
        raise InvalidInput(msg, hint="copy it to a file: tally copy URL FILE")
    _check_free(target, force=force)
    with named_when_whole(target, str(target), replace=force) as part:
        part.touch(0o600, exist_ok=False)
        return _fill(source, part)


def _fill(source: Reader, beside: Path) -> Backup:
    least = source.head().position
    shutil.copymode(source.location, beside)
    with explained(str(beside)):
        # Every page is read once: mapped, all of the file would count as this program's memory.
        source.connection.execute("PRAGMA mmap_size=0")
        try:
            with closing(sqlite3.connect(beside)) as target:
                source.connection.backup(target)  # type: ignore[attr-defined]  # a file's connection
        finally:
            tune(source.connection, mapped=MAPPED)  # type: ignore[arg-type]  # as above
        journal.settle(str(beside))
        with closing(
            sqlite3.connect(f"{beside.absolute().as_uri()}?immutable=1", uri=True)
        ) as target:
            copied = Reader(target, str(beside))
            events, nodes = copied.head().position, Nodes(target)
            root = nodes.root(events) if nodes.there else b""
    if events < least:
        msg = f"the backup holds {events} events, the ledger {least}: it was not kept"
        raise IntegrityBroken(msg, kind="truncated", hint="see what is wrong: tally verify")
    return Backup(events, root, beside.stat().st_size)


def _check_free(target: Path, *, force: bool) -> None:
    if target.is_dir():
        raise InvalidInput(f"{str(target)!r} is a folder", hint="name a file in it")
    if target.exists() and not force:
        raise LedgerExists(str(target), hint="name another file, or overwrite it with --force")
