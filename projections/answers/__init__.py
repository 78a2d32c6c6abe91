"""Answers in the shapes of INTERFACE section 4: folded state and events as plain JSON objects.

Invariant: money is an exact decimal string with its currency in the same object; instants are
written in the ledger's offset; lists are sorted by id. This module formats and decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ledger import events as e
from ledger.deadlines import next_slot, releases_at, restored_at
from ledger.events import RecordedEvent, account_of
from ledger.money import format_minor, format_rated, format_round_down
from ledger.periods import format_instant

if TYPE_CHECKING:
    from ledger.account import AccountState, Coupon
    from ledger.policy import Policy
    from projections.point import Point

Json = dict[str, Any]

# Fields of events by what they hold; all others are written as they are.
INSTANTS = frozenset(
    (
        "starts", "ends", "expires_at", "restored_at", "posted_at", "overdue_since",
        "cycle_start", "cycle_end", "granted_at", "slots_from", "effective_at", "at", "known_at",
        "first_seen",
    )
)  # fmt: skip
AMOUNTS = frozenset(
    (
        "amount", "monthly_price", "price", "coupon_part", "cash_part", "shortfall",
        "minimum_spend", "forfeited", "outstanding", "outstanding_part", "threshold",
        "available", "needed",
    )
)  # fmt: skip
COUPON_PARTS = frozenset(("coupons", "coupons_restored", "coupons_forfeited"))


class Formatter:
    """Writes instants in one offset and money in one currency."""

    __slots__ = ("currency", "offset")

    def __init__(self, *, offset: int, currency: str) -> None:
        """Choose the offset (microseconds) and the currency."""
        self.offset = offset
        self.currency = currency

    def instant(self, instant: int | None) -> str | None:
        """Write an instant, None as None."""
        return None if instant is None else format_instant(instant, self.offset)

    def money(self, minor: int | None) -> str | None:
        """Write minor units, None as None."""
        return None if minor is None else format_minor(minor, self.currency)


def point_json(point: Point, offset: int) -> Json:
    """Return the resolved point that every answer prints."""
    return {
        "at": format_instant(point.at, offset),
        "known_at": format_instant(point.known_at, offset),
        "position": point.position,
    }


def coupon_status(coupon: Coupon, seen_at: int) -> str:
    """Return whether a coupon is pending, active or ended on the page of an instant."""
    if seen_at < coupon.starts:
        return "pending"
    return "active" if seen_at < coupon.ends else "ended"


def state_json(state: AccountState, policy: Policy, point: Point) -> Json:
    """Return one account at a point: ``tally.state/1``."""
    write = Formatter(offset=policy.calendar_offset, currency=state.currency)
    alert = state.alert
    return {
        "schema": "tally.state/1",
        "point": point_json(point, policy.calendar_offset),
        "account": state.account,
        "currency": state.currency,
        "version": state.guard_version,
        "cash": write.money(state.cash),
        "outstanding": write.money(state.outstanding),
        "available": write.money(state.available),
        "overdue": state.overdue,
        "overdue_since": write.instant(state.overdue_since),
        "alert": {
            "threshold": write.money(alert.threshold),
            "raised": alert.raised_at is not None,
        },
        "coupons": [
            {
                "coupon": name,
                "amount": write.money(coupon.amount),
                "remaining": write.money(coupon.remaining),
                "forfeited": write.money(coupon.forfeited),
                "starts": write.instant(coupon.starts),
                "ends": write.instant(coupon.ends),
                "status": coupon_status(coupon, point.seen_at),
            }
            for name, coupon in sorted(state.coupons.items())
        ],
        "unpaid": [
            {
                "item": name,
                "kind": item.kind,
                "amount": write.money(item.amount),
                "outstanding": write.money(item.outstanding),
                "posted_at": write.instant(item.posted_at),
                "late": item.late,
            }
            for name, item in sorted(state.items.items())
        ],
        "instances": [
            instance_json(state, name, policy) for name in sorted(state.instances)
        ],
    }


def instance_json(state: AccountState, name: str, policy: Policy) -> Json:
    """Return one instance as ``tally.state/1`` shows it."""
    instance = state.instances[name]
    slot = next_slot(instance, policy)
    offset = policy.calendar_offset

    def write(instant: int | None) -> str | None:
        return None if instant is None else format_instant(instant, offset)

    return {
        "instance": name,
        "kind": instance.kind,
        "state": instance.state,
        "available": instance.state == "running",
        "sku": instance.sku,
        "expires_at": write(instance.expires_at),
        "releases_at": _releases_at(state, name, policy),
        "restored_at": write(restored_at(instance, policy)),
        "auto_renew": {
            "enabled": instance.auto_enabled,
            "months": instance.auto_months,
            "next_attempt_at": write(slot[0] if slot is not None else None),
        },
    }


def _releases_at(state: AccountState, name: str, policy: Policy) -> str | None:
    instance = state.instances[name]
    if instance.expires_at is None:
        return None  # public instances have none (INTERFACE section 4)
    released = releases_at(instance, policy)
    return None if released is None else format_instant(released, policy.calendar_offset)


def event_json(recorded: RecordedEvent, write: Formatter) -> Json:
    """Return one event: ``tally.event/1``."""
    event = recorded.event
    return {
        "schema": "tally.event/1",
        "position": recorded.position,
        "account": account_of(recorded.stream),
        "version": recorded.version,
        "type": e.type_name(type(event)),
        "effective_at": write.instant(recorded.effective_at),
        "recorded_at": write.instant(recorded.recorded_at),
        "actor": recorded.actor,
        "reason": recorded.reason,
        "cause": recorded.cause,
        "command": recorded.command,
        "instance": getattr(event, "instance", None),
        "data": event_data(event, write),
    }


def event_data(event: e.Event, write: Formatter) -> Json:
    """Return an event's own fields, money and instants written out."""
    shown: Json = {}
    for name in event.__struct_fields__:
        cell = getattr(event, name)
        if name == "round_down":
            shown["rated"] = format_rated(getattr(event, "amount", 0), cell, write.currency)
            shown[name] = format_round_down(cell, write.currency)
        elif name in COUPON_PARTS:
            shown[name] = [
                {"coupon": coupon, "part": write.money(part)} for coupon, part in cell
            ]
        elif name == "instance":
            continue  # shown beside the data
        elif cell is None:
            shown[name] = None
        elif name in INSTANTS:
            shown[name] = write.instant(cell)
        elif name in AMOUNTS:
            shown[name] = write.money(cell)
        else:
            shown[name] = cell
    return shown


def request_json(recorded: RecordedEvent, write: Formatter) -> Json | None:
    """Return the command that an event's batch came from, as it was asked."""
    if bytes(recorded.request) == bytes(e.NO_REQUEST):
        return None
    request: Json = msgspec.msgpack.decode(recorded.request)
    return {
        name: write.instant(cell) if name in INSTANTS and isinstance(cell, int) else cell
        for name, cell in request.items()
    }
