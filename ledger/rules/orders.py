"""Orders for instances: purchase, trial, upgrade of a public instance, spec upgrade.

Decides R12, R21, R24, R26, R29 (ticking), R45, R46 (start) and R47. No due transitions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger import commands as c
from ledger.certain import certain
from ledger.errors import (
    AlreadyExists,
    Expired,
    InvalidAmount,
    WrongState,
)
from ledger.events import (
    AutoRenewEnabled,
    InstancePurchased,
    SpecUpgraded,
    TrialStarted,
    UpgradedToEnterprise,
)
from ledger.money import divide_half_up
from ledger.periods import DAY, SECOND
from ledger.rules.payment import (
    TICKED_MONTHS,
    end_of_term,
    list_price,
    pay_order,
    require_order_months,
)
from ledger.state import (
    ENTERPRISE,
    FROZEN,
    PUBLIC_LEGACY,
    PUBLIC_NEW,
    RELEASED,
    RESTORING,
    RUNNING,
    STOPPED_OVERDUE,
)

if TYPE_CHECKING:
    from ledger.rules.batch import Batch

TRIAL_MONTHS = 1  # R46
SPEC_MONTH = 30 * DAY // SECOND  # R47: the month by which a price difference is prorated


def _require_new_id(batch: Batch, instance: str) -> None:
    if instance in batch.state.instances:
        raise AlreadyExists(f"instance {instance!r} exists", rule="R26")


def purchase(batch: Batch, command: c.Purchase) -> None:
    """Buy a new Enterprise instance with one coupon and cash, or not at all (R26)."""
    _require_new_id(batch, command.instance)
    monthly_price = list_price(batch, command.sku)
    require_order_months(command.months)
    price = monthly_price * command.months
    quote = pay_order(batch, order_type="new", gross=price, wanted=command.coupon)
    bought = batch.emit(
        InstancePurchased(
            instance=command.instance, sku=command.sku, monthly_price=monthly_price,
            months=command.months, price=price, coupon=quote.coupon,
            coupon_part=quote.coupon_part, cash_part=quote.cash_part, starts=batch.now,
            expires_at=end_of_term(batch, batch.now, command.months),
        )
    )  # fmt: skip
    if command.auto_renew:  # R29, R32: ticked at purchase it is effective at once
        # A slot at the very instant of the purchase has passed: what is due comes first (R57).
        slots_from = batch.now + SECOND
        enabled = AutoRenewEnabled(
            instance=command.instance, months=TICKED_MONTHS, slots_from=slots_from
        )
        batch.emit(enabled, cause=bought)


def start_trial(batch: Batch, command: c.StartTrial) -> None:
    """Start a free trial of one month; allowed while overdue (R13, R46)."""
    _require_new_id(batch, command.instance)
    list_price(batch, command.sku)
    batch.emit(
        TrialStarted(
            instance=command.instance, sku=command.sku, months=TRIAL_MONTHS, starts=batch.now,
            expires_at=end_of_term(batch, batch.now, TRIAL_MONTHS),
        )
    )  # fmt: skip


def upgrade(batch: Batch, command: c.Upgrade) -> None:
    """Turn a public instance into a paid Enterprise one: an order of type ``new`` (R45)."""
    instance = batch.instance(command.instance, rule="R45")
    monthly_price = list_price(batch, command.sku)
    if instance.kind not in (PUBLIC_NEW, PUBLIC_LEGACY):
        msg = f"instance {command.instance!r} is {instance.kind}, not public"
        raise WrongState(msg, rule="R45")
    require_order_months(command.months)
    price = monthly_price * command.months
    quote = pay_order(batch, order_type="new", gross=price, wanted=command.coupon)
    if instance.state not in (RUNNING, FROZEN, RESTORING):
        # A stopped one belongs to an overdue account, which pay_order has refused.
        raise WrongState(f"instance {command.instance!r} is {STOPPED_OVERDUE}", rule="R45")
    batch.emit(
        UpgradedToEnterprise(
            instance=command.instance, sku=command.sku, monthly_price=monthly_price,
            months=command.months, price=price, coupon=quote.coupon,
            coupon_part=quote.coupon_part, cash_part=quote.cash_part, starts=batch.now,
            expires_at=end_of_term(batch, batch.now, command.months),
            state=RESTORING if instance.state == RESTORING else RUNNING,
        )
    )  # fmt: skip


def change_spec(batch: Batch, command: c.ChangeSpec) -> None:
    """Move to a larger sku until T for the price difference over the remaining seconds (R47)."""
    instance = batch.instance(command.instance, rule="R47")
    new_price = list_price(batch, command.sku)
    if instance.kind != ENTERPRISE or instance.state == RELEASED:
        msg = f"{instance.kind} instance {command.instance!r} is {instance.state}"
        raise WrongState(msg, rule="R47")
    ends, sku_before = certain(instance.expires_at), certain(instance.sku)  # as each Enterprise one
    if batch.now >= ends:
        raise Expired(f"the term of instance {command.instance!r} has ended", rule="R47")
    difference = new_price - list_price(batch, sku_before)
    if difference <= 0:
        msg = f"sku {command.sku!r} does not cost more than {sku_before!r}"
        raise InvalidAmount(msg, rule="R47")
    remaining = (ends - batch.now) // SECOND
    fee = divide_half_up(difference * remaining, SPEC_MONTH)
    quote = pay_order(batch, order_type="upgrade", gross=fee, wanted=command.coupon)
    batch.emit(
        SpecUpgraded(
            instance=command.instance, sku_before=sku_before, sku=command.sku, price=fee,
            coupon=quote.coupon, coupon_part=quote.coupon_part, cash_part=quote.cash_part,
            starts=batch.now, ends=ends,
        )
    )  # fmt: skip


DECISIONS: Final = {
    c.StartTrial: start_trial,
    c.Purchase: purchase,
    c.Upgrade: upgrade,
    c.ChangeSpec: change_spec,
}
