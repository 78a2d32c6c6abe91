"""THE storage vocabulary: every event that this ledger can remember, in the past tense.

WARNING: the names (with their schema number) and the fields below ARE the storage. They are never
renamed, merged or re-used; a field is only ever added with a default, and any other change makes a
new schema number and an upcaster (ledger/codec.py, CONTRIBUTING "add an event").

Invariant: an event carries results, not recipes: amounts in minor units, parts, new expiry, what
was needed and what was there; instants are UTC microseconds. Whoever folds it does no pricing,
rounding or date arithmetic. This module must not know the rules that make events.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias, get_args

import msgspec
from msgspec import Struct

# What a field holds, said where it is declared; the names by what they hold stand at the end.
Instant: TypeAlias = int
Amount: TypeAlias = int  # minor units
Parts: TypeAlias = tuple[tuple[str, int], ...]  # a coupon, and the part of it in minor units


class Event(Struct, frozen=True, omit_defaults=True, tag_field="type", kw_only=True, gc=False):
    """One fact. Amounts ``*_part`` say which part of a price a coupon or the cash paid."""


class AccountOpened(Event, frozen=True, tag="AccountOpened/1"):
    """An account exists from now on, with one currency."""

    account: str
    currency: str


class PolicyAdopted(Event, frozen=True, tag="PolicyAdopted/1"):
    """Policy values are in force from now on; the ledger's first event adopts all of them.

    ``ledger``, ``currency`` and ``clock`` are set in that first event alone.
    """

    values: dict[str, str]
    ledger: str | None = None
    currency: str | None = None
    clock: str | None = None


class PriceSet(Event, frozen=True, tag="PriceSet/1"):
    """The monthly list price of a sku from now on; old orders keep theirs."""

    sku: str
    monthly_price: Amount


class TopUpReceived(Event, frozen=True, tag="TopUpReceived/1"):
    """Cash came in under the payment key (channel, serial) (R2, R3)."""

    channel: str
    serial: str
    amount: Amount
    suspected_duplicate_of: str | None = None


class TopUpReversed(Event, frozen=True, tag="TopUpReversed/1"):
    """A chargeback: cash covered ``cash_part``, the shortfall became an unpaid item (R4)."""

    channel: str
    serial: str
    number: int
    amount: Amount
    cash_part: Amount
    shortfall: Amount


class DebtRecorded(Event, frozen=True, tag="DebtRecorded/1"):
    """An unpaid item that is not a bill: the shortfall of a reversal (R4)."""

    item: str
    kind: str
    amount: Amount
    posted_at: Instant


class CouponGranted(Event, frozen=True, tag="CouponGranted/1"):
    """A coupon, valid on [starts, ends), for the products and order types named (R37, R38)."""

    coupon: str
    amount: Amount
    starts: Instant
    ends: Instant
    granted_at: Instant
    products: tuple[str, ...] | None = None
    order_types: tuple[str, ...] | None = None
    minimum_spend: Amount = 0


class CouponStarted(Event, frozen=True, tag="CouponStarted/1"):
    """A coupon that was granted ahead of its start can be used from now on (R37)."""

    coupon: str


class CouponExpired(Event, frozen=True, tag="CouponExpired/1"):
    """A coupon ended with a remainder, which is forfeited (R40)."""

    coupon: str
    forfeited: Amount


class UsageRecorded(Event, frozen=True, tag="UsageRecorded/1"):
    """Rated usage of one cycle, to be billed later under its own id (R5, R8)."""

    usage: str
    instance: str
    product: str
    cycle_start: Instant
    cycle_end: Instant
    amount: Amount
    round_down: int = 0


class BillPosted(Event, frozen=True, tag="BillPosted/1"):
    """A pay-as-you-go bill touches money from ``posted_at`` on (R5, R6, R8)."""

    bill: str
    instance: str
    product: str
    cycle_start: Instant
    cycle_end: Instant
    amount: Amount
    posted_at: Instant
    round_down: int = 0
    late: bool = False


class BillSettled(Event, frozen=True, tag="BillSettled/1"):
    """Coupons and cash paid an unpaid item, wholly or in part (R2, R7, R43)."""

    item: str
    kind: str
    cash_part: Amount
    outstanding: Amount
    coupons: Parts = ()


class OverdueStarted(Event, frozen=True, tag="OverdueStarted/1"):
    """The account is overdue since its oldest unpaid item was posted (R9)."""

    item: str
    overdue_since: Instant


class OverdueReanchored(Event, frozen=True, tag="OverdueReanchored/1"):
    """The oldest unpaid item was paid while a younger one is not: the clock moves (R9, R17)."""

    item: str
    overdue_since: Instant


class OverdueCleared(Event, frozen=True, tag="OverdueCleared/1"):
    """Nothing is unpaid any more (R9)."""

    overdue_since: Instant


class CreditNoteIssued(Event, frozen=True, tag="CreditNoteIssued/1"):
    """Part of a bill is taken back: outstanding first, then cash, then coupon parts (R10)."""

    note: str
    bill: str
    amount: Amount
    outstanding_part: Amount
    cash_part: Amount
    coupons_restored: Parts = ()
    coupons_forfeited: Parts = ()


class RefundIssued(Event, frozen=True, tag="RefundIssued/1"):
    """Cash of a cancelled instance or renewal came back to the wallet (R48-R50).

    ``calendar_year`` is set where the five-day refund of that year was used up (R48).
    """

    instance: str
    reason: str
    amount: Amount
    calendar_year: int | None = None


class InstancePurchased(Event, frozen=True, tag="InstancePurchased/1"):
    """A new paid Enterprise instance runs from now to ``expires_at`` (R21, R26)."""

    instance: str
    sku: str
    monthly_price: Amount
    months: int
    price: Amount
    coupon_part: Amount
    cash_part: Amount
    starts: Instant
    expires_at: Instant
    coupon: str | None = None


class TrialStarted(Event, frozen=True, tag="TrialStarted/1"):
    """A free Enterprise trial runs for one month (R46)."""

    instance: str
    sku: str
    months: int
    starts: Instant
    expires_at: Instant


class PublicInstanceActivated(Event, frozen=True, tag="PublicInstanceActivated/1"):
    """A public instance runs; it has no expiry (R20, R44)."""

    instance: str
    kind: str


class InstanceRenewed(Event, frozen=True, tag="InstanceRenewed/1"):
    """The term is longer; the new part starts at the old T (R24-R27, R33).

    ``slots_from``: auto-renewal slots of the new term before this instant have passed.
    """

    instance: str
    via: str
    sku: str
    monthly_price: Amount
    months: int
    price: Amount
    coupon_part: Amount
    cash_part: Amount
    starts: Instant
    expires_at: Instant
    slots_from: Instant
    coupon: str | None = None
    slot: int | None = None


class RenewalCancelled(Event, frozen=True, tag="RenewalCancelled/1"):
    """The last renewal, not begun, is undone: T falls back to its start (R49)."""

    instance: str
    kind: str
    months: int
    expires_at: Instant
    slots_from: Instant


class AutoRenewEnabled(Event, frozen=True, tag="AutoRenewEnabled/1"):
    """Auto-renewal is on; slots from ``slots_from`` on will be tried (R29-R32)."""

    instance: str
    months: int
    slots_from: Instant
    no_slot_left: bool = False


class AutoRenewModified(Event, frozen=True, tag="AutoRenewModified/1"):
    """The period of auto-renewal changes with the next slot (R32)."""

    instance: str
    months: int


class AutoRenewDisabled(Event, frozen=True, tag="AutoRenewDisabled/1"):
    """Auto-renewal is off at once: set to manual renewal (R32, R36)."""

    instance: str


class AutoRenewFailed(Event, frozen=True, tag="AutoRenewFailed/1"):
    """A slot could not renew; no money moved and the next slot is left (R33)."""

    instance: str
    slot: int
    reason: str
    needed: Amount
    available: Amount
    expires_at: Instant


class InstanceExpired(Event, frozen=True, tag="InstanceExpired/1"):
    """The term ended and the service stopped (R22)."""

    instance: str
    expires_at: Instant


class InstanceReleased(Event, frozen=True, tag="InstanceReleased/1"):
    """The instance is gone for good, by retention or by cancellation (R23, R48)."""

    instance: str
    via: str


class ServiceStopped(Event, frozen=True, tag="ServiceStopped/1"):
    """A legacy public instance stopped: its account stayed overdue too long (R16)."""

    instance: str
    overdue_since: Instant


class ServiceRestoring(Event, frozen=True, tag="ServiceRestoring/1"):
    """A stopped service comes back, promised for ``restored_at`` (R19)."""

    instance: str
    restored_at: Instant


class ServiceRestored(Event, frozen=True, tag="ServiceRestored/1"):
    """The service runs again: as promised, or reported earlier (R19)."""

    instance: str
    via: str


class InstanceFrozen(Event, frozen=True, tag="InstanceFrozen/1"):
    """The platform froze a long inactive new public instance (R44)."""

    instance: str


class TrialContinued(Event, frozen=True, tag="TrialContinued/1"):
    """A frozen public instance runs again, free (R44)."""

    instance: str


class UpgradedToEnterprise(Event, frozen=True, tag="UpgradedToEnterprise/1"):
    """A public instance became a paid Enterprise instance on the same id (R45)."""

    instance: str
    sku: str
    monthly_price: Amount
    months: int
    price: Amount
    coupon_part: Amount
    cash_part: Amount
    starts: Instant
    expires_at: Instant
    state: str
    coupon: str | None = None


class SpecUpgraded(Event, frozen=True, tag="SpecUpgraded/1"):
    """A larger sku until the same T, for a fee over the remaining seconds (R47)."""

    instance: str
    sku_before: str
    sku: str
    price: Amount
    coupon_part: Amount
    cash_part: Amount
    starts: Instant
    ends: Instant
    coupon: str | None = None


class AlertConfigured(Event, frozen=True, tag="AlertConfigured/1"):
    """The low-balance threshold is set (armed silently) or off (None) (R53)."""

    threshold: Amount | None


class LowBalanceAlertRaised(Event, frozen=True, tag="LowBalanceAlertRaised/1"):
    """``available`` fell below the threshold: an episode is on (R52, R53)."""

    threshold: Amount
    available: Amount
    reminders: bool


class LowBalanceAlertCleared(Event, frozen=True, tag="LowBalanceAlertCleared/1"):
    """``available`` is at the threshold again: the episode ends, the alert is armed (R53)."""

    threshold: Amount
    available: Amount


class LowBalanceReminderSent(Event, frozen=True, tag="LowBalanceReminderSent/1"):
    """Reminder ``number`` of the episode (R54)."""

    number: int
    threshold: Amount
    available: Amount


class LowBalanceRemindersCancelled(Event, frozen=True, tag="LowBalanceRemindersCancelled/1"):
    """``available`` is below zero: no more reminders in this episode (R54)."""

    available: Amount


class CommandAccepted(Event, frozen=True, tag="CommandAccepted/1"):
    """A command with a token changed nothing; the event keeps the token used (R28)."""


class CommandRefused(Event, frozen=True, tag="CommandRefused/1"):
    """Audit only, moves nothing: who asked what, when, and which rule refused it (R58)."""

    code: str
    rule: str
    message: str
    needed: Amount | None = None
    available: Amount | None = None


class TagAdded(Event, frozen=True, tag="TagAdded/1"):
    """A point in time got a name: true at ``at``, as the first ``known_position`` events know it.

    ``sealed`` closes the period up to ``at``: what is recorded later about it is a restatement.
    """

    name: str
    at: Instant
    known_at: Instant
    known_position: int
    sealed: bool = False


class PeriodClosed(Event, frozen=True, tag="PeriodClosed/1"):
    """A month is closed: the digests of what was derived up to its end, as known then (R61, R63).

    A replay of the first ``known_position`` events up to ``at`` must give the same digests.
    ``release`` is the program that derived them, so that a later one can say who decided what.
    ``restatements`` are the facts since the close before, by position; ``balances`` is None in
    closes made before it was kept, whose ``trial_balance`` is the digest of the balances.
    """

    period: str
    at: Instant
    known_position: int
    accounts: int
    instances: int
    trial_balance: str
    instance_states: str
    balances: str | None = None
    open_points: tuple[str, ...] = ()
    restatements: tuple[int, ...] = ()
    override: bool = False
    release: str = ""


class PeriodReopened(Event, frozen=True, tag="PeriodReopened/1"):
    """The close of a month, recorded at ``close``, is no longer in force (R63)."""

    period: str
    close: int


class ChecksAdopted(Event, frozen=True, tag="ChecksAdopted/1"):
    """A file of standing checks, kept as it was written, that a close may require (R65).

    Policy ``close_requires`` names it as ``check:NAME``; the last one under a name counts.
    """

    name: str
    text: str


class ReconciliationRun(Event, frozen=True, tag="ReconciliationRun/1"):
    """A statement was compared with the ledger as its first ``known_position`` events know it.

    Its figures are exact decimals in major units: statements may have more decimals than money.
    """

    run: str
    source: str
    sha256: str
    currency: str
    starts: Instant
    ends: Instant
    known_position: int
    opening: str
    movements: str
    closing: str
    ledger_balance: str
    matches: tuple[tuple[str, str, str], ...] = ()
    breaks: tuple[str, ...] = ()
    file: str = ""


class SeenLine(NamedTuple):
    """One line of either side as a run saw it: what a person needs to recognise it."""

    side: str
    name: str
    at: Instant
    amount: str
    currency: str
    place: str
    account: str
    reference: str
    order: str
    text: str
    kind: str
    status: str


class BreakOpened(Event, frozen=True, tag="BreakOpened/1"):
    """A run found a difference, or found that a known one is of another class now."""

    run: str
    break_id: str
    kind: str
    key: str
    currency: str
    delta: str
    first_seen: Instant
    ours: str | None = None
    theirs: str | None = None
    expected: bool = False
    lines: tuple[SeenLine, ...] = ()
    candidates: tuple[tuple[str, ...], ...] = ()
    near: tuple[SeenLine, ...] = ()
    of: str = ""


class RunNarrowed(Event, frozen=True, tag="RunNarrowed/1"):
    """What somebody narrowed a run to: it says nothing of the rest, and stands for no statement."""

    run: str
    only: tuple[str, ...]


class PartiesSeen(Event, frozen=True, tag="PartiesSeen/1"):
    """Who is on the other side of the statement's lines in the breaks that a run opened."""

    run: str
    parties: tuple[tuple[str, str, str], ...]


class BreakResolved(Event, frozen=True, tag="BreakResolved/1"):
    """A break was closed: a later run did not find it (``run``), or somebody says how."""

    break_id: str
    run: str | None = None


class BreakSignedOff(Event, frozen=True, tag="BreakSignedOff/1"):
    """A second person accepted a break as it stands; ``preparer`` is the first."""

    break_id: str
    preparer: str


class BreakReopened(Event, frozen=True, tag="BreakReopened/1"):
    """A break that was resolved or signed off is open again: a run found it, or somebody did."""

    break_id: str
    run: str | None = None


class MatchConfirmed(Event, frozen=True, tag="MatchConfirmed/1"):
    """A person says which lines of a break are one thing; later runs match them by that."""

    break_id: str
    source: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]


class ReconciliationSignedOff(Event, frozen=True, tag="ReconciliationSignedOff/1"):
    """A second person accepted a whole run, with or without breaks (R65)."""

    run: str
    preparer: str
class NoticeSent(Event, frozen=True, tag="NoticeSent/1"):
    """A notice was handed to a channel, which took it (R67)."""

    notice: str
    kind: str
    account: str
    at: Instant
    channel: str
    attempt: int
    answer: str
    since: int = 0


class NoticeFailed(Event, frozen=True, tag="NoticeFailed/1"):
    """A channel did not take a notice: it will be tried again, and what follows it waits (R67)."""

    notice: str
    kind: str
    account: str
    at: Instant
    channel: str
    attempt: int
    answer: str
    since: int = 0


# A paid order for a term: what it costs is paid by one coupon and cash (R26).
Ordered = InstancePurchased | InstanceRenewed | UpgradedToEnterprise | SpecUpgraded
AnyEvent = (
    AccountOpened | PolicyAdopted | PriceSet | TopUpReceived | TopUpReversed | CouponGranted
    | CouponStarted | CouponExpired | UsageRecorded | BillPosted | BillSettled | DebtRecorded
    | OverdueStarted | OverdueReanchored | OverdueCleared | CreditNoteIssued | RefundIssued
    | InstancePurchased | TrialStarted | PublicInstanceActivated | InstanceRenewed
    | RenewalCancelled | AutoRenewEnabled | AutoRenewModified | AutoRenewDisabled
    | AutoRenewFailed | InstanceExpired | InstanceReleased | ServiceStopped | ServiceRestoring
    | ServiceRestored | InstanceFrozen | TrialContinued | UpgradedToEnterprise | SpecUpgraded
    | AlertConfigured | LowBalanceAlertRaised | LowBalanceAlertCleared | LowBalanceReminderSent
    | LowBalanceRemindersCancelled | CommandAccepted | CommandRefused | TagAdded | PeriodClosed
    | PeriodReopened | ChecksAdopted | ReconciliationRun | RunNarrowed | BreakOpened | PartiesSeen
    | BreakResolved
    | BreakSignedOff | BreakReopened | MatchConfirmed | ReconciliationSignedOff | NoticeSent
    | NoticeFailed
)  # fmt: skip
EVENT_TYPES: tuple[type[Event], ...] = get_args(AnyEvent)


# Stands for "no request": left out of the stored bytes.
NO_REQUEST = msgspec.Raw(b"\xc0")


class RecordedEvent(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """An event with its envelope: exactly what the stored bytes hold.

    Attributes:
        position: place in the whole log, from 1, without gaps.
        stream: ``account:ID``, or ``policy``, ``prices``, ``ledger``, ``tags``,
            ``reconciliation``, ``notices``.
        version: place in its stream, from 1, without gaps.
        recorded_at: when the ledger learned it; never decreases with position.
        effective_at: when it holds in the domain; earlier than recorded_at for a late fact.
        cause: position of the event of the same batch that led to it.
        command: name of the command whose batch it belongs to; None for the clock.
        request: the command as given, as MessagePack, on the first event of its batch.

    """

    position: int
    stream: str
    version: int
    recorded_at: Instant
    effective_at: Instant
    event: AnyEvent
    cause: int | None = None
    command: str | None = None
    actor: str | None = None
    reason: str | None = None
    token: str | None = None
    request: msgspec.Raw = NO_REQUEST


class FoldedEvent(Struct, frozen=True, gc=False):
    """What a fold needs of an event, read from the same bytes: quicker than all of it."""

    position: int
    version: int
    recorded_at: int
    effective_at: int
    event: AnyEvent


Foldable: TypeAlias = RecordedEvent | FoldedEvent


def _holding(what: str) -> frozenset[str]:
    return frozenset(
        name
        for kind in (RecordedEvent, *EVENT_TYPES)
        for name, declared in kind.__annotations__.items()
        if declared.partition(" ")[0] == what
    )


INSTANTS, AMOUNTS, PARTS = map(_holding, ("Instant", "Amount", "Parts"))

ACCOUNT_PREFIX = "account:"
POLICY_STREAM = "policy"
PRICES_STREAM = "prices"
LEDGER_STREAM = "ledger"
TAGS_STREAM = "tags"
RECONCILIATION_STREAM = "reconciliation"
NOTICES_STREAM = "notices"


def type_name(event_type: type[Event]) -> str:
    """Return the name of an event type without its schema number."""
    return event_type.__name__


def account_of(stream: str) -> str | None:
    """Return the account of a stream, None for the ledger's own streams."""
    return stream[len(ACCOUNT_PREFIX) :] if stream.startswith(ACCOUNT_PREFIX) else None
