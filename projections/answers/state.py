"""One account at a point, and one instance: ``tally.state/1``, ``tally.instances/1``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, cast

from msgspec import UNSET, Meta, UnsetType

from projections.answers.terms import (
    Answer,
    Count,
    Currency,
    Id,
    Instant,
    Money,
    Part,
    PointShown,
    Restated,
    Typed,
)
from projections.instances import rows

if TYPE_CHECKING:
    from ledger.policy import Policy
    from ledger.state import AccountState, Coupon
    from projections.point import Point
    from projections.projection import ViewRow

InstanceKind: TypeAlias = Literal["enterprise", "trial", "public_new", "public_legacy"]
InstanceState: TypeAlias = Literal[
    "running", "stopped_overdue", "stopped_expired", "restoring", "frozen", "released"
]
ItemKind: TypeAlias = Literal["bill", "reversal"]
CouponStatus: TypeAlias = Literal["pending", "active", "ended"]
Derivation: TypeAlias = Annotated[
    Literal["fold", "spark", "sql", "view"],
    Meta(description="How it was derived: stored view, fold of events, or SQL over columns."),
]


class AlertShown(Part, frozen=True, kw_only=True):
    """The alert; ``raised`` is whether an episode is on."""

    threshold: Money | None
    raised: bool


class CouponShown(Part, frozen=True, kw_only=True):
    """A coupon."""

    coupon: Id
    amount: Money
    remaining: Money
    forfeited: Money
    starts: Instant
    ends: Instant
    status: CouponStatus


class Unpaid(Part, frozen=True, kw_only=True):
    """A bill or a chargeback that is not paid."""

    item: Id
    kind: ItemKind
    amount: Money
    outstanding: Money
    posted_at: Instant
    late: bool


class AutoRenew(Part, frozen=True, kw_only=True):
    """Automatic renewal; ``months`` is null while it is off, the instant where no slot is left."""

    enabled: bool
    months: Annotated[int, Meta(ge=1)] | None
    next_attempt_at: Instant | None


class InstanceShown(Part, frozen=True, kw_only=True):
    """An instance."""

    instance: Id
    kind: InstanceKind
    state: InstanceState
    available: bool
    sku: str | None
    expires_at: Instant | None
    releases_at: Instant | None
    restored_at: Instant | None
    auto_renew: AutoRenew


class State(Answer, frozen=True, kw_only=True, tag="tally.state/1"):
    """One account at a point."""

    point: PointShown
    account: Id
    currency: Currency
    version: Count
    cash: Money
    outstanding: Money
    available: Money
    overdue: bool
    overdue_since: Instant | None
    alert: AlertShown
    coupons: Sequence[CouponShown]
    unpaid: Sequence[Unpaid]
    instances: Sequence[InstanceShown]
    restated: Restated | UnsetType = UNSET


class InstanceRow(Part, frozen=True, kw_only=True):
    """An instance and its account: the fields of ``InstanceShown``, the account first."""

    account: Id
    instance: Id
    kind: InstanceKind
    state: InstanceState
    available: bool
    sku: str | None
    expires_at: Instant | None
    releases_at: Instant | None
    restored_at: Instant | None
    auto_renew: AutoRenew


class Instances(Answer, frozen=True, kw_only=True, tag="tally.instances/1"):
    """Every instance at a point."""

    point: PointShown
    derivation: Derivation
    rows: Sequence[InstanceRow]
    restated: Restated | UnsetType = UNSET


def coupon_status(coupon: Coupon, seen_at: int) -> CouponStatus:
    """Return whether a coupon is pending, active or ended on the page of an instant."""
    return status_within(coupon.starts, coupon.ends, seen_at)


def status_within(starts: int, ends: int, seen_at: int) -> CouponStatus:
    """Return what a coupon is that can be used from one instant to another."""
    if seen_at < starts:
        return "pending"
    return "active" if seen_at < ends else "ended"


def state_of(
    state: AccountState, policy: Policy, point: Point, restated: Restated | UnsetType = UNSET
) -> State:
    """Return one account at a point."""
    write = Typed(offset=policy.calendar_offset, currency=state.currency)
    threshold = state.alert.threshold
    return State(
        point=PointShown.of(point, policy.calendar_offset),
        account=state.account, currency=state.currency, version=state.guard_version,
        cash=write.money(state.cash), outstanding=write.money(state.outstanding),
        available=write.money(state.available), overdue=state.overdue,
        overdue_since=write.maybe(state.overdue_since),
        alert=AlertShown(
            threshold=None if threshold is None else write.money(threshold),
            raised=state.alert.raised_at is not None,
        ),
        coupons=[
            CouponShown(
                coupon=name, amount=write.money(coupon.amount),
                remaining=write.money(coupon.remaining), forfeited=write.money(coupon.forfeited),
                starts=write.instant(coupon.starts), ends=write.instant(coupon.ends),
                status=coupon_status(coupon, point.seen_at),
            )
            for name, coupon in sorted(state.coupons.items())
        ],
        unpaid=[
            Unpaid(
                item=name, kind=cast("ItemKind", item.kind), amount=write.money(item.amount),
                outstanding=write.money(item.outstanding),
                posted_at=write.instant(item.posted_at), late=item.late,
            )
            for name, item in sorted(state.items.items())
        ],
        instances=[
            InstanceShown(**_instance(row, policy.calendar_offset)) for row in rows(state, policy)
        ],
        restated=restated,
    )  # fmt: skip


def instance_row(row: ViewRow, offset: int) -> InstanceRow:
    """Return one row of the view ``instances``, stored or folded."""
    return InstanceRow(account=str(row[0]), **_instance(row, offset))


def _instance(row: ViewRow, offset: int) -> dict[str, Any]:
    cells: tuple[Any, ...] = tuple(row)
    _, name, kind, state, sku, expires, releases, restored, enabled, months, next_ = cells
    write = Typed(offset=offset, currency="").maybe
    return {
        "instance": name, "kind": kind, "state": state, "available": state == "running",
        "sku": sku, "expires_at": write(expires),
        # A public instance never expires, so it is never released by itself (INTERFACE section 4).
        "releases_at": None if expires is None else write(releases),
        "restored_at": write(restored),
        "auto_renew": AutoRenew(
            enabled=bool(enabled), months=months, next_attempt_at=write(next_)
        ),
    }  # fmt: skip
