"""What is known of one account: its money, coupons, bills, instances and alert.

Invariant: plain records without a rule; units are minor units of the account's currency, instants
are UTC microseconds. This module must not know events beyond the fields they bring, nor commands.
"""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ledger import events as e

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


# What an open thing is, where a change of it is noted (ledger/ordering.py).
ITEM, COUPON, USAGE, INSTANCE = range(4)


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
        self.instance = intern(event.instance)  # an account has many bills and few instances
        self.product = intern(event.product)
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
        self.coupons: tuple[tuple[str, int], ...] = ()  # parts still applied, oldest first


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


class Deadline(NamedTuple):
    """A transition that is due; ordered as section 3 orders them within an account.

    ``tie`` orders transitions of one class: T for slots, nothing else elsewhere.
    """

    at: int
    kind: int
    tie: int
    key: str


class AccountState:
    """Everything that the rules and the views need to know of one account.

    Units: minor units of ``currency``; instants in UTC microseconds.
    Invariant: outstanding == sum of items' outstanding; ``funded`` holds the coupons with
    something remaining, ``live`` the instances not released.
    """

    __slots__ = (
        "account", "alert", "bills", "cash", "changes", "coupons", "currency", "debts",
        "early_parts", "five_day_years", "funded", "guard_version", "instances", "items", "live",
        "next_due", "notes", "opened_at", "order", "outstanding", "overdue_item", "overdue_since",
        "payments", "usages", "version",
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
        self.debts: set[str] = set()  # ids of the items that are no bills, paid or not
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
        # Open things in order (ledger/ordering.py), and those that have changed since it was asked;
        # None until it is.
        self.order: object | None = None
        self.changes: list[tuple[int, str]] | None = None
        # What ordering.next_due found for this state, until the next event.
        self.next_due: tuple[object, Deadline | None] | None = None

    def note(self, kind: int, key: str) -> None:
        """Note that an open thing has changed, where somebody keeps them in order."""
        if self.changes is not None:
            self.changes.append((kind, key))

    def is_used(self, item: str) -> bool:
        """Return whether a usage, a bill or another item has this id already."""
        return item in self.bills or item in self.usages or item in self.debts

    @property
    def available(self) -> int:
        """Cash less what is outstanding; coupons do not count."""
        return self.cash - self.outstanding

    @property
    def overdue(self) -> bool:
        """Whether the account is overdue, as the events say."""
        return self.overdue_since is not None
