"""Notices to customers and the attempts to deliver them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from projections.answers.terms import (
    Answer,
    Count,
    Currency,
    Id,
    Instant,
    Part,
    PointShown,
    Position,
    one_of,
)
from projections.notices.kinds import KINDS

Kind: TypeAlias = Annotated[str, one_of(*KINDS)]


class Told(Part, frozen=True, kw_only=True):
    """The event's own fields; told ahead: the instance, the end and the days left."""

    currency: Currency
    instance: Id | UnsetType = UNSET
    days: Literal[1, 3, 7] | UnsetType = UNSET
    expires_at: Instant | UnsetType = UNSET
    releases_at: Instant | UnsetType = UNSET


class NoticeShown(Answer, frozen=True, kw_only=True, tag="tally.notice/1"):
    """What is delivered: one thing that one account is told.

    Attributes:
        id: LEDGER:POSITION:KIND, the same in every attempt: a receiver drops repeats by it.
        facts: the event's own fields; told ahead: the instance, the end and the days left.

    """

    id: Annotated[str, Meta(pattern="^[^:]+:[0-9]+:[a-z0-9_]+$")]
    kind: Kind
    account: Id
    at: Instant
    facts: Told


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
    notice: Annotated[str, Meta(pattern="^[^:]+:[0-9]+:[a-z0-9_]+$")]
    at: Instant
    tried_at: Instant
    channel: Id
    attempt: Position
    taken: bool
    answer: str


class Notices(Answer, frozen=True, kw_only=True, tag="tally.notices/1"):
    """Every attempt up to a point."""

    point: PointShown
    rows: Sequence[Attempt]


class Notified(Answer, frozen=True, kw_only=True, tag="tally.notify/1"):
    """What one call delivered.

    Attributes:
        waiting: what was not taken, and what waits behind it.

    """

    channel: Id
    sent: Count
    failed: Count
    waiting: Count
    attempts: Sequence[Attempt]
