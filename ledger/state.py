"""What is known of one account: its money, coupons, bills, instances and alert.

Invariant: plain records without a rule; units are minor units of the account's currency, instants
are UTC microseconds. This module must not know events beyond the fields they bring, nor commands.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple, TypeAlias

from msgspec import Struct

from ledger.events import UsageRecorded  # noqa: TC001 - msgspec reads the annotation
from ledger.periods import DAY

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


# What an open thing is, where a change of it is noted (ledger/account/ordering.py).
ITEM, COUPON, USAGE, INSTANCE = range(4)

BILL = "bill"  # the kind of an unpaid item that is one


class Payment(Struct, array_like=True, gc=False):
    """A top-up and what was reversed of it, in minor units."""

    amount: int
    effective_at: int
    reversed: int = 0
    reversals: int = 0


class Coupon(Struct, array_like=True, gc=False):
    """A coupon: amount == used + remaining + forfeited (R1)."""

    coupon: str
    amount: int
    starts: int
    ends: int
    granted_at: int
    products: tuple[str, ...] | None
    order_types: tuple[str, ...] | None
    minimum_spend: int
    started: bool
    used: int = 0
    forfeited: int = 0
    expired: bool = False

    @property
    def remaining(self) -> int:
        """What can still be used, in minor units."""
        return self.amount - self.used - self.forfeited


class Bill(Struct, array_like=True, gc=False):
    """A posted bill and how it was paid, in minor units; while unpaid, an item like others."""

    kind: ClassVar[str] = BILL
    item: str
    instance: str
    product: str
    cycle_start: int
    cycle_end: int
    amount: int
    round_down: int
    posted_at: int
    late: bool
    effective_at: int
    outstanding: int
    cash_paid: int = 0
    credited: int = 0
    coupons: tuple[tuple[str, int], ...] = ()  # parts still applied, oldest first

    @property
    def coupons_paid(self) -> int:
        """What coupons have paid of it."""
        return sum(part for _, part in self.coupons)


class Debt(Struct, array_like=True, gc=False):
    """An unpaid item that is not a bill: the shortfall of a reversal."""

    late: ClassVar[bool] = False
    item: str
    kind: str
    amount: int
    posted_at: int
    outstanding: int


Item: TypeAlias = Bill | Debt


class Usage(Struct, array_like=True, gc=False):
    """Rated usage that is not billed yet: the fact and when it was learned."""

    event: UsageRecorded
    recorded_at: int


class Order(Struct, array_like=True, gc=False, kw_only=True):
    """A paid order: its term [starts, ends), its price and the cash part of it (R48)."""

    kind: str
    months: int
    price: int
    cash_part: int
    starts: int
    ends: int

    def unused_cash(self, now: int) -> int:
        """Return the cash that a cancellation after the first days refunds (R48).

        Rounding: both day counts up to whole days, what was used down to the minor unit.
        """
        if now < self.starts:
            return self.cash_part
        if now >= self.ends:
            return 0
        used = self.price * _days(now - self.starts) // _days(self.ends - self.starts)
        return max(0, self.cash_part - used)


def _days(span: int) -> int:
    """Round a span up to whole days (R48)."""
    return -(-span // DAY)


class Instance(Struct, array_like=True, gc=False):
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

    instance: str
    kind: str
    created_at: int
    running_since: int
    changed_at: int
    state: str = RUNNING
    sku: str | None = None
    anchor: int = 0
    months: int = 0
    expires_at: int | None = None
    released_at: int | None = None
    restoring_since: int | None = None
    restored_at: int | None = None
    auto_enabled: bool = False
    auto_months: int | None = None
    slots_from: int = 0
    slot_last: int | None = None
    auto_renewed: list[int] = []
    orders: list[Order] = []
    outages: list[tuple[int, int | None]] = []


class Alert(Struct, array_like=True, gc=False):
    """The low-balance alert: threshold, whether it is armed, and the episode that is on."""

    threshold: int | None = None
    armed: bool = False
    raised_at: int | None = None
    reminders_on: bool = False
    reminders_sent: int = 0


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
        self.debts: set[str] = set()  # ids of the items that are not bills, paid or not
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
        # Open things in order (ledger/account/ordering.py), and those that have changed since; None
        # until it is asked.
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
