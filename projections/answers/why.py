"""Why a field is what it is: ``tally.why/1``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from projections.answers.events import FromLot, SpentOn
from projections.answers.terms import (
    Answer,
    Cell,
    Command,
    Currency,
    Id,
    Instant,
    Money,
    Part,
    PointShown,
    Position,
    Restated,
)


class CashPart(Part, frozen=True, kw_only=True):
    """An event and what it had added to the cash."""

    position: Position
    type: Id
    delta: Money


class CashThere(Part, frozen=True, kw_only=True):
    """The cash that a decision found, and what it consisted of."""

    value: Money
    parts: Sequence[CashPart]


class Cause(Part, frozen=True, kw_only=True):
    """An event, and what it rests on.

    Attributes:
        fact: whether it came from outside, so that nothing led to it.
        delta: its part in the field; null where the field is not a sum.
        needed, available: where money decided.
        again: it stands elsewhere in the tree, with its causes.
        lots: which receipts its cash came from, where it spent any (R66).
        had_paid: of a chargeback: what its own top-up had paid before it.

    """

    position: Position
    type: Id
    rule: str
    effective_at: Instant
    command: str | None
    fact: bool
    delta: Money | None
    causes: Sequence[Cause]
    needed: Money | UnsetType = UNSET
    available: Money | UnsetType = UNSET
    cash: CashThere | UnsetType = UNSET
    again: Literal[True] | UnsetType = UNSET
    lots: Sequence[FromLot] | UnsetType = UNSET
    had_paid: Sequence[SpentOn] | UnsetType = UNSET


class Flip(Part, frozen=True, kw_only=True):
    """A change that would have made the decision another.

    Attributes:
        insert: the command that would have to be there; ``skip``: the event that would not.
        try_: how to see it: a command line.

    """

    kind: Literal["top-up", "coupon", "setting", "renewal", "skip"]
    by: Instant
    amount: Money | None
    currency: Currency
    insert: Command | UnsetType = UNSET
    skip: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    try_: str = field(name="try")


class Explained(Part, frozen=True, kw_only=True):
    """Why a field, or an event, is what it is: tally.why/1 beside what says where."""

    schema: Literal["tally.why/1"] | UnsetType = UNSET
    field: Id | UnsetType = UNSET
    value: Cell | UnsetType = UNSET
    causes: Sequence[Cause]
    sum: Money | None
    adds_up: bool | UnsetType | None = UNSET


class Why(Answer, frozen=True, kw_only=True, tag="tally.why/1"):
    """Why a field is what it is: its causes, down to facts, checked to add up.

    Attributes:
        sum: what the causes of a sum add up to; null for any other field.
        flips: the least changes that would alter it, where they were asked for.
        restated: inside a closed period, the facts that moved this field since.

    """

    point: PointShown
    account: Id
    currency: Currency
    field: Id
    value: Cell
    causes: Sequence[Cause]
    sum: Money | None
    adds_up: bool | None
    flips: Sequence[Flip] | UnsetType = UNSET
    restated: Restated | UnsetType = UNSET
