"""Attempts to tell a customer something, remembered in the log in a stream of their own (R67).

Invariant: an attempt changes no account, and is recorded after the channel answered: what was
sent may be sent once more after a crash, and is never lost. What was tried is handed in: this
module must not know how a notice is made or sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import codec
from ledger.events import NOTICES_STREAM, RecordedEvent
from ledger.store.rows import Row

if TYPE_CHECKING:
    from ledger.events import NoticeFailed, NoticeSent
    from ledger.store import Writer


def record_attempt(
    writer: Writer, event: NoticeSent | NoticeFailed, *, version: int, now: int
) -> RecordedEvent:
    """Record one attempt as version ``version`` of the stream, at the ledger's clock."""
    at = max(now, writer.head.recorded_at)
    recorded = RecordedEvent(
        position=writer.head.position + 1, stream=NOTICES_STREAM, version=version,
        recorded_at=at, effective_at=at, event=event,
    )  # fmt: skip
    row = Row(
        recorded.position, recorded.stream, recorded.version, codec.tag(type(event)),
        recorded.recorded_at, recorded.effective_at, codec.encode(recorded),
    )  # fmt: skip
    writer.append([row])
    return recorded
