"""The facts that restate a closed period: recorded after its close, effective before its end.

Invariant: a fact is the first event of a command's batch in an account's stream; what follows
from it is effective when it is recorded (R11), so it lies after the period.
This module must not know what a fact changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import codec
from ledger.events import ACCOUNT_PREFIX

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from ledger.store import Reader


def facts_for(
    reader: Reader, *, after: int, until: int, ends: int,
    starts: int | None = None, account: str | None = None,
) -> list[RecordedEvent]:  # fmt: skip
    """List the facts recorded in (after, until] and effective in [starts, ends), by position."""
    if after >= until:
        return []
    bodies = reader.recorded_late(
        after=after, until=until, before=ends,
        stream=None if account is None else ACCOUNT_PREFIX + account,
    )  # fmt: skip
    return [
        recorded
        for recorded in codec.decode_all(bodies)
        if recorded.cause is None
        and recorded.stream.startswith(ACCOUNT_PREFIX)
        and (starts is None or recorded.effective_at >= starts)
    ]
