"""The tables that stored views add to a ledger, compared with what this program lays out.

Invariant: a view made by an earlier version is not an oddity: it is known as outdated by
its checkpoint, and built again before it is used. This module must not know rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger.kept import CREATE_STATES
from ledger.kept.stream_tiles import CREATE_TILES
from ledger.store.layout import Oddity, oddities
from projections import stored
from projections.snapshots import CREATE_SNAPSHOTS

if TYPE_CHECKING:
    from ledger.connection import Connection
    from ledger.store import Reader

DERIVED: Final = (
    stored.CREATE_CHECKPOINTS, stored.CREATE_REBUILDS,
    CREATE_SNAPSHOTS, CREATE_STATES, CREATE_TILES,
    *(
        statement
        for projection in stored.PROJECTIONS
        for prefix in (stored.LIVE, stored.SHADOW)
        for statement in stored.statements_of(prefix + projection.name, projection)
    ),
)  # fmt: skip


def whole_oddities(connection: Connection) -> list[Oddity]:
    """Compare the whole schema of a ledger, stored views included."""
    found = oddities(connection, DERIVED)
    if not found:
        return []
    outdated = set()
    for projection in stored.PROJECTIONS:
        checkpoint = stored.checkpoint_of(connection, projection.name)
        if checkpoint is not None and checkpoint.version != projection.version:
            outdated |= {stored.LIVE + projection.name, stored.SHADOW + projection.name}
    return [one for one in found if one.kind == "inserted" or one.table not in outdated]


def require_layout(reader: Reader) -> None:
    """Refuse a ledger whose schema differs. Raises: LayoutChanged."""
    found = whole_oddities(reader.connection)
    if found:
        raise found[0].error(reader.location)
