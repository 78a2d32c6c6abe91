"""What is to come for one account if nobody does anything: a fold of a forecast's events.

Units: minor units of the account's currency. Invariant: an account without an event to come has
nothing in its outlook. This module must not know how the events were foretold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from ledger import events as e
from ledger.periods import local_date

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from ledger.state import AccountState


class Outlook(Struct):
    """What is to come for an account.

    Attributes:
        expire, stop, release: the instances that will, each once.
        overdue_since: when it will have become overdue, None if it will not be at the end.
        outstanding: what will be left to pay at the end.
        days: cash that automatic renewals will take, by local date.
        renewals, renewals_failed: automatic renewals that will be done, and slots that will fail.
        events: how many events are to come.

    """

    account: str
    currency: str
    expire: list[str] = field(default_factory=list)
    stop: list[str] = field(default_factory=list)
    release: list[str] = field(default_factory=list)
    overdue_since: int | None = None
    outstanding: int = 0
    renewals: int = 0
    renewals_failed: int = 0
    days: dict[str, int] = field(default_factory=dict)
    events: int = 0

    @property
    def cash(self) -> int:
        """What automatic renewals will take in total."""
        return sum(self.days.values())

    def see(self, recorded: RecordedEvent, *, offset: int) -> None:
        """Process one future event."""
        event = recorded.event
        self.events += 1
        if isinstance(event, e.InstanceExpired):
            _once(self.expire, event.instance)
        elif isinstance(event, e.ServiceStopped):
            _once(self.stop, event.instance)
        elif isinstance(event, e.InstanceReleased):
            _once(self.release, event.instance)
        elif isinstance(event, e.AutoRenewFailed):
            self.renewals_failed += 1
        elif isinstance(event, e.InstanceRenewed):
            self.renewals += 1
            day = local_date(recorded.effective_at, offset)
            self.days[day] = self.days.get(day, 0) + event.cash_part

    def end(self, state: AccountState) -> None:
        """Set the state of the account at the end."""
        self.overdue_since, self.outstanding = state.overdue_since, state.outstanding


def _once(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)
