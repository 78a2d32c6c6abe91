"""Which events a customer is told of, in which words and with which facts (R67).

Invariant: a notice repeats what its event says and computes nothing; its id is the ledger's, the
event's position and the kind, so that whoever receives it twice can tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ledger import events as e
from ledger.events import account_of
from projections.answers.events import data_of
from projections.answers.terms import Formatter

if TYPE_CHECKING:
    from ledger.events import RecordedEvent

Json = dict[str, Any]

OF_EVENT: dict[type[e.Event], str] = {
    e.LowBalanceAlertRaised: "low_balance",
    e.LowBalanceReminderSent: "low_balance_reminder",
    e.OverdueStarted: "overdue",
    e.OverdueCleared: "overdue_cleared",
    e.ServiceStopped: "service_stopped",
    e.ServiceRestored: "service_restored",
    e.InstanceExpired: "expired",
    e.InstanceReleased: "released",
    e.AutoRenewFailed: "auto_renew_failed",
    e.InstanceRenewed: "auto_renewed",  # by the clock alone; a customer's own order is not news
}
EXPIRY_AHEAD = {days: f"expiry_{days}d" for days in (7, 3, 1)}
RELEASE_AHEAD = {days: f"release_{days}d" for days in (3, 1)}
AHEAD = frozenset((*EXPIRY_AHEAD.values(), *RELEASE_AHEAD.values()))
KINDS = (
    "low_balance", "low_balance_reminder", "overdue", "overdue_cleared", "service_stopped",
    "service_restored", "expiry_7d", "expiry_3d", "expiry_1d", "expired", "release_3d",
    "release_1d", "released", "auto_renew_failed", "auto_renewed",
)  # fmt: skip
_AUTO = "auto"
_OURS = frozenset(("slots_from", "reminders"))  # of no use to who is told


class Notice(NamedTuple):
    """One thing to tell one account.

    Attributes:
        position: of the event that it is made of; told ahead, of the one that set the term's end.
        at: the instant that it tells of: the event's, or that of the telling ahead.
        made_at: when it can be told: the event was recorded, or the instant ahead has come.

    """

    id: str
    position: int
    kind: str
    account: str
    at: int
    made_at: int
    facts: Json

    @property
    def order(self) -> tuple[int, bool, int, str]:
        """Notices are told in the order in which they were made; at one instant events first."""
        return self.made_at, self.kind in AHEAD, self.position, self.kind


def identity(ledger: str, position: int, kind: str) -> str:
    """Return the id of a notice."""
    return f"{ledger}:{position}:{kind}"


def of_event(
    recorded: RecordedEvent, *, ledger: str, currency: str, offset: int
) -> Notice | None:
    """Make the notice of an event, None where it is none."""
    event, account = recorded.event, account_of(recorded.stream)
    kind = OF_EVENT.get(type(event))
    by_order = type(event) is e.InstanceRenewed and event.via != _AUTO
    if kind is None or account is None or by_order:
        return None
    facts: Json = {"currency": currency}
    instance = getattr(event, "instance", None)
    if instance is not None:
        facts["instance"] = instance
    data = data_of(event, Formatter(offset=offset, currency=currency))
    facts |= {name: cell for name, cell in data.items() if name not in _OURS}
    return Notice(
        identity(ledger, recorded.position, kind), recorded.position, kind, account,
        recorded.effective_at, recorded.recorded_at, facts,
    )  # fmt: skip
