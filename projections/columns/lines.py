"""What each event adds to the columns: deltas of money, and the values that hold after it.

Invariant: a line depends on its own event alone, so views over lines are sums and last values and
late events need no repair (R56). One thing is looked up: the product of a credited bill, which
never changes. An event that touches several coupons has one line for each. None stands where an
event says nothing. Units: minor units; instants are UTC microseconds; UNSET stands for "nothing
from now on". This module must not use evolve: it is the second derivation, written on its own.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from ledger import events as e
from ledger.events import account_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ledger.events import RecordedEvent

Cell: TypeAlias = "int | str | None"
Cells: TypeAlias = "tuple[Cell, ...]"

# An instant no event has, a slot no calendar has: max_by of some engines leaves nulls out.
UNSET: Final = -1
RUNNING, RESTORING = "running", "restoring"
ENVELOPE: Final = ("position", "effective_at", "recorded_at", "account", "instance")


class Said(NamedTuple):
    """The columns that a type of event says something of, and its cells: of one line or several."""

    columns: tuple[str, ...]
    cells: Callable[[Any], Cells | list[Cells]]


_PAID: Final = ("cash", "coupon", "coupon_used")
_ORDERED: Final = (
    *_PAID, "kind_after", "sku_after", "expires_after", "slot_last_after",
    "term_starts", "term_ends",
)  # fmt: skip
_NOW: Final = ("state_after", "restored_after")
_AUTO: Final = ("auto_after", "auto_months_after")
_NEW: Final = (*_NOW, *_AUTO, "slots_from_after")
_UNPAID: Final = (*_NEW, "kind_after", "sku_after", "expires_after", "slot_last_after")
_OVERDUE: Final = ("overdue_after", "item_after")
_TURNED: Final = ("kind_after", "expires_after", "slots_from_after", "slot_last_after")
_CREDITED: Final = ("bill", "cash", "outstanding", "coupon", "coupon_used", "coupon_forfeited")
_GRANTED: Final = ("coupon", "coupon_amount", "coupon_starts", "coupon_ends")


def _paid(ev: Any) -> Cells:  # noqa: ANN401 - every event that carries a price and its two parts
    return (-ev.cash_part, *((ev.coupon, ev.coupon_part) if ev.coupon_part else (None, None)))


def _ordered(ev: Any) -> Cells:  # noqa: ANN401 - a purchase, a renewal or an upgrade
    return (*_paid(ev), "enterprise", ev.sku, ev.expires_at, UNSET, ev.starts, ev.expires_at)


_BORN: Final = (RUNNING, UNSET, 0, 0, 0)


def _renewed(ev: e.InstanceRenewed) -> Cells:
    return (*_ordered(ev), ev.slots_from, ev.starts if ev.via == "auto" else None)


def _upgraded(ev: e.UpgradedToEnterprise) -> Cells:
    # A restoring instance goes on restoring (R45): its state is what the restore says.
    return (*_ordered(ev), *((None, None) if ev.state == RESTORING else (RUNNING, UNSET)))


def _settled(ev: e.BillSettled) -> Cells | list[Cells]:
    if not ev.coupons:
        return (-ev.cash_part, -ev.cash_part, None, None)
    paid = ev.cash_part + sum(part for _, part in ev.coupons)
    return [(-ev.cash_part, -paid, None, None), *((None, None, *used) for used in ev.coupons)]


def _credited(ev: e.CreditNoteIssued) -> Cells | list[Cells]:
    money = (ev.bill, ev.cash_part, -ev.outstanding_part, None, None, None)
    if not ev.coupons_restored and not ev.coupons_forfeited:
        return money
    none = (ev.bill, None, None)
    return [
        money,
        *((*none, name, -part, None) for name, part in ev.coupons_restored),
        *((*none, name, -part, part) for name, part in ev.coupons_forfeited),
    ]


def _overdue(ev: e.OverdueStarted | e.OverdueReanchored) -> Cells:
    return (ev.overdue_since, ev.item)


_SAID: Final[dict[type[e.Event], Said]] = {
    e.AccountOpened: Said(("currency",), lambda ev: (ev.currency,)),
    e.TopUpReceived: Said(("cash", "channel"), lambda ev: (ev.amount, ev.channel)),
    e.TopUpReversed: Said(
        ("cash", "shortfall", "channel"), lambda ev: (-ev.cash_part, ev.shortfall, ev.channel)
    ),
    e.DebtRecorded: Said(("outstanding",), lambda ev: (ev.amount,)),
    e.CouponGranted: Said(_GRANTED, lambda ev: (ev.coupon, ev.amount, ev.starts, ev.ends)),
    e.CouponExpired: Said(("coupon", "coupon_forfeited"), lambda ev: (ev.coupon, ev.forfeited)),
    e.BillPosted: Said(
        ("outstanding", "round_down", "bill", "product"),
        lambda ev: (ev.amount or None, ev.round_down or None, ev.bill, ev.product),
    ),
    e.BillSettled: Said(("cash", "outstanding", "coupon", "coupon_used"), _settled),
    e.CreditNoteIssued: Said(_CREDITED, _credited),
    e.RefundIssued: Said(("cash", "reason"), lambda ev: (ev.amount, ev.reason)),
    e.OverdueStarted: Said(_OVERDUE, _overdue),
    e.OverdueReanchored: Said(_OVERDUE, _overdue),
    e.OverdueCleared: Said(_OVERDUE, lambda _: (UNSET, "")),
    e.InstancePurchased: Said((*_ORDERED, *_NEW), lambda ev: (*_ordered(ev), *_BORN)),
    e.TrialStarted: Said(
        _UNPAID, lambda ev: (*_BORN, "trial", ev.sku, ev.expires_at, UNSET)
    ),
    e.PublicInstanceActivated: Said(_UNPAID, lambda ev: (*_BORN, ev.kind, "", UNSET, UNSET)),
    e.InstanceRenewed: Said((*_ORDERED, "slots_from_after", "auto_start"), _renewed),
    e.RenewalCancelled: Said(
        _TURNED, lambda ev: (ev.kind, ev.expires_at, ev.slots_from, UNSET)
    ),
    e.AutoRenewEnabled: Said(
        (*_AUTO, "slots_from_after"), lambda ev: (1, ev.months, ev.slots_from)
    ),
    e.AutoRenewModified: Said(("auto_months_after",), lambda ev: (ev.months,)),
    e.AutoRenewDisabled: Said(_AUTO, lambda _: (0, 0)),
    e.AutoRenewFailed: Said(("slot_last_after",), lambda ev: (ev.slot,)),
    e.InstanceExpired: Said(_NOW, lambda _: ("stopped_expired", UNSET)),
    e.InstanceReleased: Said((*_NOW, *_AUTO), lambda _: ("released", UNSET, 0, 0)),
    e.ServiceStopped: Said(_NOW, lambda _: ("stopped_overdue", UNSET)),
    e.ServiceRestoring: Said(_NOW, lambda ev: (RESTORING, ev.restored_at)),
    e.ServiceRestored: Said(_NOW, lambda _: (RUNNING, UNSET)),
    e.InstanceFrozen: Said(_NOW, lambda _: ("frozen", UNSET)),
    e.TrialContinued: Said(_NOW, lambda _: (RUNNING, UNSET)),
    e.UpgradedToEnterprise: Said((*_ORDERED, *_NOW), _upgraded),
    e.SpecUpgraded: Said(
        (*_PAID, "sku_after", "term_starts", "term_ends"),
        lambda ev: (*_paid(ev), ev.sku, ev.starts, ev.ends),
    ),
}  # fmt: skip
_SILENT: Final = Said((), lambda _: ())


def columns_of(kind: type[e.Event]) -> tuple[str, ...]:
    """Return the columns of the lines of a type of event, the envelope first."""
    return (*ENVELOPE, *_SAID.get(kind, _SILENT).columns)


def lines_of(events: Iterable[RecordedEvent]) -> dict[type[e.Event], list[Cells]]:
    """Return the lines of some events by type, in the order of ``columns_of``; one at least."""
    found: dict[type[e.Event], list[Cells]] = defaultdict(list)
    for recorded in events:
        event = recorded.event
        kind = type(event)
        cells = _SAID.get(kind, _SILENT).cells(event)
        line = (
            recorded.position, recorded.effective_at, recorded.recorded_at,
            account_of(recorded.stream), getattr(event, "instance", None),
        )  # fmt: skip
        if isinstance(cells, tuple):
            found[kind].append(line + cells)
        else:
            found[kind] += [line + cell for cell in cells]
    return found
