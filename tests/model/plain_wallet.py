"""Money that comes and goes: top-ups, reversals, bills, credit notes, coupons."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from .plain_calendar import DAY, midnight, written
from .plain_errors import Refused, UsageError
from .plain_money import rounded_down, yuan
from .plain_records import Account, Book, Coupon, Item, Part, Payment, Usage
from .plain_service import find_instance, mind_overdue, restates, restored_at

if TYPE_CHECKING:
    from decimal import Decimal

    from .plain_commands import Command

PROMISED_BILL_DELAY = timedelta(hours=4)  # the vendor's, whatever `bill_delay` is (R5)
SAME_PAYMENT_TWICE = timedelta(seconds=60)


def not_before(effective_at: datetime, named_fact: datetime) -> None:
    """INTERFACE section 3: a fact cannot hold before what it names."""
    if effective_at < named_fact:
        raise UsageError(f"effective at {written(effective_at)}, before {written(named_fact)}")


def settle(book: Book, account: Account) -> None:
    """R2: cash pays unpaid items oldest first, partially if need be."""
    for item in account.unpaid():
        paid = min(account.cash, item.outstanding)
        if paid > 0:
            account.cash -= paid
            item.outstanding -= paid
            item.cash_paid += paid
            book.record(account, "BillSettled", {"item": item.item, "cash": yuan(paid)})


def refund(book: Book, account: Account, instance: str, amount: int) -> None:
    """R50: to cash, which pays what is owed."""
    account.cash += amount
    book.record(account, "RefundIssued", {"instance": instance, "amount": yuan(amount)})
    settle(book, account)
    mind_overdue(book, account)


# -- payments ------------------------------------------------------------------------------------


def same_payment(book: Book, c: Command) -> Payment | None:
    """R3: the payment this top-up repeats exactly, if it does."""
    first = book.payments.get((c["channel"], c["serial"]))
    if first and (first.account, first.amount) == (c["account"], c["amount"]):
        return first
    return None


def top_up(book: Book, account: Account, c: Command) -> int:
    """R2, R3."""
    key = (c["channel"], c["serial"])
    if key in book.payments:  # an exact repeat never gets here
        raise Refused("PAYMENT_CONFLICT")
    effective_at = c.get("effective_at", book.clock)
    suspected_duplicate = any(
        other.account == account.account
        and other.amount == c["amount"]
        and abs(other.effective_at - effective_at) <= SAME_PAYMENT_TWICE
        for other in book.payments.values()
    )
    warnings = restates(book, c) + (1 if suspected_duplicate else 0)
    book.payments[key] = Payment(account.account, c["amount"], effective_at, warnings)
    account.cash += c["amount"]
    essentials: dict[str, object] = {
        "amount": yuan(c["amount"]),
        "channel": c["channel"],
        "serial": c["serial"],
    }
    book.record(account, "TopUpReceived", essentials, effective_at)
    settle(book, account)
    mind_overdue(book, account)
    return warnings


def reverse_top_up(book: Book, account: Account, c: Command) -> int:
    """R4: takes the cash there is; the shortfall is a debt from now."""
    payment = book.payments.get((c["channel"], c["serial"]))
    if payment is None or payment.account != account.account:
        raise Refused("UNKNOWN_PAYMENT")
    effective_at = c.get("effective_at", book.clock)
    not_before(effective_at, payment.effective_at)
    if payment.reversed + c["amount"] > payment.amount:
        raise Refused("OVER_REVERSAL")
    warnings = restates(book, c)
    payment.reversed += c["amount"]
    payment.reversals += 1
    taken = min(account.cash, c["amount"])
    shortfall = c["amount"] - taken
    account.cash -= taken
    essentials: dict[str, object] = {
        "amount": yuan(c["amount"]),
        "channel": c["channel"],
        "serial": c["serial"],
        "cash": yuan(taken),
    }
    book.record(account, "TopUpReversed", essentials, effective_at)
    if shortfall > 0:
        name = f"reversal:{c['channel']}:{c['serial']}:{payment.reversals}"
        now = book.clock
        account.items[name] = Item(name, "reversal", "", shortfall, shortfall, now, now, late=False)
        book.record(account, "DebtRecorded", {"item": name, "amount": yuan(shortfall)})
        mind_overdue(book, account)
    return warnings


# -- coupons -------------------------------------------------------------------------------------


def eligible(book: Book, coupon: Coupon, *, product: str, order_type: str, gross: int) -> bool:
    """R38."""
    return (
        coupon.starts <= book.clock < coupon.ends
        and coupon.remaining > 0
        and (coupon.products is None or product in coupon.products)
        and (coupon.order_types is None or order_type in coupon.order_types)
        and coupon.minimum_spend <= gross
    )


def grant_coupon(book: Book, account: Account, c: Command) -> int:
    """R37."""
    effective_at: datetime = c.get("effective_at", book.clock)
    if c["coupon"] in account.coupons:
        raise Refused("ALREADY_EXISTS")
    starts = _instant(book, c.get("starts", effective_at))
    ends = _instant(book, c["ends"], last_day=True)
    if starts >= ends:
        raise Refused("INVALID_PERIOD")
    warnings = restates(book, c)
    coupon = Coupon(
        c["coupon"],
        c["amount"],
        c["amount"],
        book.clock,  # R11: one told late comes after those that the ledger knew (R39, R43)
        starts,
        ends,
        c.get("products"),
        c.get("order_types"),
        c.get("minimum_spend", 0),
    )
    account.coupons[coupon.coupon] = coupon
    essentials: dict[str, object] = {
        "coupon": coupon.coupon,
        "amount": yuan(coupon.amount),
        "starts": written(starts),
        "ends": written(ends),
    }
    book.record(account, "CouponGranted", essentials, effective_at)
    return warnings


def start_coupon(book: Book, account: Account, coupon: Coupon) -> None:
    """R42: a started coupon pays nothing already posted, unless `coupon_pays_posted` says so."""
    coupon.start_passed = True
    if book.policy.coupon_pays_posted:
        for item in account.unpaid():
            if item.kind == "bill":
                _pay_with_coupon(book, account, coupon, item)
        mind_overdue(book, account)


def end_coupon(book: Book, account: Account, coupon: Coupon) -> None:
    """R40: what is left is forfeited; no event if nothing is."""
    coupon.end_passed = True
    if coupon.remaining > 0:
        essentials: dict[str, object] = {
            "coupon": coupon.coupon,
            "amount": yuan(coupon.remaining),
        }
        coupon.forfeited += coupon.remaining
        coupon.remaining = 0
        book.record(account, "CouponExpired", essentials)


def _instant(book: Book, said: date | datetime, *, last_day: bool = False) -> datetime:
    """R37: a bare date is its 00:00, or as the last valid day the 00:00 after it."""
    if isinstance(said, datetime):
        return said
    return midnight(said + DAY if last_day else said, book.policy.calendar_offset)


def _pay_with_coupon(book: Book, account: Account, coupon: Coupon, item: Item) -> None:
    if not eligible(
        book, coupon, product=item.product, order_type="pay_as_you_go", gross=item.amount
    ):
        return
    amount = min(coupon.remaining, item.outstanding)
    if amount > 0:
        coupon.remaining -= amount
        item.outstanding -= amount
        item.parts.append(Part(coupon, amount))
        essentials: dict[str, object] = {
            "item": item.item,
            "coupon": coupon.coupon,
            "coupon_part": yuan(amount),
        }
        book.record(account, "BillSettled", essentials)


# -- bills ---------------------------------------------------------------------------------------


def _check_billable(book: Book, account: Account, name: str, c: Command) -> str:
    """The refusals usage and bills share; the product billed."""
    if name in account.bill_ids:
        raise Refused("ALREADY_EXISTS")
    instance = find_instance(account, c["instance"])
    not_before(c.get("effective_at", book.clock), instance.created_at)
    if instance.kind == "public_new":  # R15
        raise Refused("NOT_BILLABLE")
    in_service = instance.state_when(c["cycle_start"])
    promised = restored_at(book, instance)
    if in_service == "restoring" and promised is not None and c["cycle_start"] >= promised:
        in_service = "running"  # a cycle that is yet to come starts after the promise
    if in_service in ("stopped_overdue", "stopped_expired", "restoring", "released"):  # R18
        raise Refused("NOT_BILLABLE")
    if c["cycle_start"] >= c["cycle_end"]:
        raise Refused("INVALID_PERIOD")
    return instance.product()


def record_usage(book: Book, account: Account, c: Command) -> int:
    """R5: billed by the clock, or at once if the time for it has passed."""
    product = _check_billable(book, account, c["usage"], c)
    warnings = restates(book, c)
    account.bill_ids.add(c["usage"])
    account.usages[c["usage"]] = Usage(c["usage"], product, c["cycle_end"], c["rated"])
    essentials: dict[str, object] = {"usage": c["usage"], "rated": str(c["rated"])}
    book.record(account, "UsageRecorded", essentials, c.get("effective_at"))
    return warnings


def bill_usage(book: Book, account: Account, usage: Usage) -> None:
    """R5: the bill of recorded usage; it has the id of the usage."""
    del account.usages[usage.usage]
    post(book, account, usage.usage, usage.product, usage.cycle_end, usage.rated)


def post_bill(book: Book, account: Account, c: Command) -> int:
    """R5: a bill that arrives ready made is posted now."""
    product = _check_billable(book, account, c["bill"], c)
    if book.clock < c["cycle_end"]:
        raise Refused("BILL_TOO_EARLY")
    warnings = restates(book, c)
    account.bill_ids.add(c["bill"])
    post(
        book,
        account,
        c["bill"],
        product,
        c["cycle_end"],
        c["rated"],
        effective_at=c.get("effective_at"),
    )
    return warnings


def post(
    book: Book,
    account: Account,
    name: str,
    product: str,
    cycle_end: datetime,
    rated: Decimal,
    *,
    effective_at: datetime | None = None,
) -> None:
    """R7, R8, R43: round down, then coupons (earliest end, earliest grant, id), then cash."""
    amount = rounded_down(rated)
    late = book.clock > cycle_end + PROMISED_BILL_DELAY
    bill = Item(name, "bill", product, amount, amount, book.clock, effective_at or book.clock, late)
    account.items[name] = bill
    essentials: dict[str, object] = {
        "bill": name,
        "amount": yuan(amount),
        "rated": str(rated),
        "late": late,
    }
    book.record(account, "BillPosted", essentials, effective_at)
    for coupon in sorted(
        account.coupons.values(), key=lambda one: (one.ends, one.granted_at, one.coupon)
    ):
        _pay_with_coupon(book, account, coupon, bill)
    settle(book, account)  # if there is cash, this bill is the only unpaid item (R1)
    mind_overdue(book, account)


def credit_note(book: Book, account: Account, c: Command) -> int:
    """R10: cancels what is outstanding, then returns cash, then coupon parts, newest first."""
    if c["note"] in account.note_ids:
        raise Refused("ALREADY_EXISTS")
    bill = account.items.get(c["bill"])
    if bill is None or bill.kind != "bill":
        raise Refused("UNKNOWN_BILL")
    effective_at = c.get("effective_at", book.clock)
    not_before(effective_at, bill.effective_at)
    if bill.credited + c["amount"] > bill.amount:
        raise Refused("OVER_CREDIT")
    warnings = restates(book, c)
    account.note_ids.add(c["note"])
    bill.credited += c["amount"]
    cancelled = min(c["amount"], bill.outstanding)
    bill.outstanding -= cancelled
    returned = min(c["amount"] - cancelled, bill.cash_paid)
    bill.cash_paid -= returned
    account.cash += returned
    _restore_parts(book, bill, c["amount"] - cancelled - returned)
    essentials: dict[str, object] = {
        "note": c["note"],
        "bill": c["bill"],
        "amount": yuan(c["amount"]),
        "cancelled": yuan(cancelled),
        "cash": yuan(returned),
    }
    book.record(account, "CreditNoteIssued", essentials, effective_at)
    settle(book, account)
    mind_overdue(book, account)
    return warnings


def _restore_parts(book: Book, bill: Item, left: int) -> None:
    """Coupon parts newest applied first; to a coupon that has ended they are forfeited."""
    for part in reversed(bill.parts):
        back = min(left, part.amount)
        part.amount -= back
        left -= back
        if book.clock >= part.coupon.ends:
            part.coupon.forfeited += back
        else:
            part.coupon.remaining += back
