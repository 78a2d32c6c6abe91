"""One account's state, and ``evolve``: what each event does to it.

Invariant: evolve applies what the event says and decides nothing: no rule, no pricing, no dates,
no arithmetic beyond adding and subtracting the amounts in the event. Money fields are sums, so
the order (effective_at, position) gives the same head as the order of positions (R56).
This module must not know commands, policies or the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ledger import events as e
from ledger.errors import CorruptHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ledger.deadlines import Deadline
    from ledger.events import RecordedEvent

RUNNING = "running"
STOPPED_OVERDUE = "stopped_overdue"
STOPPED_EXPIRED = "stopped_expired"
RESTORING = "restoring"
FROZEN = "frozen"
RELEASED = "released"

ENTERPRISE = "enterprise"
TRIAL = "trial"
PUBLIC_NEW = "public_new"
PUBLIC_LEGACY = "public_legacy"


class Payment:
    """A top-up and what was reversed of it, in minor units."""

    __slots__ = ("amount", "effective_at", "reversals", "reversed")

    def __init__(self, amount: int, effective_at: int) -> None:
        """Start with nothing reversed."""
        self.amount = amount
        self.effective_at = effective_at
        self.reversed = 0
        self.reversals = 0


class Coupon:
    """A coupon: amount == used + remaining + forfeited (R1)."""

    __slots__ = (
        "amount", "coupon", "ends", "expired", "forfeited", "granted_at", "minimum_spend",
        "order_types", "products", "started", "starts", "used",
    )  # fmt: skip

    def __init__(self, event: e.CouponGranted) -> None:
        """Start as granted."""
        self.coupon = event.coupon
        self.amount = event.amount
        self.used = 0
        self.forfeited = 0
        self.starts = event.starts
        self.ends = event.ends
        self.granted_at = event.granted_at
        self.products = event.products
        self.order_types = event.order_types
        self.minimum_spend = event.minimum_spend
        self.started = event.starts <= event.granted_at
        self.expired = False

    @property
    def remaining(self) -> int:
        """What can still be used, in minor units."""
        return self.amount - self.used - self.forfeited


class Bill:
    """A posted bill and how it was paid, in minor units."""

    __slots__ = (
        "amount", "bill", "cash_paid", "coupons", "credited", "cycle_end", "cycle_start",
        "effective_at", "instance", "late", "outstanding", "posted_at", "product", "round_down",
    )  # fmt: skip

    def __init__(self, event: e.BillPosted, effective_at: int) -> None:
        """Start unpaid."""
        self.bill = event.bill
        self.instance = event.instance
        self.product = event.product
        self.cycle_start = event.cycle_start
        self.cycle_end = event.cycle_end
        self.amount = event.amount
        self.round_down = event.round_down
        self.posted_at = event.posted_at
        self.late = event.late
        self.effective_at = effective_at
        self.outstanding = event.amount
        self.cash_paid = 0
        self.credited = 0
        self.coupons: list[tuple[str, int]] = []  # parts still applied, oldest first


class Item:
    """An unpaid item: a bill or the shortfall of a reversal."""

    __slots__ = ("amount", "item", "kind", "late", "outstanding", "posted_at")

    def __init__(self, item: str, kind: str, amount: int, posted_at: int, *, late: bool) -> None:
        """Start wholly unpaid."""
        self.item = item
        self.kind = kind
        self.amount = amount
        self.outstanding = amount
        self.posted_at = posted_at
        self.late = late


class Usage:
    """Rated usage that is not billed yet."""

    __slots__ = ("event", "recorded_at")

    def __init__(self, event: e.UsageRecorded, recorded_at: int) -> None:
        """Keep the fact and when it was learned."""
        self.event = event
        self.recorded_at = recorded_at


class Order:
    """A paid order: its term [starts, ends), its price and the cash part of it."""

    __slots__ = ("cash_part", "ends", "kind", "months", "price", "starts")

    def __init__(
        self, kind: str, *, months: int, price: int, cash_part: int, starts: int, ends: int
    ) -> None:
        """Keep what a refund needs (R48)."""
        self.kind = kind
        self.months = months
        self.price = price
        self.cash_part = cash_part
        self.starts = starts
        self.ends = ends


class Instance:
    """An IoT Platform instance.

    Attributes:
        anchor: instant of the purchase from which every term is computed (R21).
        months: months bought so far, a trial's month included.
        orders: paid orders, oldest first.
        outages: spans [start, end) without service, the last one open (None) while down.
        running_since: when the service last came to run; the legacy clock starts no earlier.
        changed_at: when the state last changed; no freeze or restore is effective before it.
        slots_from: auto-renewal slots before this instant have passed or are not wanted.
        slot_last: number of the last slot tried for this term.
        auto_renewed: ends of terms that were auto-renewed once (R34).

    """

    __slots__ = (
        "anchor", "auto_enabled", "auto_months", "auto_renewed", "changed_at", "created_at",
        "expires_at", "instance", "kind", "months", "orders", "outages", "released_at",
        "restored_at", "restoring_since", "running_since", "sku", "slot_last", "slots_from",
        "state",
    )  # fmt: skip

    def __init__(self, instance: str, kind: str, *, created_at: int) -> None:
        """Start running."""
        self.instance = instance
        self.kind = kind
        self.state = RUNNING
        self.created_at = created_at
        self.running_since = created_at
        self.changed_at = created_at
        self.sku: str | None = None
        self.anchor = 0
        self.months = 0
        self.expires_at: int | None = None
        self.released_at: int | None = None
        self.restoring_since: int | None = None
        self.restored_at: int | None = None
        self.auto_enabled = False
        self.auto_months: int | None = None
        self.slots_from = 0
        self.slot_last: int | None = None
        self.auto_renewed: list[int] = []
        self.orders: list[Order] = []
        self.outages: list[tuple[int, int | None]] = []


class Alert:
    """The low-balance alert: threshold, whether it is armed, and the episode that is on."""

    __slots__ = ("armed", "raised_at", "reminders_on", "reminders_sent", "threshold")

    def __init__(self) -> None:
        """Start switched off."""
        self.threshold: int | None = None
        self.armed = False
        self.raised_at: int | None = None
        self.reminders_on = False
        self.reminders_sent = 0


class AccountState:
    """Everything that the rules and the views need to know of one account.

    Units: minor units of ``currency``; instants in UTC microseconds.
    Invariant: outstanding == sum of items' outstanding; ``funded`` holds the coupons with
    something remaining, ``live`` the instances not released.
    """

    __slots__ = (
        "account", "alert", "bills", "cash", "coupons", "currency", "early_parts", "five_day_years",
        "funded", "guard_version", "instances", "items", "live", "next_due", "notes", "opened_at",
        "outstanding", "overdue_item", "overdue_since", "payments", "usages", "used_ids", "version",
    )  # fmt: skip

    def __init__(self, account: str) -> None:
        """Start before the account is opened."""
        self.account = account
        self.currency = ""
        self.opened_at: int | None = None
        self.version = 0
        self.guard_version = 0
        self.cash = 0
        self.outstanding = 0
        self.items: dict[str, Item] = {}
        self.bills: dict[str, Bill] = {}
        self.usages: dict[str, Usage] = {}
        self.used_ids: set[str] = set()
        self.notes: set[str] = set()
        self.coupons: dict[str, Coupon] = {}
        self.funded: dict[str, Coupon] = {}
        # (used, forfeited) by late credit notes of coupons whose grant comes later in this fold.
        self.early_parts: dict[str, tuple[int, int]] = {}
        self.instances: dict[str, Instance] = {}
        self.live: dict[str, Instance] = {}
        self.payments: dict[tuple[str, str], Payment] = {}
        self.alert = Alert()
        self.overdue_since: int | None = None
        self.overdue_item: str | None = None
        self.five_day_years: set[int] = set()
        # What deadlines.next_due found for this state, until the next event.
        self.next_due: tuple[object, Deadline | None] | None = None

    @property
    def available(self) -> int:
        """Cash less what is outstanding; coupons do not count."""
        return self.cash - self.outstanding

    @property
    def overdue(self) -> bool:
        """Whether the account is overdue, as the events say."""
        return self.overdue_since is not None


# --- what each event does --------------------------------------------------------------------


def _opened(s: AccountState, r: RecordedEvent, ev: e.AccountOpened) -> None:
    s.currency = ev.currency
    s.opened_at = r.effective_at


def _topped_up(s: AccountState, r: RecordedEvent, ev: e.TopUpReceived) -> None:
    s.cash += ev.amount
    s.payments[ev.channel, ev.serial] = Payment(ev.amount, r.effective_at)


def _reversed(s: AccountState, _: RecordedEvent, ev: e.TopUpReversed) -> None:
    s.cash -= ev.cash_part
    payment = s.payments[ev.channel, ev.serial]
    payment.reversed += ev.amount
    payment.reversals += 1


def _debt(s: AccountState, _: RecordedEvent, ev: e.DebtRecorded) -> None:
    s.used_ids.add(ev.item)
    s.items[ev.item] = Item(ev.item, ev.kind, ev.amount, ev.posted_at, late=False)
    s.outstanding += ev.amount


def _granted(s: AccountState, _: RecordedEvent, ev: e.CouponGranted) -> None:
    coupon = s.coupons[ev.coupon] = s.funded[ev.coupon] = Coupon(ev)
    if ev.coupon in s.early_parts:
        coupon.used, coupon.forfeited = s.early_parts.pop(ev.coupon)


def _coupon_started(s: AccountState, _: RecordedEvent, ev: e.CouponStarted) -> None:
    s.coupons[ev.coupon].started = True


def _coupon_expired(s: AccountState, _: RecordedEvent, ev: e.CouponExpired) -> None:
    coupon = s.coupons[ev.coupon]
    coupon.forfeited += ev.forfeited
    coupon.expired = True
    s.funded.pop(ev.coupon, None)


def _use_coupon(s: AccountState, name: str, part: int) -> None:
    coupon = s.coupons[name]
    coupon.used += part
    if coupon.remaining > 0:
        s.funded[name] = coupon
    else:
        s.funded.pop(name, None)


def _usage(s: AccountState, r: RecordedEvent, ev: e.UsageRecorded) -> None:
    s.usages[ev.usage] = Usage(ev, r.recorded_at)
    s.used_ids.add(ev.usage)


def _bill_posted(s: AccountState, r: RecordedEvent, ev: e.BillPosted) -> None:
    s.usages.pop(ev.bill, None)
    s.used_ids.add(ev.bill)
    s.bills[ev.bill] = Bill(ev, r.effective_at)
    if ev.amount:
        s.items[ev.bill] = Item(ev.bill, "bill", ev.amount, ev.posted_at, late=ev.late)
        s.outstanding += ev.amount


def _pay_item(s: AccountState, name: str, amount: int) -> None:
    if not amount:
        return
    item = s.items[name]
    item.outstanding -= amount
    s.outstanding -= amount
    if not item.outstanding:
        del s.items[name]


def _settled(s: AccountState, _: RecordedEvent, ev: e.BillSettled) -> None:
    paid = ev.cash_part
    s.cash -= ev.cash_part
    bill = s.bills.get(ev.item) if ev.kind == "bill" else None
    for name, part in ev.coupons:
        _use_coupon(s, name, part)
        paid += part
    _pay_item(s, ev.item, paid)
    if bill is not None:
        bill.outstanding -= paid
        bill.cash_paid += ev.cash_part
        for name, part in ev.coupons:
            _apply(bill, name, part)


def _overdue(
    s: AccountState, _: RecordedEvent, ev: e.OverdueStarted | e.OverdueReanchored
) -> None:
    s.overdue_since = ev.overdue_since
    s.overdue_item = ev.item


def _overdue_cleared(s: AccountState, _: RecordedEvent, __: e.OverdueCleared) -> None:
    s.overdue_since = s.overdue_item = None


def _credited(s: AccountState, _: RecordedEvent, ev: e.CreditNoteIssued) -> None:
    bill = s.bills[ev.bill]
    s.notes.add(ev.note)
    bill.credited += ev.amount
    bill.outstanding -= ev.outstanding_part
    bill.cash_paid -= ev.cash_part
    s.cash += ev.cash_part
    _pay_item(s, ev.bill, ev.outstanding_part)
    for name, part in ev.coupons_restored:
        _give_back(s, name, used=part, forfeited=0)
        _unapply(bill, name, part)
    for name, part in ev.coupons_forfeited:
        _give_back(s, name, used=part, forfeited=part)
        _unapply(bill, name, part)


def _give_back(s: AccountState, name: str, *, used: int, forfeited: int) -> None:
    """Take a coupon part back; a late note may come before the coupon's grant in a fold."""
    coupon = s.coupons.get(name)
    if coupon is None:
        before = s.early_parts.get(name, (0, 0))
        s.early_parts[name] = before[0] - used, before[1] + forfeited
        return
    coupon.forfeited += forfeited
    _use_coupon(s, name, -used)


def _apply(bill: Bill, name: str, part: int) -> None:
    """Note a coupon part on a bill, less what a late credit note took off it ahead of this."""
    for i, (applied, left) in enumerate(bill.coupons):
        if applied == name and left < 0:
            taken = min(-left, part)
            part -= taken
            bill.coupons[i] = (applied, left + taken)
    bill.coupons = [(applied, left) for applied, left in (*bill.coupons, (name, part)) if left]


def _unapply(bill: Bill, name: str, part: int) -> None:
    """Take a coupon part off a bill, newest applied first; ahead of its use where it is late."""
    for i in range(len(bill.coupons) - 1, -1, -1):
        applied, left = bill.coupons[i]
        if applied == name and part and left > 0:
            taken = min(left, part)
            part -= taken
            bill.coupons[i] = (applied, left - taken)
    bill.coupons = [(applied, left) for applied, left in (*bill.coupons, (name, -part)) if left]


def _refunded(s: AccountState, r: RecordedEvent, ev: e.RefundIssued) -> None:
    s.cash += ev.amount
    if ev.calendar_year is not None:
        s.five_day_years.add(ev.calendar_year)


def _add_instance(s: AccountState, instance: Instance) -> Instance:
    s.instances[instance.instance] = s.live[instance.instance] = instance
    return instance


def _order(
    s: AccountState,
    kind: str,
    ev: e.InstancePurchased | e.InstanceRenewed | e.UpgradedToEnterprise,
) -> None:
    s.cash -= ev.cash_part
    if ev.coupon is not None and ev.coupon_part:
        _use_coupon(s, ev.coupon, ev.coupon_part)
    instance = s.instances[ev.instance]
    instance.kind = ENTERPRISE
    instance.sku = ev.sku
    instance.months += ev.months
    instance.expires_at = ev.expires_at
    instance.slot_last = None
    instance.orders.append(
        Order(
            kind, months=ev.months, price=ev.price, cash_part=ev.cash_part,
            starts=ev.starts, ends=ev.expires_at,
        )
    )  # fmt: skip


def _purchased(s: AccountState, r: RecordedEvent, ev: e.InstancePurchased) -> None:
    instance = _add_instance(s, Instance(ev.instance, ENTERPRISE, created_at=r.effective_at))
    instance.anchor = ev.starts
    _order(s, "new", ev)


def _trial(s: AccountState, r: RecordedEvent, ev: e.TrialStarted) -> None:
    instance = _add_instance(s, Instance(ev.instance, TRIAL, created_at=r.effective_at))
    instance.sku = ev.sku
    instance.anchor = ev.starts
    instance.months = ev.months
    instance.expires_at = ev.expires_at


def _activated(s: AccountState, r: RecordedEvent, ev: e.PublicInstanceActivated) -> None:
    _add_instance(s, Instance(ev.instance, ev.kind, created_at=r.effective_at))


def _renewed(s: AccountState, _: RecordedEvent, ev: e.InstanceRenewed) -> None:
    _order(s, "renew", ev)
    instance = s.instances[ev.instance]
    instance.slots_from = ev.slots_from
    if ev.via == "auto":
        instance.auto_renewed.append(ev.starts)


def _renewal_cancelled(s: AccountState, _: RecordedEvent, ev: e.RenewalCancelled) -> None:
    instance = s.instances[ev.instance]
    last = max(i for i, order in enumerate(instance.orders) if order.kind == "renew")
    del instance.orders[last]
    instance.kind = ev.kind
    instance.months -= ev.months
    instance.expires_at = ev.expires_at
    instance.slots_from = ev.slots_from
    instance.slot_last = None


def _auto_on(s: AccountState, _: RecordedEvent, ev: e.AutoRenewEnabled) -> None:
    instance = s.instances[ev.instance]
    instance.auto_enabled = True
    instance.auto_months = ev.months
    instance.slots_from = ev.slots_from


def _auto_modified(s: AccountState, _: RecordedEvent, ev: e.AutoRenewModified) -> None:
    s.instances[ev.instance].auto_months = ev.months


def _auto_off(s: AccountState, _: RecordedEvent, ev: e.AutoRenewDisabled) -> None:
    instance = s.instances[ev.instance]
    instance.auto_enabled = False
    instance.auto_months = None


def _auto_failed(s: AccountState, _: RecordedEvent, ev: e.AutoRenewFailed) -> None:
    s.instances[ev.instance].slot_last = ev.slot


def _down(instance: Instance, state: str, at: int) -> None:
    """Note the start of an outage, unless the service is down already."""
    if instance.state == RUNNING:
        instance.outages.append((at, None))
    instance.state = state
    instance.changed_at = at
    instance.restoring_since = instance.restored_at = None


def _expired(s: AccountState, r: RecordedEvent, ev: e.InstanceExpired) -> None:
    _down(s.instances[ev.instance], STOPPED_EXPIRED, r.effective_at)


def _released(s: AccountState, r: RecordedEvent, ev: e.InstanceReleased) -> None:
    instance = s.instances[ev.instance]
    _down(instance, RELEASED, r.effective_at)
    instance.released_at = r.effective_at
    instance.auto_enabled = False
    instance.auto_months = None
    s.live.pop(ev.instance, None)


def _stopped(s: AccountState, r: RecordedEvent, ev: e.ServiceStopped) -> None:
    _down(s.instances[ev.instance], STOPPED_OVERDUE, r.effective_at)


def _restoring(s: AccountState, r: RecordedEvent, ev: e.ServiceRestoring) -> None:
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


def _restored(s: AccountState, r: RecordedEvent, ev: e.ServiceRestored) -> None:
    _run(s.instances[ev.instance], r.effective_at)


def _frozen(s: AccountState, r: RecordedEvent, ev: e.InstanceFrozen) -> None:
    instance = s.instances[ev.instance]
    instance.state = FROZEN
    instance.changed_at = r.effective_at


def _continued(s: AccountState, r: RecordedEvent, ev: e.TrialContinued) -> None:
    _run(s.instances[ev.instance], r.effective_at)


def _upgraded(s: AccountState, r: RecordedEvent, ev: e.UpgradedToEnterprise) -> None:
    instance = s.instances[ev.instance]
    instance.anchor = ev.starts
    # Restoring stays so; a late restore may have come before this in a fold (R45).
    if instance.state == FROZEN:
        _run(instance, r.effective_at)
    _order(s, "new", ev)


def _spec_upgraded(s: AccountState, _: RecordedEvent, ev: e.SpecUpgraded) -> None:
    s.cash -= ev.cash_part
    if ev.coupon is not None and ev.coupon_part:
        _use_coupon(s, ev.coupon, ev.coupon_part)
    instance = s.instances[ev.instance]
    instance.sku = ev.sku
    instance.orders.append(
        Order(
            "upgrade", months=0, price=ev.price, cash_part=ev.cash_part,
            starts=ev.starts, ends=ev.ends,
        )
    )  # fmt: skip


def _alert_configured(s: AccountState, _: RecordedEvent, ev: e.AlertConfigured) -> None:
    alert = s.alert
    alert.threshold = ev.threshold
    alert.armed = ev.threshold is not None
    alert.raised_at = None
    alert.reminders_on = False


def _alert_raised(s: AccountState, r: RecordedEvent, ev: e.LowBalanceAlertRaised) -> None:
    alert = s.alert
    alert.armed = False
    alert.raised_at = r.effective_at
    alert.reminders_on = ev.reminders
    alert.reminders_sent = 0


def _alert_cleared(s: AccountState, _: RecordedEvent, __: e.LowBalanceAlertCleared) -> None:
    alert = s.alert
    alert.armed = True
    alert.raised_at = None
    alert.reminders_on = False


def _reminded(s: AccountState, _: RecordedEvent, ev: e.LowBalanceReminderSent) -> None:
    s.alert.reminders_sent = ev.number


def _reminders_off(s: AccountState, _: RecordedEvent, __: e.LowBalanceRemindersCancelled) -> None:
    s.alert.reminders_on = False


def _nothing(_: AccountState, __: RecordedEvent, ___: e.Event) -> None:
    """Audit-only events move nothing."""


_APPLY: dict[type[e.Event], Callable[[AccountState, RecordedEvent, Any], None]] = {
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
    e.AlertConfigured: _alert_configured,
    e.LowBalanceAlertRaised: _alert_raised,
    e.LowBalanceAlertCleared: _alert_cleared,
    e.LowBalanceReminderSent: _reminded,
    e.LowBalanceRemindersCancelled: _reminders_off,
    e.CommandAccepted: _nothing,
    e.CommandRefused: _nothing,
}


def evolve(state: AccountState, recorded: RecordedEvent) -> None:
    """Apply one event of the account's stream to its state, in place.

    Raises: CorruptHistory when the event cannot follow (a bug of ours or a damaged log).
    """
    event = recorded.event
    kind = type(event)
    state.next_due = None
    try:
        _APPLY[kind](state, recorded, event)
    except KeyError as missing:
        msg = f"{kind.__name__} @{recorded.position} of {recorded.stream} names unknown {missing}"
        raise CorruptHistory(msg) from missing
    # A fold for a point may leave versions out, and late facts come earlier in it.
    if recorded.version > state.version:
        state.version = recorded.version
    if kind is not e.CommandRefused and recorded.version > state.guard_version:
        state.guard_version = recorded.version


def fold(account: str, history: Iterable[RecordedEvent]) -> AccountState:
    """Fold a stream, or the part of it that a point selects, from nothing."""
    state = AccountState(account)
    for recorded in history:
        evolve(state, recorded)
    return state
