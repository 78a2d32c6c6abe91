"""Usage, bills and credit notes: what pay-as-you-go costs, and what is taken back.

Decides R5-R8, R10, R15, R18 and R43. Due transition: a recorded usage's bill is posted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger import commands as c
from ledger.account import deadlines as d
from ledger.errors import (
    AlreadyExists,
    BillTooEarly,
    InvalidPeriod,
    NotBillable,
    OverCredit,
    UnknownBill,
)
from ledger.events import BillPosted, BillSettled, CreditNoteIssued, UsageRecorded
from ledger.money import format_minor
from ledger.periods import HOUR
from ledger.rules.payment import coupons_for_bill, product_of
from ledger.state import PUBLIC_NEW

if TYPE_CHECKING:
    from ledger.rules.batch import Batch
    from ledger.state import Bill, Instance

# The vendor's promise, whatever ``bill_delay`` is (R5).
POSTING_PROMISED = 4 * HOUR


def _in_service_at(batch: Batch, instance: Instance, at: int) -> bool:
    """Return whether the service was not stopped, restoring or released at an instant (R18)."""
    for start, end in instance.outages:
        promised = d.restored_at(instance, batch.config.policy) if end is None else end
        if start <= at and (promised is None or at < promised):
            return False
    return True


def _billable(batch: Batch, name: str, command: c.RecordUsage | c.PostBill) -> Instance:
    """Check the id, the instance and the cycle of usage or a bill."""
    state = batch.state
    if state.is_used(name):
        raise AlreadyExists(f"a usage or bill {name!r} exists", rule="R5")
    instance = batch.instance(command.instance, rule="R15")
    if instance.kind == PUBLIC_NEW:
        msg = f"instance {command.instance!r} is a new public one, which is never billed"
        raise NotBillable(msg, rule="R15")
    if not _in_service_at(batch, instance, command.cycle_start):
        msg = f"instance {command.instance!r} was not in service when the cycle began"
        raise NotBillable(msg, rule="R18")
    if command.cycle_start >= command.cycle_end:
        raise InvalidPeriod("the billing cycle ends before it starts", rule="R5")
    return instance


def record_usage(
    batch: Batch, command: c.RecordUsage, *, amount: int, round_down: int, effective_at: int
) -> None:
    """Remember rated usage; its bill is due at cycle_end + bill_delay (R5)."""
    batch.require_room(debts=amount)
    instance = _billable(batch, command.usage, command)
    batch.emit(
        UsageRecorded(
            usage=command.usage, instance=command.instance, product=product_of(instance),
            cycle_start=command.cycle_start, cycle_end=command.cycle_end,
            amount=amount, round_down=round_down,
        ),
        effective_at=effective_at,
    )  # fmt: skip


def post_bill(
    batch: Batch, command: c.PostBill, *, amount: int, round_down: int, effective_at: int
) -> None:
    """Post a bill that arrives ready made, now (R5)."""
    batch.require_room(debts=amount)
    instance = _billable(batch, command.bill, command)
    cycle_end = command.cycle_end
    if batch.now < cycle_end:
        raise BillTooEarly(f"bill {command.bill!r} is posted before its cycle has ended", rule="R5")
    _post(
        batch,
        BillPosted(
            bill=command.bill, instance=command.instance, product=product_of(instance),
            cycle_start=command.cycle_start, cycle_end=cycle_end,
            amount=amount, round_down=round_down, posted_at=batch.now,
            late=batch.now > cycle_end + POSTING_PROMISED,
        ),
        effective_at=effective_at,
    )  # fmt: skip


def post_usage(batch: Batch, usage: str) -> None:
    """Due: the bill of a recorded usage is posted, under the usage's id (R5)."""
    fact = batch.state.usages[usage].event
    _post(
        batch,
        BillPosted(
            bill=usage, instance=fact.instance, product=fact.product,
            cycle_start=fact.cycle_start, cycle_end=fact.cycle_end,
            amount=fact.amount, round_down=fact.round_down, posted_at=batch.now,
            late=batch.now > fact.cycle_end + POSTING_PROMISED,
        ),
        effective_at=batch.now,
    )  # fmt: skip


def _post(batch: Batch, bill: BillPosted, *, effective_at: int) -> None:
    """Post a bill: eligible coupons first, then cash; the rest is outstanding (R7, R43)."""
    state = batch.state
    posted = batch.emit(bill, effective_at=effective_at)
    left = bill.amount
    parts: list[tuple[str, int]] = []
    if state.funded and left:
        for coupon in coupons_for_bill(batch, product=bill.product, gross=bill.amount):
            part = min(coupon.remaining, left)
            parts.append((coupon.coupon, part))
            left -= part
            if not left:
                break
    cash_part = min(max(state.cash, 0), left)
    if parts or cash_part:
        batch.emit(
            BillSettled(
                item=bill.bill, kind="bill", cash_part=cash_part,
                outstanding=left - cash_part, coupons=tuple(parts),
            ),
            cause=posted,
        )  # fmt: skip


def credit_note(
    batch: Batch, command: c.CreditNote, *, amount: int, effective_at: int
) -> None:
    """Credit part of a bill: outstanding, then its cash, then coupon parts (R10)."""
    state = batch.state
    if command.note in state.notes:
        raise AlreadyExists(f"credit note {command.note!r} exists", rule="R10")
    bill = state.bills.get(command.bill)
    if bill is None:
        msg = f"account {state.account!r} has no posted bill {command.bill!r}"
        raise UnknownBill(msg, rule="R10")
    left = bill.amount - bill.credited
    if amount > left:
        rest = format_minor(left, state.currency)
        msg = f"{rest} {state.currency} of bill {command.bill!r} is left to credit"
        raise OverCredit(msg, rule="R10", needed=amount, available=left)
    outstanding_part = min(bill.outstanding, amount)
    cash_part = min(bill.cash_paid, amount - outstanding_part)
    restored, forfeited = _coupon_parts(batch, bill, amount - outstanding_part - cash_part)
    batch.require_room(cash=cash_part, coupons=sum(part for _, part in restored))
    batch.emit(
        CreditNoteIssued(
            note=command.note, bill=command.bill, amount=amount,
            outstanding_part=outstanding_part, cash_part=cash_part,
            coupons_restored=tuple(restored), coupons_forfeited=tuple(forfeited),
        ),
        effective_at=effective_at,
    )  # fmt: skip


def _coupon_parts(
    batch: Batch, bill: Bill, amount: int
) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Return parts to coupons, newest applied first; parts of ended coupons are lost (R10)."""
    restored: list[tuple[str, int]] = []
    forfeited: list[tuple[str, int]] = []
    for name, applied in reversed(bill.coupons):
        part = min(applied, amount)
        if not part:
            break
        ended = batch.state.coupons[name].ends <= batch.now
        (forfeited if ended else restored).append((name, part))
        amount -= part
    return restored, forfeited


DECISIONS: Final = {
    c.RecordUsage: record_usage,
    c.PostBill: post_bill,
    c.CreditNote: credit_note,
}
DUE: Final = {d.BILL_POSTING: post_usage}
