"""What would be: what-if, why-not, forecast, and the history decided again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from projections.answers.events import Planned
from projections.answers.results import LookedAt
from projections.answers.state import State
from projections.answers.terms import (
    Answer,
    Cell,
    Command,
    Count,
    Currency,
    Id,
    Instant,
    Money,
    Part,
    PointShown,
    Position,
    RuleName,
    one_of,
)
from projections.answers.why import Flip


class Violation(Part, frozen=True, kw_only=True):
    """What the changed history breaks: it is impossible."""

    account: Id
    position: Count
    rule: str
    message: str


class Verdict(Part, frozen=True, kw_only=True):
    """A command whose outcome differs, or that was inserted."""

    position: Count | None
    inserted: bool
    before: Annotated[str, one_of("accepted", "refused")] | None
    command: Command
    code: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    rule: str | UnsetType = UNSET
    needed: Money | UnsetType | None = UNSET
    available: Money | UnsetType | None = UNSET
    hint: str | UnsetType = UNSET
    facts: LookedAt | UnsetType = UNSET


class FieldMoved(Part, frozen=True, kw_only=True):
    """A field that differs; null where its owner is not there."""

    account: Id
    field: Id
    a: Cell
    b: Cell
    delta: Money | UnsetType = UNSET


class BeforeAfter(Part, frozen=True, kw_only=True):
    """An account before and after."""

    account: Id
    before: State | None
    after: State | None


class WhatIfShown(Answer, frozen=True, kw_only=True, tag="tally.whatif/1"):
    """A history with changes, decided again or only folded; nothing is written.

    Attributes:
        before, after: of the one account; ``states`` where there are several.

    """

    mode: Annotated[str, one_of("decide", "facts")]
    point: PointShown
    accounts: Sequence[Id]
    possible: bool | UnsetType = UNSET
    violations: Sequence[Violation] | UnsetType = UNSET
    dropped: Sequence[Position]
    dropped_events: Sequence[Planned]
    derived: Sequence[Planned]
    refused: Sequence[Verdict]
    accepted: Sequence[Verdict] | UnsetType = UNSET
    duplicates: Sequence[Verdict] | UnsetType = UNSET
    before: State | None
    after: State | None
    states: Sequence[BeforeAfter] | UnsetType = UNSET
    diff: Sequence[FieldMoved]


class Refusal(Part, frozen=True, kw_only=True):
    """Why a command does not stand: the rule, what was needed and what was there."""

    code: str
    message: str
    rule: str | UnsetType = UNSET
    needed: Money | UnsetType | None = UNSET
    available: Money | UnsetType | None = UNSET
    hint: str | UnsetType = UNSET
    facts: LookedAt | UnsetType = UNSET


class Cure(Part, frozen=True, kw_only=True):
    """A command that, given now, would have the other accepted."""

    kind: Annotated[str, one_of("top-up", "coupon")]
    amount: Money
    currency: Currency
    command: Command


class WhyNot(Answer, frozen=True, kw_only=True, tag="tally.why_not/1"):
    """Which rule refuses a command, and what would have it accepted.

    Attributes:
        position: of a refusal of the past; null for a command of now.
        events: what an accepted command would record.
        cures: commands that would help now; ``flips``: changes of the past that would have.

    """

    account: Id
    at: Instant
    command: Command
    position: Count | None
    accepted: bool
    duplicate: bool
    refused: Refusal | None
    currency: Currency
    events: Sequence[Planned]
    cures: Sequence[Cure] | UnsetType = UNSET
    flips: Sequence[Flip] | UnsetType = UNSET


class ForecastShown(Answer, frozen=True, kw_only=True, tag="tally.forecast/1"):
    """What is to come if nobody does anything, and the accounts as they are then."""

    account: Id | None
    from_: Instant = msgspec.field(name="from")
    to: Instant
    position: Count
    events: Sequence[Planned]
    states: Sequence[State]


class Counted(Part, frozen=True, kw_only=True):
    """How many differences a rule makes of an account, by the release that decided them.

    Attributes:
        first: the first position; null where nothing was recorded.

    """

    rule: RuleName
    account: str | None
    release: str | None
    count: Position
    first: int | None


class FieldDecided(Part, frozen=True, kw_only=True):
    """A field of the event, as recorded and as decided again."""

    field: str
    recorded: Any
    decided: Any


class DecidedOtherwise(Part, frozen=True, kw_only=True):
    """One difference between the record and the rules.

    Attributes:
        rule: that made the event, or that would have.
        release: that decided it, as the first seal or close after it says; null: none yet, or
            none says.

    """

    kind: Annotated[str, one_of("missing", "extra", "different", "order")]
    account: str | None
    position: Count | None
    type: str
    effective_at: Instant
    rule: RuleName
    release: str | None
    fields: Sequence[FieldDecided]
    recorded: Planned | None
    decided: Planned | None


class Rechecked(Answer, frozen=True, kw_only=True, tag="tally.recheck/1"):
    """The whole history decided again, and every difference with what was recorded.

    Attributes:
        by: the differences counted by rule, account and release.

    """

    ok: bool
    account: str | None
    policy: Mapping[str, str]
    position: Count
    checked: Count
    by: Sequence[Counted]
    differences: Sequence[DecidedOtherwise]


class DayAhead(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What automatic renewals take on a day."""

    date: str
    currency: Currency
    renewal_cash: Money


class Ahead(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to come for one account: instances by what becomes of them, renewals, debt."""

    account: Id
    currency: Currency
    expire: Sequence[str]
    stop: Sequence[str]
    release: Sequence[str]
    overdue_since: Instant | None
    outstanding: Money
    renewals: Count
    renewals_failed: Count
    renewal_cash: Money
    events: Count


class OutlookShown(
    Answer, frozen=True, kw_only=True, tag="tally.outlook/1", forbid_unknown_fields=True
):
    """What is to come for every account if nobody does anything."""

    from_: Instant = msgspec.field(name="from")
    to: Instant
    position: Count
    days: Sequence[DayAhead]
    rows: Sequence[Ahead]
