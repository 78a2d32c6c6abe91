"""Adding a tag. Invariant: a name is given once and never moved; tagging changes no account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ledger.decisions import Act
from ledger.errors import AlreadyExists, InvalidInput
from ledger.events import TAGS_STREAM, TagAdded
from ledger.tags import recorded_tags

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
        for recorded in recorded_tags(writer.reader):
            event = recorded.event
            if isinstance(event, TagAdded) and event.name == tag.name:
                msg = f"tag {tag.name!r} already exists (@{recorded.position}); a tag never moves"
                raise AlreadyExists(msg, rule="R55")
        return act.record([tag], now=now)[0]
