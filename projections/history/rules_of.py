"""Which rule of the rulebook made an event.

Invariant: read from the event alone, so it holds for every history that this vocabulary can tell.
This module must not know how the rules decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import events as e

if TYPE_CHECKING:
    from ledger.events import RecordedEvent

_BY_TYPE: dict[type[e.Event], str] = {
    e.AccountOpened: "R1",
    e.PolicyAdopted: "section 4",
    e.PriceSet: "R24",
    e.TopUpReceived: "R2",
    e.TopUpReversed: "R4",
    e.DebtRecorded: "R4",
    e.CouponGranted: "R37",
    e.CouponStarted: "R37",
    e.CouponExpired: "R40",
    e.UsageRecorded: "R5",
    e.BillPosted: "R5",
    e.OverdueStarted: "R9",
    e.OverdueReanchored: "R17",
    e.OverdueCleared: "R9",
    e.CreditNoteIssued: "R10",
    e.InstancePurchased: "R26",
    e.TrialStarted: "R46",
    e.PublicInstanceActivated: "R20",
    e.RenewalCancelled: "R49",
    e.AutoRenewEnabled: "R30",
    e.AutoRenewModified: "R32",
    e.AutoRenewDisabled: "R36",
    e.AutoRenewFailed: "R33",
    e.InstanceExpired: "R22",
    e.ServiceStopped: "R16",
    e.ServiceRestoring: "R19",
    e.ServiceRestored: "R19",
    e.InstanceFrozen: "R44",
    e.TrialContinued: "R44",
    e.UpgradedToEnterprise: "R45",
    e.SpecUpgraded: "R47",
    e.AlertConfigured: "R53",
    e.LowBalanceAlertRaised: "R53",
    e.LowBalanceAlertCleared: "R53",
    e.LowBalanceReminderSent: "R54",
    e.LowBalanceRemindersCancelled: "R54",
    e.CommandAccepted: "R28",
    e.TagAdded: "R56",
    e.PeriodClosed: "R61",
    e.PeriodReopened: "R63",
    e.ChecksAdopted: "R65",
    e.ReconciliationRun: "R55",
    e.BreakOpened: "R55",
    e.PartiesSeen: "R55",
    e.RunNarrowed: "R65",
    e.BreakResolved: "R55",
    e.BreakSignedOff: "R55",
    e.MatchConfirmed: "R55",
    e.ReconciliationSignedOff: "R65",
    e.BreakReopened: "R55",
    e.NoticeSent: "R67",
    e.NoticeFailed: "R67",
}
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
