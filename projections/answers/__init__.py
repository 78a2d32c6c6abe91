"""Answers in the shapes of INTERFACE section 4: folded state and events as plain JSON objects.

Invariant: money is an exact decimal string with its currency in the same object; instants are
written in the ledger's offset; lists are sorted by id. This module formats and decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ledger import events as e
from ledger.events import RecordedEvent, account_of
from ledger.money import format_rated, format_round_down
from projections.answers.state import instance_of, state_of
from projections.answers.terms import Formatter, Json, PointShown

__all__ = [
    "AMOUNTS", "COUPON_PARTS", "INSTANTS", "event_data", "event_json", "instance_json",
    "point_json", "request_json", "state_json",
]  # fmt: skip

if TYPE_CHECKING:
    from ledger.policy import Policy
    from ledger.state import AccountState
    from projections.point import Point

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


def point_json(point: Point, offset: int) -> Json:
    """Return the resolved point that every answer prints."""
    return PointShown.of(point, offset).plain()


def state_json(state: AccountState, policy: Policy, point: Point) -> Json:
    """Return one account at a point as JSON: ``tally.state/1``."""
    return state_of(state, policy, point).plain()


def instance_json(state: AccountState, name: str, policy: Policy) -> Json:
    """Return one instance as JSON, as ``tally.state/1`` shows it."""
    return instance_of(state, name, policy).plain()


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
