"""How a ledger file stands to its write-ahead log, as answers show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.store.journal import standing
from projections.answers.keeping import JournalShown

if TYPE_CHECKING:
    from ledger.store import Reader


def journal_json(reader: Reader) -> JournalShown | None:
    """Return state, size and what they mean; None for a ledger on a server."""
    found = standing(reader)
    return None if found is None else JournalShown(**found._asdict())
