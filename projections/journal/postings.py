"""What each event posts: one total function from an event to postings.

An effect is what that does to the control accounts: the fold (ledger/account) comes to the same
figures another way, and the columns and the program in a pack each say it again, as judges.
Invariant: amounts are the event's own, never computed again; the postings of an event sum to zero
in minor units and in fractions, for money and for coupons apart; every event type has its line in
``POSTINGS``, if only to say that it posts nothing. This module must not know accounts' state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from ledger import events as e
from projections.journal import chart
from projections.journal.chart import BookAccount, Posting

if TYPE_CHECKING:
    from collections.abc import Callable

Postings = tuple[Posting, ...]


def _pair(debit: BookAccount, credit: BookAccount, amount: int) -> Postings:
    return (Posting(debit, amount), Posting(credit, -amount)) if amount else ()


def _wallet(account: str) -> BookAccount:
    return BookAccount(chart.WALLET, account)


def _receivable(account: str) -> BookAccount:
    return BookAccount(chart.RECEIVABLE, account)


def _coupons(account: str) -> BookAccount:
    return BookAccount(chart.OUTSTANDING, account)


def _topped_up(ev: e.TopUpReceived, account: str, _: str) -> Postings:
    return _pair(BookAccount(chart.PSP, ev.channel), _wallet(account), ev.amount)


def _reversed(ev: e.TopUpReversed, account: str, _: str) -> Postings:
    """The provider takes the whole back at the value date; the debt begins when recorded (R11)."""
    provider = BookAccount(chart.PSP, ev.channel)
    return (
        *_pair(_wallet(account), provider, ev.cash_part),
        *_pair(BookAccount(chart.CLEARING, account), provider, ev.shortfall),
    )


def _debt(ev: e.DebtRecorded, account: str, _: str) -> Postings:
    return _pair(_receivable(account), BookAccount(chart.CLEARING, account), ev.amount)


def _granted(ev: e.CouponGranted, account: str, _: str) -> Postings:
    return _pair(_coupons(account), BookAccount(chart.GRANTED), ev.amount)


def _ended(ev: e.CouponExpired, account: str, _: str) -> Postings:
    return _pair(BookAccount(chart.FORFEITED), _coupons(account), ev.forfeited)


def _billed(ev: e.BillPosted, account: str, _: str) -> Postings:
    """The rated amount is earned; what was cut off it is a discount (R8)."""
    income = BookAccount(chart.USAGE, ev.product)
    cut = ev.round_down
    return (
        *((Posting(_receivable(account), ev.amount),) if ev.amount else ()),
        *((Posting(BookAccount(chart.BY_ROUND_DOWN), 0, cut),) if cut else ()),
        *((Posting(income, -ev.amount, -cut),) if ev.amount or cut else ()),
    )


def _settled(ev: e.BillSettled, account: str, _: str) -> Postings:
    coupons = sum(part for _, part in ev.coupons)
    return (
        *_pair(BookAccount(chart.BY_COUPON), _receivable(account), coupons),
        *_pair(_wallet(account), _receivable(account), ev.cash_part),
        *_pair(BookAccount(chart.REDEEMED), _coupons(account), coupons),
    )


def _credited(ev: e.CreditNoteIssued, account: str, product: str) -> Postings:
    """Income is taken back: from what is owed, to the wallet, and from the coupon discount (R10).

    A part whose coupon has ended is restored and forfeited in one.
    """
    income = BookAccount(chart.USAGE, product)
    restored = sum(part for _, part in ev.coupons_restored)
    forfeited = sum(part for _, part in ev.coupons_forfeited)
    given_back = BookAccount(chart.RESTORED)
    return (
        *_pair(income, _receivable(account), ev.outstanding_part),
        *_pair(income, _wallet(account), ev.cash_part),
        *_pair(income, BookAccount(chart.BY_COUPON), restored + forfeited),
        *_pair(_coupons(account), given_back, restored),
        *_pair(BookAccount(chart.FORFEITED), given_back, forfeited),
    )


def _ordered(ev: e.Ordered, account: str, _: str) -> Postings:
    """Cash for a term is deferred, and earned by its schedule; a coupon part never was money."""
    deferred = BookAccount(chart.DEFERRED, chart.SUBSCRIBED)
    return (
        *_pair(_wallet(account), deferred, ev.cash_part),
        *_pair(BookAccount(chart.REDEEMED), _coupons(account), ev.coupon_part),
    )


def _refunded(ev: e.RefundIssued, account: str, _: str) -> Postings:
    return _pair(BookAccount(chart.DEFERRED, chart.SUBSCRIBED), _wallet(account), ev.amount)


def _nothing(_: e.Event, __: str, ___: str) -> Postings:
    """Moves neither money nor coupons."""
    return ()


POSTINGS: dict[type[e.Event], Callable[[Any, str, str], Postings]] = {
    e.TopUpReceived: _topped_up,
    e.TopUpReversed: _reversed,
    e.DebtRecorded: _debt,
    e.CouponGranted: _granted,
    e.CouponExpired: _ended,
    e.BillPosted: _billed,
    e.BillSettled: _settled,
    e.CreditNoteIssued: _credited,
    **dict.fromkeys(get_args(e.Ordered), _ordered),
    e.RefundIssued: _refunded,
    # A bill posts for its usage (R6), a refund for its cancelled renewal (R49).
    **dict.fromkeys((
        e.AccountOpened, e.PolicyAdopted, e.PriceSet, e.CouponStarted, e.UsageRecorded,
        e.OverdueStarted, e.OverdueReanchored, e.OverdueCleared, e.TrialStarted,
        e.PublicInstanceActivated, e.RenewalCancelled, e.AutoRenewEnabled, e.AutoRenewModified,
        e.AutoRenewDisabled, e.AutoRenewFailed, e.InstanceExpired, e.InstanceReleased,
        e.ServiceStopped, e.ServiceRestoring, e.ServiceRestored, e.InstanceFrozen,
        e.TrialContinued, e.AlertConfigured, e.LowBalanceAlertRaised, e.LowBalanceAlertCleared,
        e.LowBalanceReminderSent, e.LowBalanceRemindersCancelled, e.CommandAccepted,
        e.CommandRefused, e.TagAdded, e.PeriodClosed, e.PeriodReopened, e.ChecksAdopted,
        e.ReconciliationRun, e.BreakOpened, e.PartiesSeen, e.RunNarrowed, e.BreakResolved,
        e.BreakSignedOff, e.MatchConfirmed, e.ReconciliationSignedOff, e.BreakReopened,
        e.NoticeSent, e.NoticeFailed,
    ), _nothing),
}  # fmt: skip


def postings(event: e.Event, account: str, *, billed: str = "") -> Postings:
    """Return what an event of ``account`` posts; ``billed`` is the product of a credited bill."""
    return POSTINGS[type(event)](event, account, billed)


class Effect(NamedTuple):
    """Changes of one event, in minor units."""

    cash: int = 0
    outstanding: int = 0
    coupons: int = 0


    @property
    def available(self) -> int:
        """Cash less what is outstanding."""
        return self.cash - self.outstanding

    def plus(self, other: Effect) -> Effect:
        """Add two."""
        return Effect(*(one + more for one, more in zip(self, other, strict=True)))


NOTHING = Effect()


def effect(event: e.Event) -> Effect:
    """Return what an event does to the control accounts: cash is what the wallet account owes."""
    found = postings(event, "")
    if not found:
        return NOTHING
    sums = dict.fromkeys((chart.WALLET, chart.RECEIVABLE, chart.OUTSTANDING), 0)
    for posting in found:
        if posting.account.root in sums:
            sums[posting.account.root] += posting.minor
    return Effect(-sums[chart.WALLET], sums[chart.RECEIVABLE], sums[chart.OUTSTANDING])
