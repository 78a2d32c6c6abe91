"""What each event adds to the columns: deltas of money, and the values that hold after it.

Invariant: a line depends on its own event alone, so views over lines are sums and last values and
late events need no repair (R56). An event that touches several coupons has one line for each.
Units: minor units; instants are UTC microseconds; UNSET stands for "nothing from now on".
This module must not use evolve: it is the second derivation, written on its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ledger import events as e
from ledger.events import account_of, type_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.events import RecordedEvent

Cell: TypeAlias = "int | str | None"
Line: TypeAlias = "dict[str, Cell]"

# An instant no event has, a slot no calendar has: max_by of some engines leaves nulls out.
UNSET: Final = -1
RUNNING, RESTORING = "running", "restoring"


def _coupon(name: str, *, used: int = 0, forfeited: int = 0) -> Line:
    return {"coupon": name, "coupon_used": used, "coupon_forfeited": forfeited}


def _paid(ev: Any) -> Line:  # noqa: ANN401 - every event that carries a price and its two parts
    line: Line = {"cash": -ev.cash_part}
    if ev.coupon is not None and ev.coupon_part:
        line |= _coupon(ev.coupon, used=ev.coupon_part)
    return line


def _born(kind: str) -> Line:
    return {
        "kind_after": kind, "state_after": RUNNING, "restored_after": UNSET,
        "auto_after": 0, "auto_months_after": 0, "slots_from_after": 0,
        "slot_last_after": UNSET, "expires_after": UNSET, "sku_after": "",
    }  # fmt: skip


def _ordered(ev: Any) -> Line:  # noqa: ANN401 - a purchase, a renewal or an upgrade
    return {
        **_paid(ev), "kind_after": "enterprise", "sku_after": ev.sku,
        "expires_after": ev.expires_at, "slot_last_after": UNSET,
        "term_starts": ev.starts, "term_ends": ev.expires_at,
    }  # fmt: skip


def _renewed(ev: e.InstanceRenewed) -> Line:
    line = {**_ordered(ev), "slots_from_after": ev.slots_from}
    return {**line, "auto_start": ev.starts} if ev.via == "auto" else line


def _upgraded(ev: e.UpgradedToEnterprise) -> Line:
    # A restoring instance goes on restoring (R45): its state is what the restore says.
    return _ordered(ev) | ({} if ev.state == RESTORING else _now(RUNNING))


def _now(state: str, *, restored_at: int = UNSET) -> Line:
    return {"state_after": state, "restored_after": restored_at}


def _auto(months: int) -> Line:
    return {"auto_after": int(months > 0), "auto_months_after": months}


def _granted(ev: e.CouponGranted) -> Line:
    return {
        "coupon": ev.coupon, "coupon_amount": ev.amount,
        "coupon_starts": ev.starts, "coupon_ends": ev.ends,
    }  # fmt: skip


def _settled(ev: e.BillSettled) -> list[Line]:
    paid = ev.cash_part + sum(part for _, part in ev.coupons)
    return [
        {"cash": -ev.cash_part, "outstanding": -paid},
        *(_coupon(name, used=part) for name, part in ev.coupons),
    ]


def _credited(ev: e.CreditNoteIssued) -> list[Line]:
    lines: list[Line] = [
        {"cash": ev.cash_part, "outstanding": -ev.outstanding_part},
        *(_coupon(name, used=-part) for name, part in ev.coupons_restored),
        *(_coupon(name, used=-part, forfeited=part) for name, part in ev.coupons_forfeited),
    ]
    return [{**line, "bill": ev.bill} for line in lines]


def _billed(ev: e.BillPosted) -> Line:
    return {
        "outstanding": ev.amount, "round_down": ev.round_down,
        "bill": ev.bill, "product": ev.product,
    }  # fmt: skip


def _respecified(ev: e.SpecUpgraded) -> Line:
    terms: Line = {"term_starts": ev.starts, "term_ends": ev.ends}
    return _paid(ev) | {"sku_after": ev.sku} | terms


def _overdue(ev: e.OverdueStarted | e.OverdueReanchored) -> Line:
    return {"overdue_after": ev.overdue_since, "item_after": ev.item}


_LINES: Final[dict[type[e.Event], Callable[[Any], Line | list[Line]]]] = {
    e.AccountOpened: lambda ev: {"currency": ev.currency},
    e.TopUpReceived: lambda ev: {"cash": ev.amount, "channel": ev.channel},
    e.TopUpReversed: lambda ev: {
        "cash": -ev.cash_part, "shortfall": ev.shortfall, "channel": ev.channel,
    },
    e.DebtRecorded: lambda ev: {"outstanding": ev.amount},
    e.CouponGranted: _granted,
    e.CouponExpired: lambda ev: _coupon(ev.coupon, forfeited=ev.forfeited),
    e.BillPosted: _billed,
    e.BillSettled: _settled,
    e.CreditNoteIssued: _credited,
    e.RefundIssued: lambda ev: {"cash": ev.amount, "reason": ev.reason},
    e.OverdueStarted: _overdue,
    e.OverdueReanchored: _overdue,
    e.OverdueCleared: lambda _: {"overdue_after": UNSET, "item_after": ""},
    e.InstancePurchased: lambda ev: _born("enterprise") | _ordered(ev),
    e.TrialStarted: lambda ev: _born("trial")
    | {"sku_after": ev.sku, "expires_after": ev.expires_at},
    e.PublicInstanceActivated: lambda ev: _born(ev.kind),
    e.InstanceRenewed: _renewed,
    e.RenewalCancelled: lambda ev: {
        "kind_after": ev.kind, "expires_after": ev.expires_at,
        "slots_from_after": ev.slots_from, "slot_last_after": UNSET,
    },
    e.AutoRenewEnabled: lambda ev: _auto(ev.months) | {"slots_from_after": ev.slots_from},
    e.AutoRenewModified: lambda ev: {"auto_months_after": ev.months},
    e.AutoRenewDisabled: lambda _: _auto(0),
    e.AutoRenewFailed: lambda ev: {"slot_last_after": ev.slot},
    e.InstanceExpired: lambda _: _now("stopped_expired"),
    e.InstanceReleased: lambda _: _now("released") | _auto(0),
    e.ServiceStopped: lambda _: _now("stopped_overdue"),
    e.ServiceRestoring: lambda ev: _now(RESTORING, restored_at=ev.restored_at),
    e.ServiceRestored: lambda _: _now(RUNNING),
    e.InstanceFrozen: lambda _: _now("frozen"),
    e.TrialContinued: lambda _: _now(RUNNING),
    e.UpgradedToEnterprise: _upgraded,
    e.SpecUpgraded: _respecified,
}  # fmt: skip


def lines_of(recorded: RecordedEvent) -> list[Line]:
    """Return the lines of one event, the envelope on each; at least one."""
    event = recorded.event
    made = _LINES.get(type(event))
    found = made(event) if made is not None else {}
    envelope: Line = {
        "position": recorded.position,
        "effective_at": recorded.effective_at,
        "recorded_at": recorded.recorded_at,
        "account": account_of(recorded.stream),
        "type": type_name(type(event)),
        "instance": getattr(event, "instance", None),
    }
    if isinstance(found, dict):
        return [envelope | found]
    return [envelope | line for line in found]
