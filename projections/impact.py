"""What a history cost whom: charges, cash, refusals and lost service of one account.

A pure fold of the events of one side of a backtest. Units: minor units of the account's currency,
microseconds, counts. Invariant: nothing is computed that the events do not say, so the same
history gives the same impact whoever recorded or rehearsed it.
This module must not know which rules made the events, nor how an impact is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from msgspec import Struct, field

from ledger import events as e
from ledger.periods import local_date, local_day

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger.events import RecordedEvent

    _Table = dict[type[e.Event], Callable[["Measuring", RecordedEvent, Any], None]]

MONEY: Final = ("charged", "collected", "refunded", "coupons_used", "outstanding")
SPANS: Final = ("overdue_seconds", "stopped_seconds")
COUNTS: Final = ("refused", "stops", "renewals", "renewals_failed", "lost_to_release", "notices")
_SECOND: Final = 1_000_000
_NOTICED: Final = frozenset((
    e.LowBalanceAlertRaised, e.LowBalanceReminderSent, e.OverdueStarted, e.OverdueCleared,
    e.ServiceStopped, e.ServiceRestored, e.InstanceExpired, e.InstanceReleased,
    e.AutoRenewFailed,
))  # fmt: skip


class Impact(Struct):
    """What a history came to for one account.

    Attributes:
        charged: bills and orders, before coupons.
        collected: what cash paid of them.
        refunded: cash that cancellations and credit notes gave back.
        coupons_used: what coupons paid, less what credit notes took back.
        outstanding: what is left to pay at the end.
        refused: how many commands were refused; ``codes`` says why.
        overdue_seconds, stopped_seconds: open spans end with the history. Stopped is out of
            service because the account was overdue (R16), until ServiceRestored.
        stops: how often a service stopped for that reason.
        renewals, renewals_failed: renewals done, automatic renewals that failed.
        lost_to_release: instances released because nobody renewed them (R23).
        notices: events that make a notice when they happen (R67); none of those told ahead.
        months: charged by local calendar month.

    """

    currency: str = ""
    charged: int = 0
    collected: int = 0
    refunded: int = 0
    coupons_used: int = 0
    outstanding: int = 0
    refused: int = 0
    overdue_seconds: int = 0
    stopped_seconds: int = 0
    stops: int = 0
    renewals: int = 0
    renewals_failed: int = 0
    lost_to_release: int = 0
    notices: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    months: dict[str, int] = field(default_factory=dict)


class Measuring:
    """Folds one account's events into its impact within a span of recorded time."""

    def __init__(self, *, starts: int, offset: int) -> None:
        """Begin with nothing; what was recorded before ``starts`` is not counted."""
        self.impact = Impact()
        self._starts = starts
        self._offset = offset
        self._overdue: int | None = None
        self._stopped: dict[str, int] = {}
        self._month_of: dict[int, str] = {}

    def see(self, recorded: RecordedEvent) -> None:
        """Process one event."""
        event = recorded.event
        kind = type(event)
        if kind not in self._KNOWN:
            return
        follow = self._FOLLOW.get(kind)
        if follow is not None:
            follow(self, recorded, event)
        if recorded.recorded_at < self._starts:
            return
        count = self._COUNT.get(kind)
        if count is not None:
            count(self, recorded, event)
        if kind in _NOTICED:
            self.impact.notices += 1

    def end(self, at: int) -> Impact:
        """Close the spans that are still open and return the impact."""
        if self._overdue is not None:
            self.impact.overdue_seconds += self._seconds(self._overdue, at)
        for since in self._stopped.values():
            self.impact.stopped_seconds += self._seconds(since, at)
        self._overdue, self._stopped = None, {}
        return self.impact

    def _seconds(self, since: int, until: int) -> int:
        return max(0, until - max(since, self._starts)) // _SECOND

    # --- states, whenever they began -----------------------------------------------------------

    def _opened(self, _: RecordedEvent, event: e.AccountOpened) -> None:
        self.impact.currency = event.currency

    def _owes(self, _: RecordedEvent, event: e.BillPosted | e.DebtRecorded) -> None:
        self.impact.outstanding += event.amount

    def _pays(self, _: RecordedEvent, event: e.BillSettled) -> None:
        self.impact.outstanding -= event.cash_part + sum(part for _, part in event.coupons)

    def _cancels_debt(self, _: RecordedEvent, event: e.CreditNoteIssued) -> None:
        self.impact.outstanding -= event.outstanding_part

    def _overdue_from(self, _: RecordedEvent, event: e.OverdueStarted) -> None:
        self._overdue = event.overdue_since

    def _overdue_until(self, recorded: RecordedEvent, _: e.OverdueCleared) -> None:
        if self._overdue is not None:
            self.impact.overdue_seconds += self._seconds(self._overdue, recorded.effective_at)
        self._overdue = None

    def _stopped_from(self, recorded: RecordedEvent, event: e.ServiceStopped) -> None:
        self._stopped[event.instance] = recorded.effective_at

    def _stopped_until(self, recorded: RecordedEvent, event: e.ServiceRestored) -> None:
        since = self._stopped.pop(event.instance, None)
        if since is not None:
            self.impact.stopped_seconds += self._seconds(since, recorded.effective_at)

    # --- what is counted within the span ---------------------------------------------------------

    def _charge(self, recorded: RecordedEvent, amount: int) -> None:
        day = local_day(recorded.effective_at, self._offset)
        month = self._month_of.get(day)
        if month is None:
            month = self._month_of[day] = local_date(recorded.effective_at, self._offset)[:7]
        self.impact.charged += amount
        self.impact.months[month] = self.impact.months.get(month, 0) + amount

    def _bill(self, recorded: RecordedEvent, event: e.BillPosted) -> None:
        self._charge(recorded, event.amount)

    def _order(self, recorded: RecordedEvent, event: Any) -> None:  # noqa: ANN401 - each order has these
        self._charge(recorded, event.price)
        self.impact.collected += event.cash_part
        self.impact.coupons_used += event.coupon_part

    def _renewal(self, recorded: RecordedEvent, event: e.InstanceRenewed) -> None:
        self._order(recorded, event)
        self.impact.renewals += 1
        self.impact.notices += event.via == "auto"

    def _settlement(self, _: RecordedEvent, event: e.BillSettled) -> None:
        self.impact.collected += event.cash_part
        self.impact.coupons_used += sum(part for _, part in event.coupons)

    def _note(self, _: RecordedEvent, event: e.CreditNoteIssued) -> None:
        self.impact.refunded += event.cash_part
        taken_back = (*event.coupons_restored, *event.coupons_forfeited)
        self.impact.coupons_used -= sum(part for _, part in taken_back)

    def _refund(self, _: RecordedEvent, event: e.RefundIssued) -> None:
        self.impact.refunded += event.amount

    def _failure(self, _: RecordedEvent, __: e.AutoRenewFailed) -> None:
        self.impact.renewals_failed += 1

    def _stop(self, _: RecordedEvent, __: e.ServiceStopped) -> None:
        self.impact.stops += 1

    def _release(self, _: RecordedEvent, event: e.InstanceReleased) -> None:
        self.impact.lost_to_release += event.via == "retention"

    def _refusal(self, _: RecordedEvent, event: e.CommandRefused) -> None:
        self.impact.refused += 1
        self.impact.codes[event.code] = self.impact.codes.get(event.code, 0) + 1

    _FOLLOW: ClassVar[_Table] = {
        e.AccountOpened: _opened,
        e.BillPosted: _owes,
        e.DebtRecorded: _owes,
        e.BillSettled: _pays,
        e.CreditNoteIssued: _cancels_debt,
        e.OverdueStarted: _overdue_from,
        e.OverdueCleared: _overdue_until,
        e.ServiceStopped: _stopped_from,
        e.ServiceRestored: _stopped_until,
    }
    _COUNT: ClassVar[_Table] = {
        e.BillPosted: _bill,
        e.InstancePurchased: _order,
        e.UpgradedToEnterprise: _order,
        e.SpecUpgraded: _order,
        e.InstanceRenewed: _renewal,
        e.BillSettled: _settlement,
        e.CreditNoteIssued: _note,
        e.RefundIssued: _refund,
        e.AutoRenewFailed: _failure,
        e.ServiceStopped: _stop,
        e.InstanceReleased: _release,
        e.CommandRefused: _refusal,
    }
    _KNOWN: ClassVar = frozenset((*_FOLLOW, *_COUNT, *_NOTICED))
