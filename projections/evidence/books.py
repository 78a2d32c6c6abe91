"""Trial balances and the roll-forward of a period, summed from the effects of events.

Invariant: opening + the period's events by type = closing, for every control account and currency;
amounts are sums of effects.py, which reads the postings of the journal. Units: minor units. The
control accounts of the pack are cash, outstanding and coupons.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ledger.events import AccountOpened, account_of, type_name
from projections.evidence.digests import states_at
from projections.evidence.effects import CONTROL_ACCOUNTS, NOTHING, Effect, effect
from projections.journal.identities import coupons_left

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.events import RecordedEvent
    from ledger.periods import Period
    from ledger.store import Reader
    from projections.point import Point

OPENING, CLOSING = "opening", "closing"


class Balance(NamedTuple):
    """One line of a trial balance."""

    account: str
    currency: str
    cash: int
    outstanding: int
    coupons: int


class Books:
    """Sums effects up to the beginning of a period, and through it."""

    def __init__(self, period: Period) -> None:
        """Start before the first event."""
        self._period = period
        self._currency: dict[str, str] = {}
        self._opened_at: dict[str, int] = {}
        self._opening: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        self._closing: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        self._moved: dict[str, dict[str, list[int]]] = defaultdict(dict)

    def take(self, recorded: RecordedEvent) -> None:
        """Add one event of the log."""
        account = account_of(recorded.stream)
        if account is None:
            return
        event = recorded.event
        if type(event) is AccountOpened:
            self._currency[account] = event.currency
            self._opened_at[account] = recorded.effective_at
        found = effect(event)
        if found is NOTHING or recorded.effective_at >= self._period.ends:
            return
        _add(self._closing[account], found)
        if recorded.effective_at < self._period.starts:
            _add(self._opening[account], found)
        else:
            by_type = self._moved[self._currency[account]]
            _add(by_type.setdefault(type_name(type(event)), [0, 0, 0]), found)

    def opening(self) -> list[Balance]:
        """Give the trial balance before the period."""
        return self._balances(self._opening, self._period.starts)

    def closing(self) -> list[Balance]:
        """Give the trial balance at its end."""
        return self._balances(self._closing, self._period.ends)

    def _balances(self, sums: dict[str, list[int]], before: int) -> list[Balance]:
        return [
            Balance(account, self._currency[account], *sums.get(account, (0, 0, 0)))
            for account, opened_at in sorted(self._opened_at.items())
            if opened_at < before
        ]

    def roll_forward(self) -> Iterator[tuple[str, str, str, int]]:
        """Give (currency, control account, line, amount): opening, each type, closing."""
        ends = {OPENING: _totals(self.opening()), CLOSING: _totals(self.closing())}
        for currency in sorted(set(self._currency.values())):
            for i, control in enumerate(CONTROL_ACCOUNTS):
                yield currency, control, OPENING, ends[OPENING].get(currency, (0, 0, 0))[i]
                for name, sums in sorted(self._moved.get(currency, {}).items()):
                    if sums[i]:
                        yield currency, control, name, sums[i]
                yield currency, control, CLOSING, ends[CLOSING].get(currency, (0, 0, 0))[i]


def _add(sums: list[int], found: Effect) -> None:
    for i, part in enumerate(found):
        sums[i] += part


def _totals(balances: list[Balance]) -> dict[str, tuple[int, int, int]]:
    found: dict[str, tuple[int, int, int]] = {}
    for one in balances:
        cash, outstanding, coupons = found.get(one.currency, (0, 0, 0))
        found[one.currency] = (
            cash + one.cash, outstanding + one.outstanding, coupons + one.coupons
        )  # fmt: skip
    return found


def folded(reader: Reader, point: Point) -> list[Balance]:
    """Give the trial balance from the fold of every account: another way to the same figures."""
    return [
        Balance(
            state.account, state.currency, state.cash, state.outstanding,
            coupons_left(state),
        )
        for state in states_at(reader, point)
    ]  # fmt: skip
