"""What the books must agree with: named functions, each with its sentence.

A function compares one customer's books with the state that the fold made of the same events, at
an instant; its docstring is the sentence. Invariant: the two sides share no sums; only what is
earned of one term at an instant is one formula for both. This module must not know reports.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ledger.account import evolve
from ledger.events import type_name
from projections.journal import chart
from projections.journal.books import Books, totals
from projections.journal.schedules import straight_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ledger.events import RecordedEvent
    from ledger.state import AccountState

    Identity = Callable[["Customer"], bool]


def coupons_left(state: AccountState) -> int:
    """Return what is left of all coupons, and of parts returned before a coupon's late grant."""
    early = sum(-used - forfeited for used, forfeited in state.early_parts.values())
    return early + sum(coupon.remaining for coupon in state.coupons.values())


def unearned(state: AccountState, at: int) -> int:
    """Return the cash of orders not earned yet, from the fold's own list of orders (R48)."""
    return sum(
        order.cash_part - straight_line(order.cash_part, order.starts, order.ends, at)
        for instance in state.instances.values()
        if instance.released_at is None
        for order in instance.orders
    )


def balance_of(balances: dict[chart.Key, int], root: str, owner: str, currency: str) -> int:
    """Return a balance in whole minor units; what is not a whole number of them as it is."""
    account = chart.BookAccount(root, owner)
    amount = balances.get(chart.Key(account, chart.commodity(account, currency)), 0)
    minor, rest = divmod(amount, chart.minor_unit(currency))
    return amount if rest else minor


class Customer:
    """One customer at one point: the books, the state, and the movements so far by event type."""

    def __init__(
        self, state: AccountState, left: Callable[[AccountState], int] = coupons_left
    ) -> None:
        """Start before the first event; ``left`` tells what is left of the coupons."""
        self.state = state
        self.left = left
        self.books = Books()
        self.at = 0
        self.moved: dict[tuple[chart.Key, str], int] = defaultdict(int)
        self.recognised: dict[chart.Key, int] = {}
        self.balances: dict[chart.Key, int] = {}

    def take(self, batch: Sequence[RecordedEvent]) -> None:
        """Post a batch (the state is folded elsewhere)."""
        for recorded in batch:
            entry = self.books.take(recorded)
            self.at = max(self.at, recorded.effective_at)
            name = type_name(type(recorded.event))
            for key, amount in entry.legs if entry is not None else ():
                self.moved[key, name] += amount
        self.judge(self.at)

    def judge(self, at: int) -> None:
        """Draw the balances up at an instant."""
        self.at = at
        self.recognised = self.books.recognised(at)
        self.balances = self.books.with_revenue(self.recognised)

    def balance(self, root: str, owner: str) -> int:
        """Return a balance in minor units."""
        return balance_of(self.balances, root, owner, self.state.currency)


def trial_balance_is_zero(one: Customer) -> bool:
    """Debits and credits are equal, for money and for coupons apart."""
    return not any(totals(one.balances).values())


def wallet_is_cash(one: Customer) -> bool:
    """What Liabilities:Wallet owes a customer is the cash of the account (R1)."""
    return one.balance(chart.WALLET, one.state.account) == -one.state.cash


def receivable_is_outstanding(one: Customer) -> bool:
    """What Assets:Receivable claims from a customer is what is outstanding (R9)."""
    return one.balance(chart.RECEIVABLE, one.state.account) == one.state.outstanding


def coupons_outstanding_are_the_coupons(one: Customer) -> bool:
    """Equity:Coupon:Outstanding is what is left of the customer's coupons (R1)."""
    return one.balance(chart.OUTSTANDING, one.state.account) == one.left(one.state)


def deferred_is_unearned(one: Customer) -> bool:
    """Liabilities:Deferred is the cash of terms that is not earned yet (R48)."""
    return one.balance(chart.DEFERRED, chart.SUBSCRIBED) == -unearned(one.state, one.at)


def control_accounts_roll_forward(one: Customer) -> bool:
    """Opening and the movements by event type make the closing of every control account."""
    closing: dict[chart.Key, int] = defaultdict(int)
    for (key, _), amount in one.moved.items():
        closing[key] += amount
    for key, amount in one.recognised.items():
        closing[key] += amount
    return all(
        closing[key] == amount
        for key, amount in one.balances.items()
        if key.account.root in chart.CONTROLS
    )


IDENTITIES: tuple[Identity, ...] = (
    trial_balance_is_zero, wallet_is_cash, receivable_is_outstanding,
    coupons_outstanding_are_the_coupons, deferred_is_unearned, control_accounts_roll_forward,
)  # fmt: skip


class Broken(NamedTuple):
    """An identity that does not hold, and where."""

    name: str
    account: str


def broken_at(state: AccountState, events: Sequence[RecordedEvent], at: int) -> list[Broken]:
    """Fold and post one customer's events of a point, and name what does not hold at ``at``."""
    one = Customer(state)
    for recorded in events:
        evolve(state, recorded)
    one.take(events)
    one.judge(at)
    return [Broken(found.__name__, state.account) for found in IDENTITIES if not found(one)]
