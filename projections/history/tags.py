"""The tags of a ledger, read from its log; which of them seal a period."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import codec
from ledger.events import TAGS_STREAM, TagAdded
from projections.answers.closing import TagShown
from projections.answers.terms import Instant, PointShown
from projections.point import Asked

if TYPE_CHECKING:
    from ledger.store import Reader


class Tag(NamedTuple):
    """A named point.

    Attributes:
        position: the first events, up to it, were known.
        added: position of the event that added it.

    """

    name: str
    at: int
    known_at: int
    position: int
    sealed: bool
    added: int
    recorded_at: int
    actor: str | None

    @property
    def asked(self) -> Asked:
        """The point to ask for."""
        return Asked(at=self.at, known_at=self.known_at, position=self.position)


def read_tags(reader: Reader, *, until: int | None = None) -> dict[str, Tag]:
    """Return the tags by name, in the order in which they were added."""
    found: dict[str, Tag] = {}
    for recorded in codec.decode_all(reader.stream_bodies(TAGS_STREAM, until_position=until)):
        event = recorded.event
        if isinstance(event, TagAdded):
            found[event.name] = Tag(
                event.name, event.at, event.known_at, event.known_position, event.sealed,
                recorded.position, recorded.recorded_at, recorded.actor,
            )  # fmt: skip
    return found


def tag_shown(tag: Tag, offset: int) -> TagShown:
    """Return one tag: ``tally.tag/1``."""
    return TagShown(
        name=tag.name,
        point=PointShown(
            at=Instant.at(tag.at, offset), known_at=Instant.at(tag.known_at, offset),
            position=tag.position,
        ),
        sealed=tag.sealed, added=tag.added, recorded_at=Instant.at(tag.recorded_at, offset),
        actor=tag.actor,
    )  # fmt: skip
