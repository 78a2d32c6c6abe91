"""Adding a tag: a name for a point in time, remembered in the log itself.

A tag says what was true when (``at``) as the ledger's first ``known_position`` events knew it. A
sealed tag closes a period: what is recorded later but effective up to its ``at`` is a restatement.
Invariant: a name is given once and never moved; tagging changes no account.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ledger import codec
from ledger.decisions import Act
from ledger.errors import AlreadyExists, InvalidInput
from ledger.events import TAGS_STREAM, TagAdded

if TYPE_CHECKING:
    from ledger.application import Ledger
    from ledger.events import RecordedEvent

ADD = "tag add"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_./-]{0,98}[A-Za-z0-9])?")


def add_tag(
    ledger: Ledger, tag: TagAdded, *, actor: str | None = None, reason: str | None = None
) -> RecordedEvent:
    """Record a tag at the ledger's clock. Raises: InvalidInput, AlreadyExists."""
    if not _NAME.fullmatch(tag.name):
        msg = f"{tag.name!r} is not a name for a tag"
        raise InvalidInput(msg, hint="letters, digits, - _ . and / as in: close-2025-03")
    act = Act(
        ledger, ADD, actor=actor, reason=reason, asked={"name": tag.name}, stream=TAGS_STREAM
    )
    with act.deciding() as (writer, now):
        for recorded in codec.decode_all(writer.reader.stream_bodies(TAGS_STREAM)):
            event = recorded.event
            if isinstance(event, TagAdded) and event.name == tag.name:
                msg = f"tag {tag.name!r} already exists (@{recorded.position}); a tag never moves"
                raise AlreadyExists(msg, rule="R55")
        return act.record([tag], now=now)[0]
