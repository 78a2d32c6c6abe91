"""Where values come from: blame, last, trace, bisect, the debugger, standing checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from projections.answers.events import Event
from projections.answers.results import LookedAt
from projections.answers.terms import (
    Answer,
    Cell,
    Count,
    Currency,
    Id,
    Instant,
    Part,
    PointShown,
    Position,
    Restated,
    one_of,
)
from projections.answers.why import Explained

Written: TypeAlias = Annotated[
    Cell,
    Meta(description="as tally.state/1 writes it; null where its owner does not exist."),
]


class Blamed(Part, frozen=True, kw_only=True):
    """A field, and the event that last set it."""

    field: Id
    value: Written
    by_clock: bool
    position: Count
    type: Id
    effective_at: Instant
    recorded_at: Instant
    actor: str | None
    reason: str | None
    command: str | None
    cause: int | None


class Blame(Answer, frozen=True, kw_only=True, tag="tally.blame/1"):
    """Each field and the event that last set it."""

    point: PointShown
    account: Id
    currency: Currency
    rows: Sequence[Blamed]
    restated: Restated | UnsetType = UNSET


class Stepped(Part, frozen=True, kw_only=True):
    """A field that a stop found changed."""

    field: Id
    from_: Written = msgspec.field(name="from")
    to: Written


class Changed(Stepped, frozen=True, kw_only=True):
    """A change of the field, and the event that made it."""

    position: Count
    type: Id
    effective_at: Instant
    recorded_at: Instant
    actor: str | None
    reason: str | None
    command: str | None
    cause: int | None


class Last(Answer, frozen=True, kw_only=True, tag="tally.last/1"):
    """The last changes of one field, the latest first."""

    point: PointShown
    account: Id
    currency: Currency
    field: Id
    changes: Sequence[Changed]
    restated: Restated | UnsetType = UNSET


class Traced(Part, frozen=True, kw_only=True):
    """What the expression is from an instant on."""

    at: Instant
    value: Written
    position: Count | UnsetType = UNSET
    type: Id | UnsetType = UNSET
    recorded_at: Instant | UnsetType = UNSET


class Trace(Answer, frozen=True, kw_only=True, tag="tally.trace/1"):
    """An expression's value over all history."""

    point: PointShown
    account: Id
    currency: Currency
    expression: Id
    kind: Annotated[str, one_of("money", "instant", "flag", "text", "count", "null")]
    every: Annotated[str, one_of("change", "day", "month")]
    axis: Annotated[str, one_of("effective", "known")]
    rows: Sequence[Traced]
    restated: Restated | UnsetType = UNSET


class FlipFound(Part, frozen=True, kw_only=True):
    """An event at which the expression flips."""

    position: Count
    from_: bool = msgspec.field(name="from")
    to: bool
    type: Id
    effective_at: Instant
    recorded_at: Instant | UnsetType = UNSET
    actor: str | UnsetType | None = UNSET
    reason: str | UnsetType | None = UNSET
    command: str | UnsetType | None = UNSET


class Bisect(Answer, frozen=True, kw_only=True, tag="tally.bisect/1"):
    """All events at which an expression flips.

    Attributes:
        first: what held when the account began.

    """

    point: PointShown
    account: Id
    expression: Id
    axis: Annotated[str, one_of("effective", "known")]
    first: bool | None
    flips: Sequence[FlipFound]
    examined: Count
    restated: Restated | UnsetType = UNSET


class Displayed(Part, frozen=True, kw_only=True):
    """An expression that every stop shows."""

    expression: Id
    value: Written


class Word(Part, frozen=True, kw_only=True):
    """What one word of the session showed; the fields depend on ``show``."""

    word: Id
    show: Annotated[
        str,
        one_of(
            "stop", "diff", "value", "fields", "why", "list", "marks", "help", "end", "error"
        ),
    ]  # fmt: skip
    position: Count | UnsetType = UNSET
    head: Count | UnsetType = UNSET
    percent: Count | UnsetType = UNSET
    event: Count | UnsetType = UNSET
    events: Count | UnsetType = UNSET
    effective_at: Instant | UnsetType | None = UNSET
    known_at: Instant | UnsetType | None = UNSET
    because: Sequence[Id] | UnsetType = UNSET
    type: str | UnsetType | None = UNSET
    happened: Event | UnsetType | None = UNSET
    against: Count | UnsetType = UNSET
    changes: Sequence[Stepped] | UnsetType = UNSET
    displays: Sequence[Displayed] | UnsetType = UNSET
    expression: Id | UnsetType = UNSET
    value: Written | UnsetType = UNSET
    fields: Mapping[str, Cell] | UnsetType = UNSET
    field: Id | UnsetType | None = UNSET
    causes: Sequence[Event] | UnsetType = UNSET
    explained: Explained | UnsetType = UNSET
    what: Id | UnsetType = UNSET
    items: Sequence[Id] | UnsetType = UNSET
    marks: Mapping[str, Count] | UnsetType = UNSET
    words: Sequence[Sequence[str]] | UnsetType = UNSET
    schema: Literal["tally.error/1"] | UnsetType = UNSET
    code: str | UnsetType = UNSET
    exit: int | UnsetType = UNSET
    message: str | UnsetType = UNSET
    hint: str | UnsetType | None = UNSET
    facts: LookedAt | UnsetType = UNSET


class Debugged(Answer, frozen=True, kw_only=True, tag="tally.debug/1"):
    """A session of the debugger: what each word showed."""

    account: Id
    currency: Currency
    answers: Sequence[Word]


class Judged(Part, frozen=True, kw_only=True):
    """A standing check, and how it holds.

    Attributes:
        checked: how often it was judged; of a query, how often it was asked.
        failing: accounts in which it fails; of a query, rows.
        first_bad: the first position at which it fails.
        says: the expression, the query, or the identities.

    """

    name: Id
    when: Annotated[str, one_of("always", "closes", "now")]
    ok: bool
    checked: Count
    failing: Count
    first_bad: Position | None
    recorded_at: Instant | None
    account: str | None
    says: Id


class Checks(Answer, frozen=True, kw_only=True, tag="tally.check/1"):
    """How standing checks hold."""

    point: PointShown
    ok: bool
    checks: Annotated[Sequence[Judged], Meta(min_length=1)]


class Adopted(Answer, frozen=True, kw_only=True, tag="tally.adopted/1"):
    """A file of standing checks was recorded: a close can require it by its name."""

    name: str
    position: Position
