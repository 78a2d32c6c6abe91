"""The books at both ends of a period, and what moved them between, from one fold of each customer.

One row an account of the chart: the accounts of single customers are summed, and their rows stand
in a list of customers of their own. Invariant: for every account opening + movements = closing,
and at both ends the books of every customer are compared with the state that the same events fold
to. Memory is that of one customer at a time, and of the sums.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ledger.account import evolve
from ledger.events import ACCOUNT_PREFIX
from ledger.money import format_minor
from ledger.state import AccountState
from projections.journal import chart
from projections.journal.identities import balance_of, coupons_left, unearned
from projections.journal.reports import CLOSING, OPENING, SpanBooks, in_chart_order
from projections.point import Point, history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ledger.periods import Period
    from ledger.store import Reader
    from projections.evidence.writing import SpooledTable

BALANCE_COLUMNS = ("account", "commodity", "debit", "credit")
CUSTOMER_COLUMNS = ("account", "currency", "cash", "outstanding", "coupons", "deferred")
ROLL_COLUMNS = ("account", "commodity", "line", "amount")
BY_CUSTOMER = frozenset((chart.WALLET, chart.RECEIVABLE, chart.CLEARING, chart.OUTSTANDING))


def period_point(period: Period, size: int) -> Point:
    """Return the point of a period's last second, as the first ``size`` events know it."""
    return Point(period.last, period.last, size, everything=False)


def coded(account: chart.BookAccount) -> chart.BookAccount:
    """Return the account of the chart that an account of the books is summed into."""
    return account._replace(owner="") if account.root in BY_CUSTOMER else account


class PeriodSums:
    """Sums of the books at both ends of a period, and of what moved them."""

    def __init__(self, period: Period) -> None:
        """Begin with empty books."""
        self._period = period
        self._span = SpanBooks(
            period.starts, first_at=period.before, last_at=period.last, summed=coded
        )
        self._accounts = {OPENING: 0, CLOSING: 0}
        self._differ: dict[str, list[str]] = {OPENING: [], CLOSING: []}

    def fold(
        self, reader: Reader, size: int, *, customers: dict[str, SpooledTable],
        progress: Callable[[int, int], None] | None = None,
    ) -> None:  # fmt: skip
        """Fold every customer once, up to the period's end; lists each at both ends."""
        point = period_point(self._period, size)
        accounts = reader.accounts()
        for done, account in enumerate(accounts, 1):
            state = AccountState(account)
            self._span.take(
                history(reader, ACCOUNT_PREFIX + account, point),
                each=partial(evolve, state), ended=partial(self._end, state, customers),
            )  # fmt: skip
            if progress is not None:
                progress(done, len(accounts))

    def _end(
        self, state: AccountState, customers: dict[str, SpooledTable], end: str,
        balances: dict[chart.Key, int],
    ) -> None:  # fmt: skip
        """List one customer at an end, and compare the books with the state."""
        if state.opened_at is None:
            return
        self._accounts[end] += 1
        at = self._period.before if end == OPENING else self._period.last
        figures = state.cash, state.outstanding, coupons_left(state), unearned(state, at)
        if _of_books(balances, state) != figures:
            self._differ[end].append(state.account)
        money = [format_minor(part, state.currency) for part in figures]
        customers[end].add((state.account, state.currency, *money))

    def trial_balance(self, end: str) -> Iterator[tuple[str, str, str, str]]:
        """Yield one row an account of the chart that was ever posted to: debit or credit."""
        for key, amount in in_chart_order(self._span.sums[end]):
            written = chart.format_scaled(abs(amount), key.commodity)
            zero = chart.format_scaled(0, key.commodity)
            debit, credit = (written, zero) if amount >= 0 else (zero, written)
            yield str(key.account), key.commodity, debit, credit

    def roll_forward(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield opening, each type of event and closing of every account of the chart."""
        opening, closing = self._span.sums[OPENING], self._span.sums[CLOSING]
        for key, amount in in_chart_order(closing):
            first = opening.get(key, 0)
            lines = [(OPENING, first), *sorted(self._span.moved.get(key, {}).items())]
            for name, moved in (*lines, (CLOSING, amount)):
                if moved or name in (OPENING, CLOSING):
                    yield str(key.account), key.commodity, name, chart.format_scaled(
                        moved, key.commodity
                    )

    def tie_out(self) -> dict[str, Any]:
        """Return whether every customer's books are what the same events fold to, at both ends."""
        return {
            end: {
                "accounts": self._accounts[end], "ties": not self._differ[end],
                "differ": self._differ[end],
            }
            for end in (OPENING, CLOSING)
        }  # fmt: skip


def _of_books(balances: dict[chart.Key, int], state: AccountState) -> tuple[int, ...]:
    """Return what the books hold of a customer: cash, outstanding, coupons, deferred."""
    name = state.account
    wallet, receivable, coupons, deferred = (
        balance_of(balances, root, owner, state.currency)
        for root, owner in (
            (chart.WALLET, name), (chart.RECEIVABLE, name), (chart.OUTSTANDING, name),
            (chart.DEFERRED, chart.SUBSCRIBED),
        )
    )  # fmt: skip
    return -wallet, receivable, coupons, -deferred
