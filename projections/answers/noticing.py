"""Notices to customers and the attempts to deliver them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from msgspec import Meta

from ledger.events import NoticeFailed, NoticeSent
from projections.answers.terms import (
    SCHEMAS,
    Answer,
    Count,
    Id,
    Instant,
    PointShown,
    Position,
    one_of,
)
from projections.notices.kinds import KINDS

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from projections.notices.kinds import Notice

Kind: TypeAlias = Annotated[str, one_of(*KINDS)]
Identity: TypeAlias = Annotated[str, Meta(pattern="^[^:]+:[0-9]+:[a-z0-9_]+$")]
Facts: TypeAlias = Annotated[
    Mapping[str, Any],
    Meta(extra_json_schema={
        "required": ["currency"],
        "properties": {
            "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "instance": {"type": "string", "minLength": 1}, "days": {"enum": [1, 3, 7]},
            "expires_at": SCHEMAS[Instant], "releases_at": SCHEMAS[Instant],
        },
    }),
]  # fmt: skip


class NoticeShown(Answer, frozen=True, kw_only=True, tag="tally.notice/1"):
    """What is delivered: one thing that one account is told.

    Attributes:
        id: LEDGER:POSITION:KIND, the same in every attempt: a receiver drops repeats by it.
        facts: the event's own fields; told ahead: the instance, the end and the days left.

    """

    id: Identity
    kind: Kind
    account: Id
    at: Instant
    facts: Facts

    @classmethod
    def of(cls, notice: Notice, offset: int) -> NoticeShown:
        """Write a notice: the same for every attempt."""
        return cls(
            id=notice.id, kind=notice.kind, account=notice.account,
            at=Instant.at(notice.at, offset), facts=notice.facts,
        )  # fmt: skip


class Attempt(Answer, frozen=True, kw_only=True, tag="tally.attempt/1"):
    """One attempt to deliver a notice, as the log keeps it.

    Attributes:
        notice: LEDGER:POSITION:KIND, the same in every attempt: a receiver drops repeats by it.
        at: the instant that the notice tells of.
        tried_at: when, by the ledger's clock.
        channel: where to, without passwords and query values.

    """

    position: Position
    account: Id
    kind: Kind
    notice: Identity
    at: Instant
    tried_at: Instant
    channel: Id
    attempt: Position
    taken: bool
    answer: str

    @classmethod
    def of(cls, recorded: RecordedEvent, offset: int) -> Attempt:
        """Write an event of the stream of attempts."""
        event = recorded.event
        assert isinstance(event, NoticeSent | NoticeFailed)  # noqa: S101 - the stream has no other
        return cls(
            position=recorded.position, account=event.account, kind=event.kind,
            notice=event.notice, at=Instant.at(event.at, offset),
            tried_at=Instant.at(recorded.recorded_at, offset), channel=event.channel,
            attempt=event.attempt, taken=isinstance(event, NoticeSent), answer=event.answer,
        )  # fmt: skip


class Notices(Answer, frozen=True, kw_only=True, tag="tally.notices/1"):
    """Every attempt up to a point."""

    point: PointShown
    rows: Sequence[Attempt]


class Notified(Answer, frozen=True, kw_only=True, tag="tally.notify/1"):
    """What one call delivered.

    Attributes:
        waiting: what was not taken, and what waits for it.

    """

    channel: Id
    sent: Count
    failed: Count
    waiting: Count
    attempts: Sequence[Attempt]
