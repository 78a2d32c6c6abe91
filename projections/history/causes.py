"""What each event of an account rests on: the causes of one event, down to facts.

A fact is the first event of a command's batch: somebody asked for it. Everything else follows
from the cause that its batch gives, and from earlier events that it names: a bill from its
usage, a stop from the overdue that lasted, a failed renewal from the term and the setting.
Invariant: a cause has a lower position. This module must not know how causes are shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ledger import events as e

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ledger.events import RecordedEvent

Key = tuple[object, ...]


def _item(event: Any) -> tuple[Key, ...]:  # noqa: ANN401 - any event with an item
    return (("item", event.item),)


def _of(kind: str, field: str = "instance") -> Callable[[Any], tuple[Key, ...]]:
    return lambda event: ((kind, getattr(event, field)),)


def _fixed(kind: str) -> Callable[[Any], tuple[Key, ...]]:
    return lambda _: ((kind,),)


def _failed(event: e.AutoRenewFailed) -> tuple[Key, ...]:
    keys: tuple[Key, ...] = (("auto", event.instance), ("term", event.instance))
    return (("overdue",), *keys) if event.reason == "ACCOUNT_OVERDUE" else keys


# Under which names an event is remembered.
_KNOWN_AS: dict[type[e.Event], Callable[[Any], tuple[Key, ...]]] = {
    e.BillPosted: _of("item", "bill"),
    e.DebtRecorded: _item,
    e.UsageRecorded: _of("usage", "usage"),
    e.OverdueStarted: _fixed("overdue"),
    e.OverdueReanchored: _fixed("overdue"),
    e.AutoRenewEnabled: _of("auto"),
    e.AutoRenewModified: _of("auto"),
    e.AutoRenewDisabled: _of("auto"),
    e.InstancePurchased: _of("term"),
    e.TrialStarted: _of("term"),
    e.InstanceRenewed: _of("term"),
    e.UpgradedToEnterprise: _of("term"),
    e.RenewalCancelled: _of("term"),
    e.AutoRenewFailed: lambda event: (("failed", event.instance, event.expires_at),),
    e.InstanceExpired: _of("down"),
    e.ServiceStopped: _of("down"),
    e.ServiceRestoring: _of("restoring"),
    e.CouponGranted: _of("coupon", "coupon"),
    e.AlertConfigured: _fixed("alert"),
    e.LowBalanceAlertRaised: _fixed("raised"),
}
# Which remembered events an event rests on, the most telling one first.
_RESTS_ON: dict[type[e.Event], Callable[[Any], tuple[Key, ...]]] = {
    e.ServiceStopped: _fixed("overdue"),
    e.OverdueStarted: _item,
    e.OverdueReanchored: _item,
    e.BillPosted: _of("usage", "bill"),
    e.BillSettled: _item,
    e.AutoRenewFailed: _failed,
    e.InstanceExpired: lambda event: (
        ("failed", event.instance, event.expires_at), ("term", event.instance)
    ),
    e.InstanceReleased: _of("down"),
    e.ServiceRestored: _of("restoring"),
    e.CouponStarted: _of("coupon", "coupon"),
    e.CouponExpired: _of("coupon", "coupon"),
    e.InstanceRenewed: _of("auto"),
    e.LowBalanceAlertRaised: _fixed("alert"),
    e.LowBalanceReminderSent: _fixed("raised"),
    e.LowBalanceAlertCleared: _fixed("raised"),
    e.LowBalanceRemindersCancelled: _fixed("raised"),
}  # fmt: skip


def is_fact(recorded: RecordedEvent) -> bool:
    """Return whether somebody asked for this event."""
    return recorded.cause is None and recorded.command is not None


class Causes:
    """The causes of every event of one account.

    Attributes:
        events: the account's events by position.
        parents: for each position, the positions it rests on, the most telling one first.
        needed: for a decision about money, (what was needed, what was there) in minor units.

    """

    def __init__(self, history: Iterable[RecordedEvent]) -> None:
        """Read a history in the order of positions."""
        self.events: dict[int, RecordedEvent] = {}
        self.parents: dict[int, tuple[int, ...]] = {}
        self.needed: dict[int, tuple[int, int]] = {}
        self._latest: dict[Key, int] = {}
        self._items: dict[str, tuple[int, int]] = {}  # amount, outstanding
        for recorded in history:
            self._add(recorded)

    def _add(self, recorded: RecordedEvent) -> None:
        kind, event, position = type(recorded.event), recorded.event, recorded.position
        self.events[position] = recorded
        found: list[int] = []
        if not is_fact(recorded):
            keys = _RESTS_ON[kind](event) if kind in _RESTS_ON else ()
            found = [self._latest[key] for key in keys if key in self._latest]
            if recorded.cause is not None and not (found and kind is e.OverdueStarted):
                found += [recorded.cause] if recorded.cause in self.events else []
        self.parents[position] = tuple(dict.fromkeys(found))
        for key in _KNOWN_AS[kind](event) if kind in _KNOWN_AS else ():
            self._latest[key] = position
        self._weigh(recorded)

    def _weigh(self, recorded: RecordedEvent) -> None:
        """Note what was needed and what was there, where money decided."""
        event = recorded.event
        if isinstance(event, e.BillPosted):
            self._items[event.bill] = event.amount, event.amount
        elif isinstance(event, e.DebtRecorded):
            self._items[event.item] = event.amount, event.amount
        elif isinstance(event, e.BillSettled) and event.item in self._items:
            self._items[event.item] = self._items[event.item][0], event.outstanding
        elif isinstance(event, (e.OverdueStarted, e.OverdueReanchored)):
            amount, outstanding = self._items.get(event.item, (0, 0))
            self.needed[recorded.position] = amount, amount - outstanding
        elif isinstance(event, e.AutoRenewFailed):
            self.needed[recorded.position] = event.needed, event.available
        elif isinstance(event, e.LowBalanceAlertRaised):
            self.needed[recorded.position] = event.threshold, event.available

    def batch_start(self, recorded: RecordedEvent) -> RecordedEvent:
        """Return the first event of the batch that an event belongs to."""
        while recorded.cause is not None and recorded.cause in self.events:
            recorded = self.events[recorded.cause]
        return recorded

    def root(self, recorded: RecordedEvent) -> RecordedEvent | None:
        """Return the command that led to an event by its most telling causes, if one did."""
        while not is_fact(recorded):
            parents = self.parents.get(recorded.position, ())
            if not parents:
                return None
            recorded = self.events[parents[0]]
        return recorded


# --- the rule of an event ------------------------------------------------------------------------

_MADE_BY: dict[str, tuple[type[e.Event], ...]] = {
    "section 4": (e.PolicyAdopted,), "R1": (e.AccountOpened,), "R2": (e.TopUpReceived,),
    "R4": (e.TopUpReversed, e.DebtRecorded), "R5": (e.UsageRecorded, e.BillPosted),
    "R9": (e.OverdueStarted, e.OverdueCleared), "R10": (e.CreditNoteIssued,),
    "R16": (e.ServiceStopped,), "R17": (e.OverdueReanchored,),
    "R19": (e.ServiceRestoring, e.ServiceRestored), "R20": (e.PublicInstanceActivated,),
    "R22": (e.InstanceExpired,), "R24": (e.PriceSet,), "R26": (e.InstancePurchased,),
    "R28": (e.CommandAccepted,), "R30": (e.AutoRenewEnabled,), "R32": (e.AutoRenewModified,),
    "R33": (e.AutoRenewFailed,), "R36": (e.AutoRenewDisabled,),
    "R37": (e.CouponGranted, e.CouponStarted), "R40": (e.CouponExpired,),
    "R44": (e.InstanceFrozen, e.TrialContinued), "R45": (e.UpgradedToEnterprise,),
    "R46": (e.TrialStarted,), "R47": (e.SpecUpgraded,), "R49": (e.RenewalCancelled,),
    "R53": (e.AlertConfigured, e.LowBalanceAlertRaised, e.LowBalanceAlertCleared),
    "R54": (e.LowBalanceReminderSent, e.LowBalanceRemindersCancelled),
    "R55": (
        e.ReconciliationRun, e.BreakOpened, e.PartiesSeen, e.BreakResolved, e.BreakSignedOff,
        e.MatchConfirmed, e.BreakReopened,
    ),
    "R56": (e.TagAdded,), "R61": (e.PeriodClosed,), "R63": (e.PeriodReopened,),
    "R65": (e.ChecksAdopted, e.RunNarrowed, e.ReconciliationSignedOff),
    "R67": (e.NoticeSent, e.NoticeFailed),
}  # fmt: skip
_BY_TYPE = {kind: rule for rule, kinds in _MADE_BY.items() for kind in kinds}
# Commands after which a bill is posted at once; None: the clock.
_POSTING = (None, "post-bill", "record-usage")
_RENEWED = {"manual": "R24", "bulk": "R27", "auto": "R33"}


def rule_of(recorded: RecordedEvent) -> str:
    """Return the rule that made an event, like ``R16``."""
    event = recorded.event
    if isinstance(event, e.CommandRefused):
        return event.rule
    if isinstance(event, e.InstanceRenewed):
        return _RENEWED.get(event.via, "R24")
    if isinstance(event, e.InstanceReleased):
        return "R48" if event.via == "cancel" else "R23"
    if isinstance(event, e.RefundIssued):
        return "R49" if event.reason == "renewal" else "R48"
    if isinstance(event, e.BillSettled):
        # A bill is paid by what was there when it was posted, or later by cash that came in.
        posted = recorded.cause == recorded.position - 1 and recorded.command in _POSTING
        return "R7" if posted or event.coupons else "R2"
    return _BY_TYPE[type(event)]
