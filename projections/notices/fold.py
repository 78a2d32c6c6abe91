"""All notices of a log, in the order in which they can be told: a fold of its events (R67).

Notices ahead of a term's end or a release depend on the term that holds when their instant
comes: one that was renewed, cancelled or released by then is not told, and none is told whose
instant lies before the event that set the term (it was too late by then).
Invariant: events come in the order of their positions; the same events and the same ``until``
give the same notices. This module must not know channels.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from ledger import events as e
from ledger.config import LedgerConfig
from ledger.events import POLICY_STREAM, account_of
from ledger.periods import DAY, format_instant
from ledger.state import TRIAL
from projections.notices.kinds import (
    EXPIRY_AHEAD,
    RELEASE_AHEAD,
    Notice,
    identity,
    of_event,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.events import RecordedEvent

Member = tuple[str, str]  # (account, instance)
_BEGINS = (e.InstancePurchased, e.InstanceRenewed, e.TrialStarted, e.UpgradedToEnterprise)


class _Term:
    """The running term of an instance, and the notices about it."""

    __slots__ = ("expires_at", "position", "recorded_at", "told", "trial")

    def __init__(self, recorded: RecordedEvent, expires_at: int, *, trial: bool) -> None:
        self.position = recorded.position
        self.recorded_at = recorded.recorded_at
        self.expires_at = expires_at
        self.trial = trial
        self.told: set[str] = set()


class _Ahead(NamedTuple):
    """Something to be told at an instant, if the term is still the same."""

    due: int
    position: int
    kind: str
    member: Member
    end: int  # T or R: what is ahead
    days: int


class NoticeFold:
    """Folds a log into notices.

    Attributes:
        position: of the last event taken.

    """

    def __init__(self) -> None:
        """Start before the first event."""
        self.position = 0
        self._config = LedgerConfig()
        self._currencies: dict[str, str] = {}
        self._terms: dict[Member, _Term] = {}
        self._ahead: list[_Ahead] = []

    @property
    def offset(self) -> int:
        """The calendar offset in force."""
        return self._config.policy.calendar_offset

    def take(self, recorded: RecordedEvent) -> Iterator[Notice]:
        """Yield what can be told before an event is recorded, then what the event itself is."""
        yield from self._due(recorded.recorded_at)
        self.position = recorded.position
        account, event = account_of(recorded.stream), recorded.event
        if account is None:
            if recorded.stream == POLICY_STREAM:
                self._config.apply(recorded)
                self._releases_move()
            return
        if type(event) is e.AccountOpened:
            self._currencies[account] = event.currency
        self._set_term(recorded, account)
        notice = of_event(
            recorded, ledger=self._config.ledger, offset=self.offset,
            currency=self._currencies.get(account, ""),
        )  # fmt: skip
        if notice is not None:
            yield notice

    def until(self, now: int) -> Iterator[Notice]:
        """Yield the notices ahead of an end, up to an instant, inclusive."""
        yield from self._due(now + 1)

    def next_due(self) -> int | None:
        """Return the instant at which something more may be told without a new event."""
        return self._ahead[0].due if self._ahead else None

    # --- terms ----------------------------------------------------------------------------

    def _set_term(self, recorded: RecordedEvent, account: str) -> None:
        event = recorded.event
        if isinstance(event, e.InstanceReleased):
            self._terms.pop((account, event.instance), None)
        elif isinstance(event, (*_BEGINS, e.RenewalCancelled)):
            trial = isinstance(event, e.TrialStarted)
            if isinstance(event, e.RenewalCancelled):
                trial = event.kind == TRIAL
            term = _Term(recorded, event.expires_at, trial=trial)
            member = account, event.instance
            self._terms[member] = term
            for days, kind in EXPIRY_AHEAD.items():
                self._push(term, member, kind=kind, end=term.expires_at, days=days)
            self._push_releases(term, member)

    def _push(self, term: _Term, member: Member, *, kind: str, end: int, days: int) -> None:
        due = end - days * DAY
        if due >= term.recorded_at:
            heappush(self._ahead, _Ahead(due, term.position, kind, member, end, days))

    def _push_releases(self, term: _Term, member: Member) -> None:
        for days, kind in RELEASE_AHEAD.items():
            self._push(term, member, kind=kind, end=self._release(term), days=days)

    def _release(self, term: _Term) -> int:
        """Return R of a term, as ledger/account/deadlines.py does."""
        policy = self._config.policy
        retention = policy.trial_retention if term.trial else policy.retention
        since = policy.since["trial_retention" if term.trial else "retention"]
        return max(term.expires_at + retention, since)

    def _releases_move(self) -> None:
        """Look at every release again, where the policy may have moved it."""
        for member, term in self._terms.items():
            self._push_releases(term, member)

    def _due(self, before: int) -> Iterator[Notice]:
        while self._ahead and self._ahead[0].due < before:
            one = heappop(self._ahead)
            term = self._terms.get(one.member)
            if term is None or term.position != one.position or one.kind in term.told:
                continue
            release = one.kind in RELEASE_AHEAD.values()
            if release and self._release(term) != one.end:
                continue
            term.told.add(one.kind)
            yield self._told(one, release=release)

    def _told(self, one: _Ahead, *, release: bool) -> Notice:
        account, instance = one.member
        ends = "releases_at" if release else "expires_at"
        return Notice(
            identity(self._config.ledger, one.position, one.kind), one.position, one.kind, account,
            one.due, one.due,
            {
                "currency": self._currencies.get(account, ""), "instance": instance,
                ends: format_instant(one.end, self.offset), "days": one.days,
            },
        )  # fmt: skip
