"""Cancellations and what they refund.

Decides R41 (coupon parts never come back), R48, R49 and R50. No due transitions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger import commands as c
from ledger.errors import NotCancellable
from ledger.events import (
    AutoRenewDisabled,
    InstanceReleased,
    RefundIssued,
    RenewalCancelled,
)
from ledger.periods import SECOND, local_year
from ledger.state import ENTERPRISE, RELEASED, TRIAL

if TYPE_CHECKING:
    from ledger.rules.batch import Batch
    from ledger.state import Instance


def _cancellable(batch: Batch, name: str) -> Instance:
    instance = batch.instance(name, rule="R48")
    if instance.kind not in (ENTERPRISE, TRIAL) or instance.state == RELEASED:
        raise NotCancellable(f"{instance.kind} instance {name!r} is {instance.state}", rule="R48")
    return instance


def cancel(batch: Batch, command: c.Cancel) -> None:
    """Release an instance at once; refund it wholly within five days, else what is unused."""
    instance = _cancellable(batch, command.instance)
    cause = None
    if instance.orders:
        policy = batch.config.policy
        year = local_year(batch.now, policy.calendar_offset)
        new = next((order for order in instance.orders if order.kind == "new"), None)
        whole = (
            new is not None
            and batch.now < new.starts + policy.five_day_refund
            and year not in batch.state.five_day_years
        )
        if whole:
            amount = sum(order.cash_part for order in instance.orders)
        else:
            amount = sum(order.unused_cash(batch.now) for order in instance.orders)
        batch.require_room(cash=amount)
        cause = batch.emit(
            RefundIssued(
                instance=command.instance, reason="five_day" if whole else "unused",
                amount=amount, calendar_year=year if whole else None,
            )
        )  # fmt: skip
    batch.emit(InstanceReleased(instance=command.instance, via="cancel"), cause=cause)


def cancel_renewal(batch: Batch, command: c.CancelRenewal) -> None:
    """Undo the last renewal whose term has not begun: T falls back to its start (R49)."""
    instance = _cancellable(batch, command.instance)
    renewals = [order for order in instance.orders if order.kind == "renew"]
    if not renewals or batch.now >= renewals[-1].starts:
        msg = f"instance {command.instance!r} has no renewal whose term has not begun"
        raise NotCancellable(msg, rule="R49")
    last = renewals[-1]
    batch.require_room(cash=last.cash_part)
    # A trial whose only renewal is cancelled is a trial again, auto-renewal off.
    trial_again = len(renewals) == 1 and not any(o.kind == "new" for o in instance.orders)
    cancelled = batch.emit(
        RenewalCancelled(
            instance=command.instance, kind=TRIAL if trial_again else ENTERPRISE,
            months=last.months, expires_at=last.starts,
            slots_from=max(batch.now + SECOND, instance.slots_from),
        )
    )  # fmt: skip
    if trial_again and instance.auto_enabled:
        batch.emit(AutoRenewDisabled(instance=command.instance), cause=cancelled)
    batch.emit(
        RefundIssued(instance=command.instance, reason="renewal", amount=last.cash_part),
        cause=cancelled,
    )


DECISIONS: Final = {c.Cancel: cancel, c.CancelRenewal: cancel_renewal}
