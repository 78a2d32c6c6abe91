"""Revenue of terms: what was paid in cash is earned by the second, straight from start to end.

Invariant: what is earned never leaves [0, cash], is whole minor units, and is all of the cash at
the end of the term: the remainder falls into the last slice. A refund closes the terms it is for:
from then on just what was not refunded is earned (R48, R49); a release earns what is left, such as
the fee of a larger sku for a renewal that was cancelled (R23). This module must not know the chart
beyond the account that a term is earned into.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ledger import events as e
from ledger.periods import SECOND
from projections.journal.chart import SUBSCRIBED, SUBSCRIPTION, UPGRADE_FEES, BookAccount
from projections.refunds import OF_RENEWAL, term_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ledger.events import RecordedEvent

NEW, RENEWAL, UPGRADE = "new", "renew", "upgrade"
ORDERS: dict[type[e.Event], str] = {
    e.InstancePurchased: NEW, e.UpgradedToEnterprise: NEW,
    e.InstanceRenewed: RENEWAL, e.SpecUpgraded: UPGRADE,
}  # fmt: skip
OF_TERMS = frozenset((*ORDERS, e.RefundIssued, e.InstanceReleased))  # what opens or closes one
EARNED_INTO = {
    NEW: BookAccount(SUBSCRIPTION, SUBSCRIBED), RENEWAL: BookAccount(SUBSCRIPTION, SUBSCRIBED),
    UPGRADE: BookAccount(UPGRADE_FEES),
}  # fmt: skip
Income = tuple[str, BookAccount]


def straight_line(amount: int, starts: int, ends: int, at: int) -> int:
    """Return what of ``amount`` is earned at an instant: by the second, rounded down to the end."""
    if at >= ends:
        return amount
    if at <= starts:
        return 0
    return amount * ((at - starts) // SECOND) // ((ends - starts) // SECOND)


class Term:
    """The cash of one order, its term [starts, ends), and what is kept of it once it is closed."""

    __slots__ = (
        "account", "cash", "currency", "ends", "instance", "kept", "order", "over", "position",
        "starts",
    )  # fmt: skip

    def __init__(
        self, recorded: RecordedEvent, *, account: str, currency: str, order: str
    ) -> None:
        """Open a term as its event says."""
        event = recorded.event
        assert isinstance(event, e.Ordered)  # noqa: S101 - ORDERS has no other
        self.account = account
        self.currency = currency
        self.instance = event.instance
        self.order = order
        self.position = recorded.position
        self.cash = event.cash_part
        self.starts, self.ends = term_of(event)
        self.kept: int | None = None
        self.over: int | None = None  # what Schedules.earned_by counts of it for good

    @property
    def income(self) -> Income:
        """The currency and the account that it is earned into."""
        return self.currency, EARNED_INTO[self.order]

    def earned(self, at: int) -> int:
        """Return what is earned of its cash."""
        if self.kept is not None:
            return self.kept
        return straight_line(self.cash, self.starts, self.ends, at)

    def unearned(self, at: int) -> int:
        """Return what is deferred of its cash: nothing once it is closed."""
        return 0 if self.kept is not None else self.cash - self.earned(at)


class Schedules:
    """The terms of one or of many accounts, taken in the order of a fold."""

    def __init__(self) -> None:
        """Start without terms."""
        self._terms: dict[tuple[str, str], list[Term]] = {}
        self._running: list[Term] = []
        self._over: dict[Income, int] = defaultdict(int)

    def take(self, recorded: RecordedEvent, account: str, currency: str) -> None:
        """Open or close terms, where the event does."""
        event = recorded.event
        order = ORDERS.get(type(event))
        if order is not None:
            term = Term(recorded, account=account, currency=currency, order=order)
            self._terms.setdefault((account, term.instance), []).append(term)
            self._running.append(term)
        elif type(event) is e.RefundIssued:
            terms = self._open_terms(account, event.instance)
            if event.reason == OF_RENEWAL:
                terms = [one for one in terms if one.order == RENEWAL][-1:]
            self._close(terms, event.amount, recorded.effective_at)
        elif type(event) is e.InstanceReleased:
            terms = self._open_terms(account, event.instance)
            self._close(terms, 0, recorded.effective_at)

    def _open_terms(self, account: str, instance: str) -> list[Term]:
        return [one for one in self._terms.get((account, instance), ()) if one.kept is None]

    def _close(self, terms: list[Term], refunded: int, at: int) -> None:
        kept = kept_of([one.cash for one in terms], [one.earned(at) for one in terms], refunded)
        for term, amount in zip(terms, kept, strict=True):
            term.kept = amount
            if term.over is not None:
                self._over[term.income] += amount - term.over
                term.over = amount

    def terms(self) -> Iterator[Term]:
        """Yield every term, those of an instance in the order of its orders."""
        for terms in self._terms.values():
            yield from terms

    def earned(self, at: int) -> dict[Income, int]:
        """Return what is earned in total, by currency and income account, in minor units."""
        sums: dict[Income, int] = defaultdict(int)
        for term in self.terms():
            sums[term.income] += term.earned(at)
        return sums

    def earned_by(self, at: int) -> dict[Income, int]:
        """Return the same for an ``at`` that only goes forward: finished terms cost nothing."""
        sums, running = self._over, []
        for term in self._running:
            if term.kept is not None or term.ends <= at:
                term.over = term.earned(at)
                sums[term.income] += term.over
            else:
                running.append(term)
        self._running = running
        sums = defaultdict(int, sums)
        for term in running:
            sums[term.income] += term.earned(at)
        return sums


def kept_of(cash: Sequence[int], earned: Sequence[int], refunded: int) -> list[int]:
    """Return what terms keep once a refund closed them: together their cash less the refund.

    Each keeps what it had earned; the difference goes to the oldest term that can take it.
    """
    kept = list(earned)
    more = sum(cash) - refunded - sum(kept)
    for i, paid in enumerate(cash):
        change = min(more, paid - kept[i]) if more > 0 else max(more, -kept[i])
        kept[i] += change
        more -= change
    return kept
