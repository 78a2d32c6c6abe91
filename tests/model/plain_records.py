"""What the plain model remembers, and the journal of events it would record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from .plain_calendar import written
from .plain_policy import DEFAULTS, Policy, read_policy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from .plain_commands import Command


class Entry(NamedTuple):
    """One event; `account` is None in the ledger's own log."""

    account: str | None
    type: str
    effective_at: str
    recorded_at: str
    essentials: dict[str, object]


@dataclass
class Coupon:
    """A face amount that is used up, kept or forfeited; amounts in fen."""

    coupon: str
    amount: int
    remaining: int
    granted_at: datetime
    starts: datetime
    ends: datetime
    products: list[str] | None
    order_types: list[str] | None
    minimum_spend: int
    forfeited: int = 0
    start_passed: bool = False
    end_passed: bool = False


@dataclass
class Part:
    """What one coupon paid of one bill."""

    coupon: Coupon
    amount: int


@dataclass
class Item:
    """Something owed once: a posted bill or the shortfall of a reversal; amounts in fen."""

    item: str
    kind: str  # "bill" or "reversal"
    product: str
    amount: int
    outstanding: int
    posted_at: datetime
    effective_at: datetime
    late: bool
    cash_paid: int = 0
    parts: list[Part] = field(default_factory=list)  # in the order applied
    credited: int = 0


@dataclass
class Usage:
    """Metered usage that waits for its bill; the product is as it was when recorded (R5)."""

    usage: str
    product: str
    cycle_end: datetime
    rated: Decimal


@dataclass
class Payment:
    """A top-up, under its key (channel, serial) (R3)."""

    account: str
    amount: int
    effective_at: datetime
    warnings: int
    reversed: int = 0
    reversals: int = 0


@dataclass
class Order:
    """A term or a change of size that was ordered; a trial is an order of nothing."""

    type: str  # "new", "renew", "upgrade" (R47) or "trial"
    ordered_at: datetime
    gross: int
    cash: int
    starts: datetime
    ends: datetime
    months: int = 0
    auto_renewed: bool = False  # a slot of this term succeeded: no other ever will (R34)
    slots_tried: set[int] = field(default_factory=set)


@dataclass
class Instance:
    """One instance; what only Enterprise and trial have stays empty on a public one."""

    instance: str
    kind: str
    state: str
    created_at: datetime
    history: list[tuple[datetime, str]]  # (from when, state), by effective time
    sku: str | None = None
    anchor: datetime | None = None  # local time of purchase
    months: int = 0
    expires_at: datetime | None = None
    released_at: datetime | None = None
    restoring_since: datetime | None = None
    orders: list[Order] = field(default_factory=list)
    auto_months: int | None = None  # None: manual renewal
    slots_from: datetime | None = None  # earlier slots do not concern it

    def has_term(self) -> bool:
        """Enterprise or trial."""
        return self.kind in ("enterprise", "trial")

    def product(self) -> str:
        """What coupons and bills call it (R38)."""
        return "iot_enterprise" if self.has_term() else "iot_public"

    def last_term(self) -> Order:
        """The term that ends at T."""
        return [order for order in self.orders if order.type != "upgrade"][-1]

    def state_when(self, instant: datetime) -> str | None:
        """The state it was in, None before it existed."""
        found = None
        for since, state in self.history:
            if since <= instant:
                found = state
        return found


@dataclass
class Alert:
    """R52-R54: `raised_at` is set while an episode is on."""

    threshold: int | None = None
    armed: bool = False
    raised_at: datetime | None = None
    reminders_sent: int = 0
    reminders_dropped: bool = False


@dataclass
class Account:
    """One account; `cash` in fen."""

    account: str
    opened_at: datetime
    cash: int = 0
    overdue: bool = False
    alert: Alert = field(default_factory=Alert)
    coupons: dict[str, Coupon] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    usages: dict[str, Usage] = field(default_factory=dict)  # those not billed yet
    bill_ids: set[str] = field(default_factory=set)  # of usages and bills alike (R5)
    note_ids: set[str] = field(default_factory=set)
    instances: dict[str, Instance] = field(default_factory=dict)
    refunded_years: set[int] = field(default_factory=set)  # five-day cancellations (R48)
    version: int = 0
    fact_version: int = 0  # version of the last event that is not a CommandRefused (R58)

    def unpaid(self) -> list[Item]:
        """Items with something left to pay, oldest first (R2)."""
        left = [item for item in self.items.values() if item.outstanding > 0]
        return sorted(left, key=lambda item: (item.posted_at, item.item))

    def outstanding(self) -> int:
        """Fen."""
        return sum(item.outstanding for item in self.items.values())

    def available(self) -> int:
        """Fen; may be negative."""
        return self.cash - self.outstanding()

    def overdue_since(self) -> datetime | None:
        """R9: posted_at of the oldest unpaid item."""
        unpaid = self.unpaid()
        return unpaid[0].posted_at if unpaid else None


@dataclass
class Accepted:
    """The first result under a token."""

    command: Command
    warnings: int


class Book:
    """Everything the ledger knows at `clock`."""

    def __init__(self, start: datetime, policy: Mapping[str, str] | None) -> None:
        self.clock = start
        self.policy_texts: dict[str, str] = {**DEFAULTS, **(policy or {})}
        self.policy: Policy = read_policy(self.policy_texts)
        self.slots_changed_at = start
        self.reminders_changed_at = start
        self.prices: dict[str, int] = {}
        self.accounts: dict[str, Account] = {}
        self.payments: dict[tuple[str, str], Payment] = {}
        self.tokens: dict[tuple[str | None, str], Accepted] = {}
        self.journal: list[Entry] = []
        self.closes: list[tuple[datetime, str]] = []  # ends of closed months, and who closed them
        self.record(None, "PolicyAdopted", dict(self.policy_texts))

    def closer_over(self, instant: datetime) -> str | None:
        """Who closed the month that an instant lies in; the first one's holds what was before."""
        return next((who for end, who in self.closes if instant < end), None)

    def record(
        self,
        account: Account | None,
        type_: str,
        essentials: dict[str, object],
        effective_at: datetime | None = None,
    ) -> None:
        """Add an event, recorded now, effective now unless it is a fact with its own date (R11)."""
        name = None if account is None else account.account
        effective = written(effective_at or self.clock)
        self.journal.append(Entry(name, type_, effective, written(self.clock), essentials))
        if account is not None:
            account.version += 1
            if type_ != "CommandRefused":
                account.fact_version = account.version
