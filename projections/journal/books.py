"""Balances: what the postings of a history, and the schedules, come to.

Invariant: the balances of a commodity sum to zero whatever was taken; nothing is rounded. Events
may come account by account, each in the order of the fold: (effective_at, position). This module
must not know how a point selects events beyond asking for them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ledger import events as e
from ledger.errors import CorruptHistory
from ledger.events import ACCOUNT_PREFIX, account_of
from ledger.kept.stream_tiles import Tiles
from projections.journal.chart import (
    DEFERRED,
    SUBSCRIBED,
    BookAccount,
    Key,
    commodity,
    minor_unit,
)
from projections.journal.postings import postings
from projections.journal.schedules import OF_TERMS, Schedules
from projections.point import history

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.point import Point

RECOGNISED = "RevenueRecognised"  # the line of the schedules, beside the lines of event types
_UNEARNED = BookAccount(DEFERRED, SUBSCRIBED)


class JournalEntry(NamedTuple):
    """One event's postings, all in one customer's currency, at the scale of the books."""

    recorded: RecordedEvent
    account: str
    currency: str
    legs: tuple[tuple[Key, int], ...]


class Books:
    """Posts events and keeps the balance of every account."""

    def __init__(self, *, credited: Container[tuple[str, str]] | None = None) -> None:
        """Start with empty books.

        ``credited`` names the (account, bill) that a credit note is to come for, so that no other
        bill is remembered; None remembers all.
        """
        self._credited = credited
        self.posted: dict[Key, int] = defaultdict(int)
        self.schedules = Schedules()
        self.currencies: dict[str, str] = {}
        self._products: dict[tuple[str, str], str] = {}

    def take(self, recorded: RecordedEvent) -> JournalEntry | None:
        """Post one event; None where it posts nothing. Raises: CorruptHistory."""
        account = account_of(recorded.stream)
        if account is None:
            return None
        event = recorded.event
        billed = ""
        if type(event) is e.AccountOpened:
            self.currencies[account] = event.currency
        elif type(event) is e.BillPosted:
            if self._credited is None or (account, event.bill) in self._credited:
                self._products[account, event.bill] = event.product
        elif type(event) is e.CreditNoteIssued:
            billed = self._products.get((account, event.bill), "")
            if not billed:
                msg = f"credit note @{recorded.position} names no posted bill: {event.bill!r}"
                raise CorruptHistory(msg)
        if type(event) in OF_TERMS:
            self.schedules.take(recorded, account, self.currencies.get(account, ""))
        found = postings(event, account, billed=billed)
        if not found:
            return None
        currency = self.currencies[account]
        legs = tuple(
            (Key(one.account, commodity(one.account, currency)), one.scaled(currency))
            for one in found
        )
        for key, amount in legs:
            self.posted[key] += amount
        return JournalEntry(recorded, account, currency, legs)

    def recognised(self, at: int, *, forward: bool = False) -> dict[Key, int]:
        """Return what the schedules post up to an instant: from deferred to income.

        ``forward``: no earlier instant is asked for after this one, which is faster.
        """
        sums: dict[Key, int] = defaultdict(int)
        earned = self.schedules.earned_by(at) if forward else self.schedules.earned(at)
        for (currency, income), minor in earned.items():
            amount = minor * minor_unit(currency)
            sums[Key(_UNEARNED, currency)] += amount
            sums[Key(income, currency)] -= amount
        return sums

    def balances(self, at: int) -> dict[Key, int]:
        """Return every balance at an instant, revenue of terms recognised up to it."""
        return self.with_revenue(self.recognised(at))

    def with_revenue(self, recognised: dict[Key, int]) -> dict[Key, int]:
        """Add what the schedules post to what events posted."""
        sums = dict(self.posted)
        for key, amount in recognised.items():
            sums[key] = sums.get(key, 0) + amount
        return sums

    def customer(self, events: Iterable[RecordedEvent]) -> None:
        """Post a whole customer: no event of that one follows, so its bills are forgotten."""
        for recorded in events:
            self.take(recorded)
        self._products.clear()


def books_at(
    reader: Reader, point: Point, account: str | None = None, *,
    progress: Callable[[int, int], None] | None = None,
) -> Books:  # fmt: skip
    """Post what a point selects."""
    books = Books()
    names = reader.accounts() if account is None else [account]
    tiles = Tiles(reader)
    for done, name in enumerate(names, 1):
        books.customer(history(reader, ACCOUNT_PREFIX + name, point, tiles))
        if progress is not None:
            progress(done, len(names))
    return books


def totals(balances: dict[Key, int]) -> dict[str, int]:
    """Return the sum of all balances of each commodity, which is zero."""
    sums: dict[str, int] = defaultdict(int)
    for key, amount in balances.items():
        sums[key.commodity] += amount
    return dict(sorted(sums.items()))
