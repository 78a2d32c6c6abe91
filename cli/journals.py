"""How a ledger file stands to its write-ahead log, as answers show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ledger.store.journal import standing

if TYPE_CHECKING:
    from ledger.store import Reader


def journal_json(reader: Reader) -> dict[str, Any] | None:
    """Return state, size and what they mean; None for a ledger on a server."""
    found = standing(reader)
    return None if found is None else found._asdict()
