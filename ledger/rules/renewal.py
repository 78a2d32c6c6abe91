"""Renewals by hand and in bulk, and the auto-renewal that tries nine times before T.

Decides R12, R24-R27, R29-R36 and R46 (renewal). Due transition: an auto-renewal slot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger import commands as c
from ledger.account import deadlines as d
from ledger.certain import certain
from ledger.errors import AccountOverdue, Expired, InvalidPeriod, NotRenewable
from ledger.events import (
    AutoRenewDisabled,
    AutoRenewEnabled,
    AutoRenewFailed,
    AutoRenewModified,
    InstanceRenewed,
)
from ledger.money import allocate
from ledger.periods import SECOND, local_day, midnight
from ledger.rules.payment import (
    TICKED_MONTHS,
    Quote,
    coupon_for_order,
    end_of_term,
    list_price,
    pay_order,
    require_order_months,
)
from ledger.state import ENTERPRISE, RELEASED, STOPPED_EXPIRED, TRIAL, Instance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.rules.batch import Batch

AUTO_MONTHS = frozenset((1, 2, 3, 6, 12, 24, 36))  # R29


def _listed(batch: Batch, names: Sequence[str], *, rule: str, kinds: set[str]) -> list[Instance]:
    """Look a list of instances up, all or nothing (R27; the same for R30 and R36).

    Raises: NotRenewable for an empty or over-long list, a duplicate, an unknown id, another
    kind, or a released instance.
    """
    if not 1 <= len(names) <= c.LIST_MAX:
        holds = f"more than {c.LIST_MAX}" if names else "none"
        raise NotRenewable(f"a list holds 1 to {c.LIST_MAX} instances, this one {holds}", rule=rule)
    if len(set(names)) != len(names):
        raise NotRenewable("the list names an instance twice", rule=rule)
    listed: list[Instance] = []
    for name in names:
        instance = batch.state.instances.get(name)
        if instance is None or instance.kind not in kinds or instance.state == RELEASED:
            state = "unknown" if instance is None else f"{instance.kind} and {instance.state}"
            raise NotRenewable(f"instance {name!r} is {state}", rule=rule)
        listed.append(instance)
    return listed


def renew(batch: Batch, command: c.Renew) -> None:
    """Renew one or many instances with one payment; each keeps its own T (R24-R27)."""
    listed = _listed(batch, command.instances, rule="R27", kinds={ENTERPRISE, TRIAL})
    require_order_months(command.months)
    prices = [_monthly_price(batch, instance) * command.months for instance in listed]
    quote = pay_order(batch, order_type="renew", gross=sum(prices), wanted=command.coupon)
    parts = allocate(quote.coupon_part, prices, command.instances)
    via = "manual" if len(listed) == 1 else "bulk"
    for instance, price, part in zip(listed, prices, parts, strict=True):
        paid = Quote(quote.coupon, part, price - part)
        _renewed(batch, instance, months=command.months, price=price, paid=paid, via=via)
    if command.auto_renew:
        for instance in listed:
            _switch_on(batch, instance, TICKED_MONTHS)


def _monthly_price(batch: Batch, instance: Instance) -> int:
    return list_price(batch, certain(instance.sku))  # an Enterprise instance or a trial has one


def _renewed(
    batch: Batch,
    instance: Instance,
    *,
    months: int,
    price: int,
    paid: Quote,
    via: str,
    slot: int | None = None,
) -> None:
    """Lengthen the term from the old T; an expired service comes back (R19, R21, R25, R34)."""
    starts, sku = certain(instance.expires_at), certain(instance.sku)  # as all that have a term
    stopped = instance.state == STOPPED_EXPIRED
    expires_at = end_of_term(batch, instance.anchor, instance.months + months)
    renewed = batch.emit(
        InstanceRenewed(
            instance=instance.instance, via=via, sku=sku,
            monthly_price=price // months, months=months, price=price, coupon=paid.coupon,
            coupon_part=paid.coupon_part, cash_part=paid.cash_part, starts=starts,
            expires_at=expires_at, slot=slot,
            # R32: what was newly enabled today still waits for the next local day.
            slots_from=max(batch.now + SECOND, instance.slots_from),
        )
    )  # fmt: skip
    if stopped and batch.now < expires_at:
        batch.restore_service(instance.instance, cause=renewed)


def _effective_from(batch: Batch) -> int:
    """Return the instant from which newly enabled slots count (R32)."""
    policy = batch.config.policy
    if policy.auto_renew_effective:  # the reading next_slot
        return batch.now + SECOND
    return midnight(local_day(batch.now, policy.calendar_offset) + 1, policy.calendar_offset)


def _switch_on(batch: Batch, instance: Instance, months: int) -> None:
    """Enable auto-renewal, or change its period where it is on (R29, R30, R32)."""
    if instance.auto_enabled:
        if instance.auto_months != months:
            batch.emit(AutoRenewModified(instance=instance.instance, months=months))
        return
    slots_from = max(_effective_from(batch), instance.slots_from)
    batch.emit(
        AutoRenewEnabled(
            instance=instance.instance, months=months, slots_from=slots_from,
            no_slot_left=not _has_slot(batch, instance, slots_from),
        )
    )  # fmt: skip


def _has_slot(batch: Batch, instance: Instance, slots_from: int) -> bool:
    """Return whether this term will see a slot if auto-renewal is on from ``slots_from``."""
    before = instance.auto_enabled, instance.slots_from
    instance.auto_enabled, instance.slots_from = True, slots_from
    try:
        return d.next_slot(instance, batch.config.policy) is not None
    finally:
        instance.auto_enabled, instance.slots_from = before


def enable(batch: Batch, command: c.EnableAutoRenew) -> None:
    """Switch auto-renewal on before T, also while overdue (R13, R30)."""
    listed = _listed(batch, command.instances, rule="R30", kinds={ENTERPRISE})
    _require_running_term(batch, listed)
    _require_auto_months(command.months)
    for instance in listed:
        _switch_on(batch, instance, command.months)


def modify(batch: Batch, command: c.ModifyAutoRenew) -> None:
    """Change the period; where it is off this enables it, so only before T (R30)."""
    listed = _listed(batch, command.instances, rule="R30", kinds={ENTERPRISE})
    _require_running_term(batch, [instance for instance in listed if not instance.auto_enabled])
    _require_auto_months(command.months)
    for instance in listed:
        _switch_on(batch, instance, command.months)


def disable(batch: Batch, command: c.DisableAutoRenew) -> None:
    """Set instances to manual renewal; what is off stays off (R30, R32, R36)."""
    listed = _listed(batch, command.instances, rule="R36", kinds={ENTERPRISE, TRIAL})
    for instance in listed:
        if instance.auto_enabled:
            batch.emit(AutoRenewDisabled(instance=instance.instance))


def _require_running_term(batch: Batch, listed: Sequence[Instance]) -> None:
    for instance in listed:
        if instance.expires_at is not None and batch.now >= instance.expires_at:
            raise Expired(f"the term of instance {instance.instance!r} has ended", rule="R30")


def _require_auto_months(months: int) -> None:
    if months not in AUTO_MONTHS:
        raise InvalidPeriod(f"{months} is not a period of auto-renewal", rule="R29")


def try_slot(batch: Batch, name: str) -> None:
    """Due: renew from one coupon and cash, or note why not and leave the next slot (R33)."""
    state = batch.state
    instance = state.instances[name]
    _, number = certain(d.next_slot(instance, batch.config.policy))  # it is due
    months, expires_at = certain(instance.auto_months), certain(instance.expires_at)
    price = _monthly_price(batch, instance) * months
    coupon = coupon_for_order(batch, c.AUTO, order_type="renew", gross=price)
    part = min(coupon.remaining, price) if coupon is not None else 0
    reason = None
    if state.items:
        reason = AccountOverdue.code
    elif price - part > state.cash:
        reason = "INSUFFICIENT_BALANCE"
    if reason is not None:
        batch.emit(
            AutoRenewFailed(
                instance=name, slot=number, reason=reason, needed=price,
                available=state.cash + part, expires_at=expires_at,
            )
        )  # fmt: skip
        return
    paid = Quote(coupon.coupon if coupon is not None else None, part, price - part)
    _renewed(batch, instance, months=months, price=price, paid=paid, via="auto", slot=number)


DECISIONS: Final = {
    c.Renew: renew,
    c.EnableAutoRenew: enable,
    c.ModifyAutoRenew: modify,
    c.DisableAutoRenew: disable,
}
DUE: Final = {d.RENEWAL_SLOT: try_slot}
