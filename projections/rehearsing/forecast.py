"""What is to come if nobody does anything: ``tally.forecast/1``, and for many ``tally.outlook/1``.

Invariant: the outlook's rows come out by account, whoever did the shares; an account without an
event to come has none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ledger import events as e
from ledger.events import ACCOUNT_PREFIX, account_of
from ledger.memory import no_cycles
from ledger.periods import local_date
from ledger.rehearsal.forecast import forecast
from projections.answers.rehearsing import Ahead, DayAhead, ForecastShown, OutlookShown
from projections.answers.state import state_of
from projections.answers.terms import Instant, Typed
from projections.point import Point
from projections.shares import divide
from projections.view import LedgerView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ledger.events import RecordedEvent
    from ledger.state import AccountState

E = TypeVar("E", bound=e.Event)


def forecast_of(
    view: LedgerView, to: int, account: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ForecastShown:  # fmt: skip
    """Run the rules ahead of the clock, of one account or of all."""
    accounts = None if account is None else {account}
    found = forecast(view.reader, to, accounts=accounts, progress=progress)
    head = view.reader.head().position
    then = Point(to, to, head + len(found.events), everything=True)
    return ForecastShown(
        account=account, from_=Instant.at(view.now, view.offset), to=Instant.at(to, view.offset),
        position=head, events=[view.event(event) for event in found.events],
        states=[state_of(one, found.config.policy, then)
                for _, one in sorted(found.states.items())],
    )  # fmt: skip


# --- everybody, in shares -----------------------------------------------------------------------


class ForecastShare(NamedTuple):
    """What a share came to; ``days``: cash of automatic renewals by local date and currency."""

    events: int
    rows: list[Ahead]
    days: Counter[tuple[str, str]]


class OutlookTask(NamedTuple):
    """Look ahead for one share of accounts."""

    location: str
    accounts: list[str]
    to: int

    def __call__(self) -> ForecastShare:
        """Do it."""
        with LedgerView(self.location) as view, no_cycles():
            found = forecast(view.reader, self.to, accounts=self.accounts)
            offset = view.offset
        own: defaultdict[str | None, list[RecordedEvent]] = defaultdict(list)
        for recorded in found.events:
            own[account_of(recorded.stream)].append(recorded)
        days: Counter[tuple[str, str]] = Counter()
        for name, events in own.items():
            for recorded, renewed in _of(e.InstanceRenewed, events):
                day = local_date(recorded.effective_at, offset)
                days[day, found.states[name or ""].currency] += renewed.cash_part
        rows = [_ahead(found.states[name], events, offset) for name, events in own.items() if name]
        return ForecastShare(len(found.events), rows, days)


def _of(kind: type[E], events: list[RecordedEvent]) -> list[tuple[RecordedEvent, E]]:
    return [(event, event.event) for event in events if isinstance(event.event, kind)]


def _ahead(state: AccountState, events: list[RecordedEvent], offset: int) -> Ahead:
    """Return what is to come for one account."""

    def instances(
        kind: type[e.InstanceExpired | e.ServiceStopped | e.InstanceReleased]
    ) -> list[str]:
        return list(dict.fromkeys(event.instance for _, event in _of(kind, events)))

    write = Typed(offset=offset, currency=state.currency)
    renewed = _of(e.InstanceRenewed, events)
    return Ahead(
        account=state.account, currency=state.currency, expire=instances(e.InstanceExpired),
        stop=instances(e.ServiceStopped), release=instances(e.InstanceReleased),
        overdue_since=write.maybe(state.overdue_since),
        outstanding=write.money(state.outstanding), renewals=len(renewed),
        renewals_failed=len(_of(e.AutoRenewFailed, events)),
        renewal_cash=write.money(sum(event.cash_part for _, event in renewed)),
        events=len(events),
    )  # fmt: skip


def outlook_tasks(
    view: LedgerView, place: str, to: int, account: str | None = None
) -> list[OutlookTask]:
    """Divide the accounts; ``place`` is where a worker finds the ledger."""
    names = [account] if account is not None else [
        stream.removeprefix(ACCOUNT_PREFIX) for stream in view.reader.streams(ACCOUNT_PREFIX)
    ]  # fmt: skip
    return [OutlookTask(place, share, to) for share in divide(names)]


def outlook_of(view: LedgerView, to: int, shares: Iterable[ForecastShare]) -> OutlookShown:
    """Put the shares together."""
    days: Counter[tuple[str, str]] = Counter()
    rows: list[Ahead] = []
    for share in shares:
        days.update(share.days)
        rows += share.rows
    offset = view.offset
    return OutlookShown(
        from_=Instant.at(view.now, offset), to=Instant.at(to, offset),
        position=view.reader.head().position,
        days=[
            DayAhead(date=day, currency=currency,
                     renewal_cash=Typed(offset=offset, currency=currency).money(cash))
            for (day, currency), cash in sorted(days.items())
        ],
        rows=sorted(rows, key=lambda row: row.account),
    )  # fmt: skip
