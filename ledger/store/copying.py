"""Copies a whole ledger to another place: a file to a server, a server to a file.

Invariant: the copy has the same positions, bytes, root, seals, remembered requests and settings,
or is not there: everything is written in one transaction, and its root is compared before that
ends. Stored views are not copied: they follow from the log. This module must not know what the
bytes mean.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from ledger.errors import IntegrityBroken
from ledger.proof import seals
from ledger.proof.nodes import Nodes
from ledger.store import settings
from ledger.store.errors import LedgerExists
from ledger.store.rows import DIGEST, kept_as

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.store import Reader, Store, Writer

BATCH = 5000


class CopyDone(NamedTuple):
    """What a copy holds."""

    events: int
    root: bytes
    seals: int


def copy(
    source: Reader, target: Store, progress: Callable[[int, int], None] | None = None
) -> CopyDone:
    """Copy a ledger into an empty one. Raises: LedgerExists, IntegrityBroken, StoreError."""
    with source.snapshot(), target.writing() as writer:
        return _copy(source, writer, target.location, progress)


def _copy(
    source: Reader, writer: Writer, place: str, progress: Callable[[int, int], None] | None
) -> CopyDone:
    events = source.head().position
    nodes = Nodes(source.connection)
    root = nodes.root(events) if nodes.there else None
    if writer.head.position:
        raise LedgerExists(place)
    rows = source.rows(until=events)
    while batch := list(islice(rows, BATCH)):
        writer.append_rows(batch)
        if progress is not None:
            progress(writer.head.position, events)
    copied = Nodes(writer.connection).root(writer.head.position)
    if root is not None and copied != root:
        msg = "the bytes of the source do not make the root of its tree: nothing was copied"
        raise IntegrityBroken(msg, kind="modified", hint="see where: tally verify")
    for note in seals.stored_seals(source.connection):
        seals.keep(writer.connection, note.note)
    kept = sum(1 for _ in seals.stored_seals(writer.connection))
    requests = source.connection.execute(
        "SELECT scope, key, digest, first_position, last_position FROM requests "
        "ORDER BY first_position, scope, key"
    )
    writer.connection.executemany(
        "INSERT INTO requests VALUES (?, ?, ?, ?, ?)",
        ((scope, _kept(key), *rest) for scope, key, *rest in requests),
    )
    for key, value in settings.all_of(source.connection):
        writer.set_meta(key, value)
    return CopyDone(events, copied, kept)


def _kept(key: str) -> str:
    """Keep a key as every store keeps it; an earlier version's file has each as it is."""
    return key if key.startswith(DIGEST) else kept_as(key)
