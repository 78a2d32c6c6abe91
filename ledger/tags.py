"""Tags: names for points in time, remembered in the log itself (added in ledger/tagging.py).

A tag says what was true when (``at``) as the ledger's first ``known_position`` events knew it. A
sealed tag closes a period: what is recorded later but effective up to its ``at`` is a restatement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import codec
from ledger.events import TAGS_STREAM

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from ledger.store import Reader


def recorded_tags(reader: Reader) -> list[RecordedEvent]:
    """Return the tags in the order in which they were added."""
    return list(codec.decode_all(reader.stream_bodies(TAGS_STREAM)))
