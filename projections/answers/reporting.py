"""Reports of one customer or of all: statement, overdue, coupons, lots, timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from projections.answers.books import Commodity
from projections.answers.events import SpentOn
from projections.answers.state import InstanceState
from projections.answers.terms import (
    Amount,
    Answer,
    Count,
    Currency,
    Id,
    Instant,
    Money,
    Part,
    PointShown,
    Position,
    Restated,
)

Ages: TypeAlias = Annotated[
    Mapping[str, Money],
    Meta(
        description="By age in days since an item was posted.",
        extra_json_schema={"required": ["0-1", "2-7", "8-30", "31-60", "61-90", "90+"]},
    ),
]


class LotShown(Part, frozen=True, kw_only=True):
    """The cash of one receipt: a top-up, a refund, a credit note's cash part (R66).

    Attributes:
        item: what a refund or a credit note came from.

    """

    position: Position
    type: Literal["TopUpReceived", "RefundIssued", "CreditNoteIssued"]
    channel: Id | None
    serial: Id | None
    item: Id | None
    received_at: Instant
    amount: Money
    remaining: Money
    spent: Sequence[SpentOn]


class CouponRow(Part, frozen=True, kw_only=True):
    """A coupon: what was used, forfeited, left."""

    account: Id
    coupon: Id
    currency: Currency
    amount: Money
    used: Money
    forfeited: Money
    remaining: Money
    status: Literal["pending", "active", "ended"]
    starts: Instant
    ends: Instant


class CouponTotal(Part, frozen=True, kw_only=True):
    """What the coupon accounts of the books say."""

    account: Id
    currency: Currency
    commodity: Commodity
    balance: Amount


class CouponsReport(Answer, frozen=True, kw_only=True, tag="tally.coupons/1"):
    """Every coupon, and the coupon accounts of the books.

    Attributes:
        starts: the beginning of the span; null from the first event on.
        account: the one customer that was asked for; null for all.

    """

    point: PointShown
    starts: Instant | None = field(name="from")
    account: Id | None
    rows: Sequence[CouponRow]
    totals: Sequence[CouponTotal]
    ties: bool
    restated: Restated | UnsetType = UNSET


class OwedItem(Part, frozen=True, kw_only=True):
    """A bill or a chargeback that is not paid."""

    item: Id
    kind: Literal["bill", "reversal"]
    outstanding: Money
    posted_at: Instant
    days: Count


class Owing(Part, frozen=True, kw_only=True):
    """What an account owes, item by item and by age."""

    account: Id
    currency: Currency
    outstanding: Money
    overdue_since: Instant | None
    days: Count
    items: Sequence[OwedItem]
    ages: Ages


class OwingTotal(Part, frozen=True, kw_only=True):
    """What all owe in one currency."""

    currency: Currency
    accounts: Position
    outstanding: Money
    ages: Ages


class OverdueReport(Answer, frozen=True, kw_only=True, tag="tally.overdue/1"):
    """Who owes since when, by age in days since an item was posted.

    Attributes:
        starts: the beginning of the span; null from the first event on.
        account: the one customer that was asked for; null for all.

    """

    point: PointShown
    starts: Instant | None = field(name="from")
    account: Id | None
    rows: Sequence[Owing]
    totals: Sequence[OwingTotal]
    restated: Restated | UnsetType = UNSET


class Sides(Part, frozen=True, kw_only=True):
    """The four figures of an account."""

    cash: Money
    outstanding: Money
    available: Money
    coupons: Money


class StatementLine(Part, frozen=True, kw_only=True):
    """One event, what it changed, and the balance behind it."""

    position: Position
    effective_at: Instant
    recorded_at: Instant
    type: Id
    entry: Id
    reference: str
    currency: Currency
    change: Sides
    balance: Sides


class StatementReport(Answer, frozen=True, kw_only=True, tag="tally.statement/1"):
    """One customer's money line by line.

    Attributes:
        starts: the beginning of the span; null from the first event on.

    """

    point: PointShown
    starts: Instant | None = field(name="from")
    account: Id
    currency: Currency
    opening: Sides
    lines: Sequence[StatementLine]
    closing: Sides
    restated: Restated | UnsetType = UNSET


class CouponThen(Part, frozen=True, kw_only=True):
    """A coupon from a step on."""

    remaining: Money
    status: Literal["pending", "active", "ended"]


class Step(Part, frozen=True, kw_only=True):
    """What changed at an instant; what it does not name is as before."""

    at: Instant
    position: Position
    cash: Money | UnsetType = UNSET
    outstanding: Money | UnsetType = UNSET
    available: Money | UnsetType = UNSET
    overdue_since: Instant | UnsetType | None = UNSET
    instances: Mapping[str, InstanceState] | UnsetType = UNSET
    coupons: Mapping[str, CouponThen] | UnsetType = UNSET


class AvailableFrom(Part, frozen=True, kw_only=True):
    """What was available from an instant on."""

    at: Instant
    available: Money


class Renewal(Part, frozen=True, kw_only=True):
    """An automatic renewal."""

    at: Instant
    instance: Id
    failed: bool
    said: str


class LateEvent(Part, frozen=True, kw_only=True):
    """An event that was recorded after it was effective."""

    position: Position
    type: Annotated[str, Meta(pattern="^[A-Z][A-Za-z]+$")]
    effective_at: Instant
    recorded_at: Instant


class TimelineReport(Answer, frozen=True, kw_only=True, tag="tally.timeline/1"):
    """One account from its opening to a point: what changed at each instant, as known then.

    A step holds until the next one; what it does not name is as before.


    Attributes:
        known_then: what was available from each instant on, as it was known at that instant.
        known_now: the same by effective time, as the point knows it.
        late: events that were recorded after they were effective.

    """

    point: PointShown
    starts: UnsetType | None = field(name="from", default=UNSET)
    account: Id
    currency: Currency
    steps: Sequence[Step]
    known_then: Sequence[AvailableFrom]
    known_now: Sequence[AvailableFrom]
    renewals: Sequence[Renewal]
    late: Sequence[LateEvent]
    restated: Restated | UnsetType = UNSET


class LotsShown(Answer, frozen=True, kw_only=True, tag="tally.lots/1"):
    """Which receipt paid what, first in, first out; the rests add up to the cash.

    Attributes:
        uncovered: spent before its receipt, at a mixed point.

    """

    point: PointShown
    account: Id
    currency: Currency
    lots: Sequence[LotShown]
    total: Money
    restated: Restated | UnsetType = UNSET
    uncovered: Sequence[SpentOn] | UnsetType = UNSET


class LotsOfAccount(Part, frozen=True, kw_only=True):
    """The lots of one account.

    Attributes:
        uncovered: spent before its receipt, at a mixed point.

    """

    account: Id
    currency: Currency
    lots: Sequence[LotShown]
    total: Money
    uncovered: Sequence[SpentOn] | UnsetType = UNSET


class LotsTotal(Part, frozen=True, kw_only=True):
    """What the lots of one currency come to."""

    currency: Currency
    total: Money


class LotsReport(Answer, frozen=True, kw_only=True, tag="tally.report_lots/1"):
    """The lots of one account or of all."""

    point: PointShown
    starts: None = field(name="from")
    account: Id | None
    rows: Sequence[LotsOfAccount]
    totals: Sequence[LotsTotal]
    restated: Restated | UnsetType = UNSET
