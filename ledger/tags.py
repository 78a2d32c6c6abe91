"""Tags: names for points in time, remembered in the log itself.

A tag says what was true when (``at``) as the ledger's first ``known_position`` events knew it. A
sealed tag closes a period: what is recorded later but effective up to its ``at`` is a restatement.
Invariant: a name is given once and never moved; tagging changes no account.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ledger import codec
from ledger.errors import AlreadyExists, InvalidInput
from ledger.events import TAGS_STREAM, RecordedEvent, TagAdded
from ledger.store.rows import Row

if TYPE_CHECKING:
    from ledger.store import Reader, Store

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_./-]{0,98}[A-Za-z0-9])?")


def recorded_tags(reader: Reader) -> list[RecordedEvent]:
    """Return the tags in the order in which they were added."""
    return list(codec.decode_all(reader.stream_bodies(TAGS_STREAM)))


def add_tag(
    store: Store, tag: TagAdded, *,
    now: int, actor: str | None = None, reason: str | None = None,
) -> RecordedEvent:  # fmt: skip
    """Record a tag at the ledger's clock ``now``. Raises: InvalidInput, AlreadyExists."""
    if not _NAME.fullmatch(tag.name):
        msg = f"{tag.name!r} is not a name for a tag"
        raise InvalidInput(msg, hint="letters, digits, - _ . and / as in: close-2025-03")
    with store.writing() as writer:
        there = recorded_tags(writer.reader)
        for recorded in there:
            event = recorded.event
            if isinstance(event, TagAdded) and event.name == tag.name:
                msg = f"tag {tag.name!r} already exists (@{recorded.position}); a tag never moves"
                raise AlreadyExists(msg, rule="R55")
        at = max(now, writer.head.recorded_at)
        recorded = RecordedEvent(
            position=writer.head.position + 1, stream=TAGS_STREAM, version=len(there) + 1,
            recorded_at=at, effective_at=at, event=tag, actor=actor, reason=reason,
        )  # fmt: skip
        row = Row(
            recorded.position, recorded.stream, recorded.version, codec.tag(TagAdded),
            recorded.recorded_at, recorded.effective_at, codec.encode(recorded),
        )  # fmt: skip
        writer.append([row])
    return recorded
