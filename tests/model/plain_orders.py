"""Orders: purchase, trial, renewal, upgrade, change of size, and taking them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .plain_calendar import SECOND, local, term_end, whole_days, written
from .plain_errors import Refused
from .plain_money import half_up, split, yuan
from .plain_records import Account, Book, Coupon, Instance, Order
from .plain_renewal import check_list, check_not_released, tick
from .plain_service import enter, find_instance, new_instance, release, start_restoring
from .plain_wallet import eligible, refund

if TYPE_CHECKING:
    from datetime import datetime

    from .plain_commands import Command

MONTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 24, 36)  # R24
THIRTY_DAYS = 30 * 86_400  # seconds; the month of R47


def best_coupon(book: Book, account: Account, order_type: str, gross: int) -> Coupon | None:
    """R39: largest remaining, then earliest end, then earliest grant, then id."""
    usable = [
        coupon
        for coupon in account.coupons.values()
        if eligible(book, coupon, product="iot_enterprise", order_type=order_type, gross=gross)
    ]
    usable.sort(key=lambda one: (-one.remaining, one.ends, one.granted_at, one.coupon))
    return usable[0] if usable else None


def quote(
    book: Book, account: Account, order_type: str, gross: int, wish: str
) -> tuple[Coupon | None, int]:
    """R12, R39, R26 in this order: the coupon of an order and its part, or the refusal."""
    if account.overdue:
        raise Refused("ACCOUNT_OVERDUE")
    if wish == "auto":
        coupon = best_coupon(book, account, order_type, gross)
    elif wish == "none":
        coupon = None
    else:
        coupon = account.coupons.get(wish)
        if coupon is None or not eligible(
            book, coupon, product="iot_enterprise", order_type=order_type, gross=gross
        ):
            raise Refused("COUPON_NOT_ELIGIBLE")
    part = min(coupon.remaining, gross) if coupon else 0
    if account.cash < gross - part:
        raise Refused("INSUFFICIENT_BALANCE")
    return coupon, part


def pay(account: Account, gross: int, coupon: Coupon | None, part: int) -> dict[str, object]:
    """Move the money of a quote; what the event says of it."""
    if coupon:
        coupon.remaining -= part
    account.cash -= gross - part
    return paid_words(gross, coupon, part)


def paid_words(gross: int, coupon: Coupon | None, part: int) -> dict[str, object]:
    """Price, coupon, and the two parts."""
    return {
        "price": yuan(gross),
        "coupon": coupon.coupon if coupon else None,
        "coupon_part": yuan(part),
        "cash_part": yuan(gross - part),
    }


def _price(book: Book, sku: str) -> int:
    if sku not in book.prices:
        raise Refused("UNKNOWN_SKU")
    return book.prices[sku]


def _check_months(months: int) -> None:
    if months not in MONTHS:
        raise Refused("INVALID_PERIOD")


def _extend(book: Book, instance: Instance, order: Order) -> None:
    """R21: T from the anchor and the months bought in total; the slots are those of the new T."""
    assert instance.anchor is not None
    policy = book.policy
    instance.months += order.months
    order.ends = term_end(instance.anchor, instance.months, policy.expiry, policy.calendar_offset)
    instance.expires_at = order.ends
    instance.orders.append(order)
    _pass_slots(book, instance)


def _pass_slots(book: Book, instance: Instance) -> None:
    """R34, R49: when T moves, the slots of the new T at or before now have passed."""
    earliest = book.clock + SECOND
    instance.slots_from = max(instance.slots_from or earliest, earliest)


def _begin_term(
    book: Book, instance: Instance, *, kind: str, sku: str, months: int, gross: int, cash: int
) -> None:
    """The first term of an instance, anchored now."""
    now = book.clock
    instance.kind = kind
    instance.sku = sku
    instance.anchor = local(now, book.policy.calendar_offset)
    type_ = "trial" if kind == "trial" else "new"
    _extend(book, instance, Order(type_, now, gross, cash, now, now, months))


def purchase(book: Book, account: Account, c: Command) -> int:
    """R21, R24, R26, R29."""
    if c["instance"] in account.instances:
        raise Refused("ALREADY_EXISTS")
    price = _price(book, c["sku"])
    _check_months(c["months"])
    gross = price * c["months"]
    coupon, part = quote(book, account, "new", gross, c["coupon"])
    words = pay(account, gross, coupon, part)
    instance = new_instance(book, account, c["instance"], "enterprise")
    _begin_term(
        book,
        instance,
        kind="enterprise",
        sku=c["sku"],
        months=c["months"],
        gross=gross,
        cash=gross - part,
    )
    book.record(account, "InstancePurchased", _term_words(instance, c["months"]) | words)
    if not c["auto_renew"]:
        return 0
    return tick(book, account, instance, months=1, slots_from=book.clock + SECOND)


def start_trial(book: Book, account: Account, c: Command) -> int:
    """R46: free, one month; R13: works while overdue."""
    if c["instance"] in account.instances:
        raise Refused("ALREADY_EXISTS")
    _price(book, c["sku"])
    instance = new_instance(book, account, c["instance"], "trial")
    _begin_term(book, instance, kind="trial", sku=c["sku"], months=1, gross=0, cash=0)
    book.record(account, "TrialStarted", _term_words(instance, 1))
    return 0


def upgrade(book: Book, account: Account, c: Command) -> int:
    """R45: a public instance becomes Enterprise, anchored now; an order of type `new`."""
    instance = find_instance(account, c["instance"])
    if instance.has_term():
        raise Refused("WRONG_STATE")
    price = _price(book, c["sku"])
    _check_months(c["months"])
    gross = price * c["months"]
    coupon, part = quote(book, account, "new", gross, c["coupon"])
    words = pay(account, gross, coupon, part)
    _begin_term(
        book,
        instance,
        kind="enterprise",
        sku=c["sku"],
        months=c["months"],
        gross=gross,
        cash=gross - part,
    )
    if instance.state == "frozen":
        enter(book, instance, "running")
    book.record(account, "UpgradedToEnterprise", _term_words(instance, c["months"]) | words)
    return 0


def renew(book: Book, account: Account, c: Command) -> int:
    """R24-R27: one payment for the whole list, all or nothing."""
    instances = check_list(account, c["instances"])
    check_not_released(instances)
    _check_months(c["months"])
    prices = {one.instance: book.prices[one.sku or ""] * c["months"] for one in instances}
    total = sum(prices.values())
    coupon, part = quote(book, account, "renew", total, c["coupon"])
    pay(account, total, coupon, part)
    parts = split(part, prices)
    via = "manual" if len(instances) == 1 else "bulk"
    warnings = 0
    for instance in instances:
        share = parts[instance.instance]
        renew_one(
            book,
            account,
            instance,
            via=via,
            months=c["months"],
            gross=prices[instance.instance],
            coupon=coupon,
            part=share,
        )
        if c["auto_renew"]:  # R29; off to on counts from the next local day (R32)
            warnings += tick(book, account, instance, months=1)
    return warnings


def renew_one(
    book: Book,
    account: Account,
    instance: Instance,
    *,
    via: str,
    months: int,
    gross: int,
    coupon: Coupon | None,
    part: int,
) -> None:
    """R25: the new term starts at the old T; a stopped service comes back. Paid for already."""
    old_end = instance.expires_at
    assert old_end is not None
    instance.kind = "enterprise"  # R46
    order = Order("renew", book.clock, gross, gross - part, old_end, old_end, months)
    _extend(book, instance, order)
    words = {"via": via, "starts": written(old_end)} | paid_words(gross, coupon, part)
    book.record(account, "InstanceRenewed", _term_words(instance, months) | words)
    if instance.state == "stopped_expired":
        start_restoring(book, account, instance)


def change_spec(book: Book, account: Account, c: Command) -> int:
    """R47: pay the difference for the rest of the term."""
    instance = find_instance(account, c["instance"])
    if instance.kind != "enterprise":
        raise Refused("WRONG_STATE")
    new_price = _price(book, c["sku"])
    if instance.state == "released":
        raise Refused("WRONG_STATE")
    assert instance.expires_at is not None
    if book.clock >= instance.expires_at:
        raise Refused("EXPIRED")
    difference = new_price - book.prices[instance.sku or ""]
    if difference <= 0:
        raise Refused("INVALID_AMOUNT")
    seconds_left = (instance.expires_at - book.clock) // SECOND
    fee = half_up(difference * seconds_left, THIRTY_DAYS)
    coupon, part = quote(book, account, "upgrade", fee, c["coupon"])
    words = pay(account, fee, coupon, part)
    instance.sku = c["sku"]
    instance.orders.append(
        Order("upgrade", book.clock, fee, fee - part, book.clock, instance.expires_at)
    )
    words |= {"instance": instance.instance, "sku": instance.sku}
    book.record(account, "SpecUpgraded", words)
    return 0


def cancel(book: Book, account: Account, c: Command) -> int:
    """R48: released at once; refunded in full once a year if new, else for what was not used."""
    instance = find_instance(account, c["instance"])
    if not instance.has_term() or instance.state == "released":
        raise Refused("NOT_CANCELLABLE")
    now = book.clock
    year = local(now, book.policy.calendar_offset).year
    just_bought = any(
        order.type == "new" and now < order.ordered_at + book.policy.five_day_refund
        for order in instance.orders
    )
    if just_bought and year not in account.refunded_years:
        account.refunded_years.add(year)
        amount = sum(order.cash for order in instance.orders)
    else:
        amount = sum(_unused(order, now) for order in instance.orders)
    release(book, account, instance)
    refund(book, account, instance.instance, amount)
    return 0


def _unused(order: Order, now: datetime) -> int:
    """R48: the cash of an order that its term has not used up yet."""
    if now < order.starts:
        return order.cash
    if now >= order.ends:
        return 0
    used, term = whole_days(now - order.starts), whole_days(order.ends - order.starts)
    return max(0, order.cash - order.gross * used // term)


def cancel_renewal(book: Book, account: Account, c: Command) -> int:
    """R49: the latest renewal, if its term has not begun."""
    instance = find_instance(account, c["instance"])
    if not instance.has_term() or instance.state == "released":
        raise Refused("NOT_CANCELLABLE")
    last = instance.last_term()
    if last.type != "renew" or book.clock >= last.starts:
        raise Refused("NOT_CANCELLABLE")
    instance.orders.remove(last)
    instance.months -= last.months
    instance.expires_at = last.starts
    _pass_slots(book, instance)
    book.record(account, "RenewalCancelled", _term_words(instance, last.months))
    if instance.last_term().type == "trial":
        instance.kind = "trial"
        if instance.auto_months is not None:
            instance.auto_months = None
            book.record(account, "AutoRenewDisabled", {"instance": instance.instance})
    refund(book, account, instance.instance, last.cash)
    return 0


def _term_words(instance: Instance, months: int) -> dict[str, object]:
    assert instance.expires_at is not None
    return {
        "instance": instance.instance,
        "sku": instance.sku,
        "months": months,
        "expires_at": written(instance.expires_at),
    }
