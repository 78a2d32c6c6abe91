"""The books at both ends of a period, and what moved them between, from one fold of each customer.

One row an account of the chart: the accounts of single customers are summed, and their rows stand
in a list of customers of their own. Invariant: for every account opening + movements = closing,
and at both ends the books of every customer are compared with the state that the same events fold
to. Memory is that of one customer at a time, and of the sums.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ledger.account import evolve
from ledger.events import ACCOUNT_PREFIX, type_name
from ledger.money import format_minor
from ledger.state import AccountState
from projections.journal import chart
from projections.journal.books import RECOGNISED, Books, Entry
from projections.journal.identities import balance_of, coupons_left, unearned
from projections.journal.reports import in_chart_order
from projections.point import Point, history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ledger.periods import Period
    from ledger.store import Reader
    from projections.evidence.writing import Table

OPENING, CLOSING = "opening", "closing"
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


class Ends:
    """Sums of the books at both ends of a period, and of what moved them."""

    def __init__(self, period: Period) -> None:
        """Begin with empty books."""
        self._period = period
        self._sums: dict[str, dict[chart.Key, int]] = {
            OPENING: defaultdict(int), CLOSING: defaultdict(int),
        }  # fmt: skip
        self._moved: dict[chart.Key, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._accounts = {OPENING: 0, CLOSING: 0}
        self._differ: dict[str, list[str]] = {OPENING: [], CLOSING: []}

    def fold(
        self, reader: Reader, size: int, *, customers: dict[str, Table],
        progress: Callable[[int, int], None] | None = None,
    ) -> None:  # fmt: skip
        """Fold every customer once, up to the period's end; lists each at both ends."""
        point = period_point(self._period, size)
        streams = reader.streams(ACCOUNT_PREFIX)
        for done, stream in enumerate(streams, 1):
            self._customer(reader, stream, point, customers)
            if progress is not None:
                progress(done, len(streams))

    def _customer(
        self, reader: Reader, stream: str, point: Point, customers: dict[str, Table]
    ) -> None:
        books, state = Books(), AccountState(stream.removeprefix(ACCOUNT_PREFIX))
        earned: dict[chart.Key, int] = {}
        before = True
        for recorded in history(reader, stream, point):
            if before and recorded.effective_at >= self._period.starts:
                before = False
                earned = self._end(OPENING, books, state, customers[OPENING])
            evolve(state, recorded)
            entry = books.take(recorded)
            if entry is not None and not before:
                self._move(entry)
        if before:
            earned = self._end(OPENING, books, state, customers[OPENING])
        closing = self._end(CLOSING, books, state, customers[CLOSING])
        for key in closing.keys() | earned.keys():
            change = closing.get(key, 0) - earned.get(key, 0)
            self._moved[chart.Key(coded(key.account), key.commodity)][RECOGNISED] += change

    def _move(self, entry: Entry) -> None:
        name = type_name(type(entry.recorded.event))
        for key, amount in entry.legs:
            self._moved[chart.Key(coded(key.account), key.commodity)][name] += amount

    def _end(
        self, end: str, books: Books, state: AccountState, customers: Table
    ) -> dict[chart.Key, int]:
        """Add one customer's books at an end, and compare them with the state."""
        at = self._period.before if end == OPENING else self._period.last
        earned = books.recognised(at)
        if state.opened_at is None:
            return earned
        balances = books.with_revenue(earned)
        for key, amount in balances.items():
            self._sums[end][chart.Key(coded(key.account), key.commodity)] += amount
        self._accounts[end] += 1
        figures = state.cash, state.outstanding, coupons_left(state), unearned(state, at)
        if _of_books(balances, state) != figures:
            self._differ[end].append(state.account)
        money = [format_minor(part, state.currency) for part in figures]
        customers.add((state.account, state.currency, *money))
        return earned

    def trial_balance(self, end: str) -> Iterator[tuple[str, str, str, str]]:
        """Yield one row an account of the chart that was ever posted to: debit or credit."""
        for key, amount in in_chart_order(self._sums[end]):
            written = chart.format_scaled(abs(amount), key.commodity)
            zero = chart.format_scaled(0, key.commodity)
            debit, credit = (written, zero) if amount >= 0 else (zero, written)
            yield str(key.account), key.commodity, debit, credit

    def roll_forward(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield opening, each type of event and closing of every account of the chart."""
        opening, closing = self._sums[OPENING], self._sums[CLOSING]
        for key, amount in in_chart_order(closing):
            first = opening.get(key, 0)
            lines = [(OPENING, first), *sorted(self._moved.get(key, {}).items())]
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
