"""What each event does to an account's money: wallet, coupons, bills, overdue, alert.

Invariant: only what the event says is added or subtracted, so the order of a fold does not matter
for the head (R56). ``MONEY`` maps every such event to its function.
"""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any

from ledger import events as e
from ledger.state import (
    COUPON,
    ITEM,
    USAGE,
    AccountState,
    Bill,
    Coupon,
    Debt,
    Payment,
    Usage,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.events import Foldable


def _opened(s: AccountState, r: Foldable, ev: e.AccountOpened) -> None:
    s.currency = ev.currency
    s.opened_at = r.effective_at


def _topped_up(s: AccountState, r: Foldable, ev: e.TopUpReceived) -> None:
    s.cash += ev.amount
    s.payments[ev.channel, ev.serial] = Payment(ev.amount, r.effective_at)


def _reversed(s: AccountState, _: Foldable, ev: e.TopUpReversed) -> None:
    s.cash -= ev.cash_part
    payment = s.payments[ev.channel, ev.serial]
    payment.reversed += ev.amount
    payment.reversals += 1


def _debt(s: AccountState, _: Foldable, ev: e.DebtRecorded) -> None:
    s.debts.add(ev.item)
    s.items[ev.item] = Debt(ev.item, ev.kind, ev.amount, ev.posted_at, ev.amount)
    s.note(ITEM, ev.item)
    s.outstanding += ev.amount


def _granted(s: AccountState, _: Foldable, ev: e.CouponGranted) -> None:
    coupon = s.coupons[ev.coupon] = s.funded[ev.coupon] = Coupon(
        ev.coupon, ev.amount, ev.starts, ev.ends, ev.granted_at, ev.products, ev.order_types,
        ev.minimum_spend, ev.starts <= ev.granted_at,
    )  # fmt: skip
    if ev.coupon in s.early_parts:
        coupon.used, coupon.forfeited = s.early_parts.pop(ev.coupon)
    s.note(COUPON, ev.coupon)


def _coupon_started(s: AccountState, _: Foldable, ev: e.CouponStarted) -> None:
    s.coupons[ev.coupon].started = True
    s.note(COUPON, ev.coupon)


def _coupon_expired(s: AccountState, _: Foldable, ev: e.CouponExpired) -> None:
    coupon = s.coupons[ev.coupon]
    coupon.forfeited += ev.forfeited
    coupon.expired = True
    s.funded.pop(ev.coupon, None)
    s.note(COUPON, ev.coupon)


def use_coupon(s: AccountState, name: str, part: int) -> None:
    """Use a part of a coupon (a negative one gives it back)."""
    coupon = s.coupons[name]
    coupon.used += part
    if coupon.remaining > 0:
        s.funded[name] = coupon
    else:
        s.funded.pop(name, None)
    s.note(COUPON, name)


def _usage(s: AccountState, r: Foldable, ev: e.UsageRecorded) -> None:
    s.usages[ev.usage] = Usage(ev, r.recorded_at)
    if s.changes is not None:
        s.note(USAGE, ev.usage)


def _bill_posted(s: AccountState, r: Foldable, ev: e.BillPosted) -> None:
    name, amount = ev.bill, ev.amount
    if s.usages.pop(name, None) is not None and s.changes is not None:
        s.note(USAGE, name)
    bill = s.bills[name] = Bill(
        # An account has many bills and few instances.
        name, intern(ev.instance), intern(ev.product), ev.cycle_start, ev.cycle_end, amount,
        ev.round_down, ev.posted_at, ev.late, r.effective_at, amount,
    )  # fmt: skip
    if amount:
        s.items[name] = bill
        s.outstanding += amount
        if s.changes is not None:
            s.note(ITEM, name)


def _settled(s: AccountState, _: Foldable, ev: e.BillSettled) -> None:
    paid = cash = ev.cash_part
    s.cash -= cash
    for name, part in ev.coupons:
        use_coupon(s, name, part)
        paid += part
    if not paid:
        return
    item = s.items[ev.item]
    item.outstanding -= paid
    s.outstanding -= paid
    if not item.outstanding:
        del s.items[ev.item]
    if isinstance(item, Bill):
        item.cash_paid += cash
        for name, part in ev.coupons:
            _apply(item, name, part)


def _overdue(
    s: AccountState, _: Foldable, ev: e.OverdueStarted | e.OverdueReanchored
) -> None:
    s.overdue_since = ev.overdue_since
    s.overdue_item = ev.item


def _overdue_cleared(s: AccountState, _: Foldable, __: e.OverdueCleared) -> None:
    s.overdue_since = s.overdue_item = None


def _credited(s: AccountState, _: Foldable, ev: e.CreditNoteIssued) -> None:
    unpaid = s.items.get(ev.bill)
    bill = unpaid if isinstance(unpaid, Bill) else s.bills[ev.bill]
    s.notes.add(ev.note)
    bill.credited += ev.amount
    bill.cash_paid -= ev.cash_part
    s.cash += ev.cash_part
    if ev.outstanding_part:
        bill.outstanding -= ev.outstanding_part
        s.outstanding -= ev.outstanding_part
        if not bill.outstanding:
            del s.items[ev.bill]
    for name, part in ev.coupons_restored:
        _give_back(s, name, used=part, forfeited=0)
        _unapply(bill, name, part)
    for name, part in ev.coupons_forfeited:
        _give_back(s, name, used=part, forfeited=part)
        _unapply(bill, name, part)


def _give_back(s: AccountState, name: str, *, used: int, forfeited: int) -> None:
    """Return a part to its coupon; a late note may come before the coupon's grant in a fold."""
    coupon = s.coupons.get(name)
    if coupon is None:
        before = s.early_parts.get(name, (0, 0))
        s.early_parts[name] = before[0] - used, before[1] + forfeited
        return
    coupon.forfeited += forfeited
    use_coupon(s, name, -used)


def _apply(bill: Bill, name: str, part: int) -> None:
    """Note a coupon part on a bill, less what a late credit note took off it ahead of this."""
    parts = list(bill.coupons)
    for i, (applied, left) in enumerate(parts):
        if applied == name and left < 0:
            taken = min(-left, part)
            part -= taken
            parts[i] = (applied, left + taken)
    bill.coupons = tuple(one for one in (*parts, (name, part)) if one[1])


def _unapply(bill: Bill, name: str, part: int) -> None:
    """Remove a coupon part from a bill, newest applied first; ahead of its use where it is late."""
    parts = list(bill.coupons)
    for i in range(len(parts) - 1, -1, -1):
        applied, left = parts[i]
        if applied == name and part and left > 0:
            taken = min(left, part)
            part -= taken
            parts[i] = (applied, left - taken)
    bill.coupons = tuple(one for one in (*parts, (name, -part)) if one[1])


def _refunded(s: AccountState, _: Foldable, ev: e.RefundIssued) -> None:
    s.cash += ev.amount
    if ev.calendar_year is not None:
        s.five_day_years.add(ev.calendar_year)


def _alert_configured(s: AccountState, _: Foldable, ev: e.AlertConfigured) -> None:
    alert = s.alert
    alert.threshold = ev.threshold
    alert.armed = ev.threshold is not None
    alert.raised_at = None
    alert.reminders_on = False


def _alert_raised(s: AccountState, r: Foldable, ev: e.LowBalanceAlertRaised) -> None:
    alert = s.alert
    alert.armed = False
    alert.raised_at = r.effective_at
    alert.reminders_on = ev.reminders
    alert.reminders_sent = 0


def _alert_cleared(s: AccountState, _: Foldable, __: e.LowBalanceAlertCleared) -> None:
    alert = s.alert
    alert.armed = True
    alert.raised_at = None
    alert.reminders_on = False


def _reminded(s: AccountState, _: Foldable, ev: e.LowBalanceReminderSent) -> None:
    s.alert.reminders_sent = ev.number


def _reminders_off(s: AccountState, _: Foldable, __: e.LowBalanceRemindersCancelled) -> None:
    s.alert.reminders_on = False


MONEY: dict[type[e.Event], Callable[[AccountState, Foldable, Any], None]] = {
    e.AccountOpened: _opened,
    e.TopUpReceived: _topped_up,
    e.TopUpReversed: _reversed,
    e.DebtRecorded: _debt,
    e.CouponGranted: _granted,
    e.CouponStarted: _coupon_started,
    e.CouponExpired: _coupon_expired,
    e.UsageRecorded: _usage,
    e.BillPosted: _bill_posted,
    e.BillSettled: _settled,
    e.OverdueStarted: _overdue,
    e.OverdueReanchored: _overdue,
    e.OverdueCleared: _overdue_cleared,
    e.CreditNoteIssued: _credited,
    e.RefundIssued: _refunded,
    e.AlertConfigured: _alert_configured,
    e.LowBalanceAlertRaised: _alert_raised,
    e.LowBalanceAlertCleared: _alert_cleared,
    e.LowBalanceReminderSent: _reminded,
    e.LowBalanceRemindersCancelled: _reminders_off,
}
