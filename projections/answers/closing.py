"""Periods, closes, restatements and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import UNSET, UnsetType

from projections.answers.terms import (
    Answer,
    Cell,
    Count,
    Currency,
    Id,
    Instant,
    Money,
    Month,
    Part,
    PeriodName,
    PointShown,
    Position,
    Sha256,
    one_of,
)


class MonthClosed(Part, frozen=True, kw_only=True):
    """One month of the period, as it was closed.

    Attributes:
        trial_balance: SHA-256 in hex.
        instance_states: SHA-256 in hex.
        balances: SHA-256 in hex.

    """

    period: Month
    position: Position
    known_position: Count
    restatements: Sequence[Position]
    accounts: Count
    instances: Count
    trial_balance: Sha256
    instance_states: Sha256
    balances: Sha256


class Check(Part, frozen=True, kw_only=True):
    """A line of the checklist."""

    name: Id
    ok: bool
    figure: str


class CheckpointKept(Part, frozen=True, kw_only=True):
    """The signed checkpoint that the ledger keeps."""

    number: Position
    origin: Id
    size: Position
    root: Id
    checkpoint: Id


class Closed(Answer, MonthClosed, frozen=True, kw_only=True, tag="tally.close/1"):
    """A closed period and the digests it commits: of its last month, and of every month.

    Attributes:
        restatements: facts since the close before, by position.
        open_points: the lines of the checklist that were not met.
        checkpoint: with --seal: the signed checkpoint, kept in the ledger.
        pack: with --pack: the file.

    """

    period: PeriodName
    months: Sequence[MonthClosed]
    actor: Id | None
    open_points: Sequence[Id]
    checks: Sequence[Check]
    checkpoint: CheckpointKept | UnsetType = UNSET
    pack: str | UnsetType = UNSET


class Checklist(Answer, frozen=True, kw_only=True, tag="tally.checklist/1"):
    """What a close depends on, each line a named check with its figure (R65)."""

    period: PeriodName
    ok: bool
    checks: Sequence[Check]


class MonthReopened(Part, frozen=True, kw_only=True):
    """A month, its close, and the event that reopened it."""

    period: Month
    close: Position
    position: Position


class Reopened(Answer, frozen=True, kw_only=True, tag="tally.reopen/1"):
    """A period that is closed no longer; the latest month comes first."""

    period: PeriodName
    position: Position
    months: Sequence[MonthReopened]


class MonthShown(Part, frozen=True, kw_only=True):
    """A month and how it stands."""

    period: Month
    state: Annotated[str, one_of("open", "closed", "reopened")]
    closed_at: Instant | None
    actor: Id | None
    restatements: Count


class Periods(Answer, frozen=True, kw_only=True, tag="tally.periods/1"):
    """Every month from the ledger's first to the present."""

    point: PointShown
    rows: Sequence[MonthShown]


class CloseShown(Part, frozen=True, kw_only=True):
    """A close of the period, and whether it was reopened.

    Attributes:
        restatements: facts since the close before that this one names.

    """

    position: Position
    period: Month | UnsetType = UNSET
    closed_at: Instant
    actor: Id | None
    reopened_at: Instant | None
    restatements: Sequence[Position] | UnsetType = UNSET


class Moved(Part, frozen=True, kw_only=True):
    """A figure of the account, as closed and now."""

    field: Id
    as_closed: Cell
    now: Cell
    delta: Money | None


class Fact(Part, frozen=True, kw_only=True):
    """A fact that came after the close.

    Attributes:
        changes: each figure at the end of the period; none where the fact moved none.

    """

    position: Position
    type: Id
    account: Id
    currency: Currency
    effective_at: Instant
    recorded_at: Instant
    actor: Id | None
    reason: Id | None
    changes: Sequence[Moved]


class Restatements(Answer, frozen=True, kw_only=True, tag="tally.restatements/1"):
    """Every fact recorded about a period since its close, and what it changed (R64).

    Attributes:
        earlier: facts about months before it that moved its figures too.
        by: by currency: the difference between the close and now.

    """

    point: PointShown
    period: PeriodName
    closes: Sequence[CloseShown]
    facts: Sequence[Fact]
    earlier: Sequence[Fact]
    by: Mapping[Currency, Mapping[str, Money]]


class TagShown(Answer, frozen=True, kw_only=True, tag="tally.tag/1"):
    """A named point in time."""

    name: Id
    point: PointShown
    sealed: bool
    added: Count
    recorded_at: Instant
    actor: str | None


class Tags(Answer, frozen=True, kw_only=True, tag="tally.tags/1"):
    """The tags, in the order in which they were added."""

    rows: Sequence[TagShown]
