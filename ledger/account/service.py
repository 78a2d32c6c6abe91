"""What each event does to an account's instances: orders, terms, auto-renewal, service.

Invariant: states and terms are what the event says; no date is computed. ``SERVICE`` maps every
such event to its function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ledger import events as e
from ledger.account.money import use_coupon
from ledger.state import (
    ENTERPRISE,
    FROZEN,
    RELEASED,
    RESTORING,
    RUNNING,
    STOPPED_EXPIRED,
    STOPPED_OVERDUE,
    TRIAL,
    AccountState,
    Instance,
    Order,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.events import Foldable


def _add_instance(s: AccountState, instance: Instance) -> Instance:
    s.instances[instance.instance] = s.live[instance.instance] = instance
    return instance


def _begun(instance: str, kind: str, at: int) -> Instance:
    return Instance(instance, kind, at, at, at)


def _order(
    s: AccountState, kind: str, ev: e.InstancePurchased | e.InstanceRenewed | e.UpgradedToEnterprise
) -> None:
    s.cash -= ev.cash_part
    if ev.coupon is not None and ev.coupon_part:
        use_coupon(s, ev.coupon, ev.coupon_part)
    instance = s.instances[ev.instance]
    instance.kind = ENTERPRISE
    instance.sku = ev.sku
    instance.months += ev.months
    instance.expires_at = ev.expires_at
    instance.slot_last = None
    instance.orders.append(
        Order(
            kind=kind, months=ev.months, price=ev.price, cash_part=ev.cash_part,
            starts=ev.starts, ends=ev.expires_at,
        )
    )  # fmt: skip


def _purchased(s: AccountState, r: Foldable, ev: e.InstancePurchased) -> None:
    instance = _add_instance(s, _begun(ev.instance, ENTERPRISE, r.effective_at))
    instance.anchor = ev.starts
    _order(s, "new", ev)


def _trial(s: AccountState, r: Foldable, ev: e.TrialStarted) -> None:
    instance = _add_instance(s, _begun(ev.instance, TRIAL, r.effective_at))
    instance.sku = ev.sku
    instance.anchor = ev.starts
    instance.months = ev.months
    instance.expires_at = ev.expires_at


def _activated(s: AccountState, r: Foldable, ev: e.PublicInstanceActivated) -> None:
    _add_instance(s, _begun(ev.instance, ev.kind, r.effective_at))


def _renewed(s: AccountState, _: Foldable, ev: e.InstanceRenewed) -> None:
    _order(s, "renew", ev)
    instance = s.instances[ev.instance]
    instance.slots_from = ev.slots_from
    if ev.via == "auto":
        instance.auto_renewed.append(ev.starts)


def _renewal_cancelled(s: AccountState, _: Foldable, ev: e.RenewalCancelled) -> None:
    instance = s.instances[ev.instance]
    last = max(i for i, order in enumerate(instance.orders) if order.kind == "renew")
    del instance.orders[last]
    instance.kind = ev.kind
    instance.months -= ev.months
    instance.expires_at = ev.expires_at
    instance.slots_from = ev.slots_from
    instance.slot_last = None


def _auto_on(s: AccountState, _: Foldable, ev: e.AutoRenewEnabled) -> None:
    instance = s.instances[ev.instance]
    instance.auto_enabled = True
    instance.auto_months = ev.months
    instance.slots_from = ev.slots_from


def _auto_modified(s: AccountState, _: Foldable, ev: e.AutoRenewModified) -> None:
    s.instances[ev.instance].auto_months = ev.months


def _auto_off(s: AccountState, _: Foldable, ev: e.AutoRenewDisabled) -> None:
    instance = s.instances[ev.instance]
    instance.auto_enabled = False
    instance.auto_months = None


def _auto_failed(s: AccountState, _: Foldable, ev: e.AutoRenewFailed) -> None:
    s.instances[ev.instance].slot_last = ev.slot


def _down(instance: Instance, state: str, at: int) -> None:
    """Note the start of an outage, unless the service is down already."""
    if instance.state == RUNNING:
        instance.outages.append((at, None))
    instance.state = state
    instance.changed_at = at
    instance.restoring_since = instance.restored_at = None


def _expired(s: AccountState, r: Foldable, ev: e.InstanceExpired) -> None:
    _down(s.instances[ev.instance], STOPPED_EXPIRED, r.effective_at)


def _released(s: AccountState, r: Foldable, ev: e.InstanceReleased) -> None:
    instance = s.instances[ev.instance]
    _down(instance, RELEASED, r.effective_at)
    instance.released_at = r.effective_at
    instance.auto_enabled = False
    instance.auto_months = None
    s.live.pop(ev.instance, None)


def _stopped(s: AccountState, r: Foldable, ev: e.ServiceStopped) -> None:
    _down(s.instances[ev.instance], STOPPED_OVERDUE, r.effective_at)


def _restoring(s: AccountState, r: Foldable, ev: e.ServiceRestoring) -> None:
    instance = s.instances[ev.instance]
    instance.state = RESTORING
    instance.changed_at = instance.restoring_since = r.effective_at
    instance.restored_at = ev.restored_at


def _run(instance: Instance, at: int) -> None:
    if instance.outages and instance.outages[-1][1] is None:
        instance.outages[-1] = (instance.outages[-1][0], at)
    instance.state = RUNNING
    instance.running_since = instance.changed_at = at
    instance.restoring_since = instance.restored_at = None


def _restored(s: AccountState, r: Foldable, ev: e.ServiceRestored) -> None:
    _run(s.instances[ev.instance], r.effective_at)


def _frozen(s: AccountState, r: Foldable, ev: e.InstanceFrozen) -> None:
    instance = s.instances[ev.instance]
    instance.state = FROZEN
    instance.changed_at = r.effective_at


def _continued(s: AccountState, r: Foldable, ev: e.TrialContinued) -> None:
    _run(s.instances[ev.instance], r.effective_at)


def _upgraded(s: AccountState, r: Foldable, ev: e.UpgradedToEnterprise) -> None:
    instance = s.instances[ev.instance]
    instance.anchor = ev.starts
    # Restoring stays so; a late restore may have come before this in a fold (R45).
    if instance.state == FROZEN:
        _run(instance, r.effective_at)
    _order(s, "new", ev)


def _spec_upgraded(s: AccountState, _: Foldable, ev: e.SpecUpgraded) -> None:
    s.cash -= ev.cash_part
    if ev.coupon is not None and ev.coupon_part:
        use_coupon(s, ev.coupon, ev.coupon_part)
    instance = s.instances[ev.instance]
    instance.sku = ev.sku
    instance.orders.append(
        Order(
            kind="upgrade", months=0, price=ev.price, cash_part=ev.cash_part,
            starts=ev.starts, ends=ev.ends,
        )
    )  # fmt: skip


SERVICE: dict[type[e.Event], Callable[[AccountState, Foldable, Any], None]] = {
    e.InstancePurchased: _purchased,
    e.TrialStarted: _trial,
    e.PublicInstanceActivated: _activated,
    e.InstanceRenewed: _renewed,
    e.RenewalCancelled: _renewal_cancelled,
    e.AutoRenewEnabled: _auto_on,
    e.AutoRenewModified: _auto_modified,
    e.AutoRenewDisabled: _auto_off,
    e.AutoRenewFailed: _auto_failed,
    e.InstanceExpired: _expired,
    e.InstanceReleased: _released,
    e.ServiceStopped: _stopped,
    e.ServiceRestoring: _restoring,
    e.ServiceRestored: _restored,
    e.InstanceFrozen: _frozen,
    e.TrialContinued: _continued,
    e.UpgradedToEnterprise: _upgraded,
    e.SpecUpgraded: _spec_upgraded,
}
