"""What holds for the whole ledger, read from its log: at the head, or as it was at a place.

Invariant: the ledger's own streams do not look at each other, so each is folded by itself, in the
order of its versions. Of the stream ``ledger`` closes alone are read: refusals of commands to no
account stand there too, and may be thousands. This module must not know who asks.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from ledger import codec
from ledger.config import fold_config
from ledger.events import (
    ACCOUNT_PREFIX,
    LEDGER_STREAM,
    POLICY_STREAM,
    PRICES_STREAM,
    PeriodClosed,
    PeriodReopened,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.config import LedgerConfig
    from ledger.events import RecordedEvent
    from ledger.store import Reader

_OF_CLOSES = (codec.tag(PeriodClosed), codec.tag(PeriodReopened))


def load_config(
    reader: Reader, *, until_position: int | None = None, at: int | None = None
) -> LedgerConfig:
    """Fold policy, prices, identity and closes, bounded on either axis (inclusive)."""
    bodies = (
        reader.stream_bodies(stream, until_position=until_position, at=at)
        for stream in (POLICY_STREAM, PRICES_STREAM)
    )
    own = codec.decode_all(chain.from_iterable(bodies))
    config = fold_config(chain(own, events_of_closes(reader, until=until_position, at=at)))
    config.versions[LEDGER_STREAM] = reader.stream_version(LEDGER_STREAM, until=until_position)
    return config


def events_of_closes(
    reader: Reader, *, until: int | None = None, at: int | None = None
) -> Iterator[RecordedEvent]:
    """Yield what closed and reopened months, up to a position and an instant, in order."""
    return codec.decode_all(
        reader.stream_bodies(LEDGER_STREAM, until_position=until, at=at, types=_OF_CLOSES)
    )


def facts_for(
    reader: Reader, *, after: int, until: int, ends: int,
    starts: int | None = None, account: str | None = None,
) -> list[RecordedEvent]:  # fmt: skip
    """List the facts recorded in (after, until] and effective in [starts, ends), by position.

    A fact is the first event of a command's batch in an account's stream; what follows from it is
    effective when it is recorded (R11). Those after a close, for before its end, restate it.
    """
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
