"""What differs between two points: ``tally.diff/1``."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from projections.answers.terms import (
    Answer,
    Cell,
    Currency,
    Id,
    Money,
    Part,
    PointShown,
    Position,
    Restated,
)


class BridgeShown(Part, frozen=True, kw_only=True):
    """Four parts that add up to the delta.

    Attributes:
        activity: effective after ``a``; ``late``: effective by then, recorded after ``a``.
        corrections: credit notes, reversals, refunds, cancelled renewals; ``rules``: all else.

    """

    activity: Money
    late: Money
    corrections: Money
    rules: Money


class BridgeEvents(Part, frozen=True, kw_only=True):
    """The events behind each part of a bridge."""

    activity: Sequence[Position] | UnsetType = UNSET
    late: Sequence[Position] | UnsetType = UNSET
    corrections: Sequence[Position] | UnsetType = UNSET
    rules: Sequence[Position] | UnsetType = UNSET


class Difference(Part, frozen=True, kw_only=True):
    """A field that differs; both as ``tally.state/1`` writes it, null where its owner is not there.

    Attributes:
        delta: of an amount; ``bridge`` and ``events``: of a sum.

    """

    account: Id
    currency: Currency
    field: Id
    a: Cell
    b: Cell
    delta: Money | UnsetType = UNSET
    bridge: BridgeShown | UnsetType = UNSET
    events: BridgeEvents | UnsetType = UNSET


class Diff(Answer, frozen=True, kw_only=True, tag="tally.diff/1"):
    """What differs between two points, with the bridge of every sum."""

    a: PointShown
    b: PointShown
    rows: Sequence[Difference]
    restated: Restated | UnsetType = UNSET
