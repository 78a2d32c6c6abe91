"""Copies of an account's state that are small and quick to make: what a debugger goes back to.

A frame keeps what ``tally.state/1`` can show, and forgets what only decisions need (bills, usage,
payments, names used, orders, outages), so that it does not grow with the history. Events still
apply to it: containers that forget stand in for what is left out.
Invariant: every field of ``projections/history/fields`` is the same in a frame as in a full fold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from ledger import events as e
from ledger.kept.packing import pack, unpack
from ledger.state import AccountState, Bill, Instance, Order, Payment, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import SupportsIndex

K = TypeVar("K")
V = TypeVar("V")


class _BlankBill(Bill):
    """A bill that stands for all that are forgotten: no coupon parts gather on it."""

    coupons = property(lambda _: (), lambda _, __: None)


_BILL = _BlankBill("", "", "", 0, 0, 0, 0, 0, late=False, effective_at=0, outstanding=0)
_PAYMENT = Payment(0, 0)
_USAGE = Usage(
    e.UsageRecorded(usage="", instance="", product="", cycle_start=0, cycle_end=0, amount=0), 0
)
_RENEWAL = Order(kind="renew", months=0, price=0, cash_part=0, starts=0, ends=0)


class _Forgets(dict[K, V]):
    """A dictionary that stays empty; what is looked up in it is a blank."""

    def __init__(self, blank: V) -> None:
        super().__init__()
        self.blank = blank

    def __setitem__(self, key: K, value: V) -> None:
        """Forget."""

    def __missing__(self, key: K) -> V:
        """Return the blank."""
        return self.blank


class _ForgetsNames(set[str]):
    """A set that stays empty."""

    def add(self, element: str) -> None:
        """Forget."""


class _ForgetsOrders(list[Order]):
    """A list of orders that stays empty; whoever looks for the last renewal finds a blank one."""

    def append(self, order: Order) -> None:
        """Forget."""

    def __iter__(self) -> Iterator[Order]:
        """Return the blank."""
        return iter((_RENEWAL,))

    def __delitem__(self, key: SupportsIndex | slice) -> None:
        """Forget."""


_NO_ORDERS = _ForgetsOrders()
_BILLS: _Forgets[str, Bill] = _Forgets(_BILL)
_PAYMENTS: _Forgets[tuple[str, str], Payment] = _Forgets(_PAYMENT)
_USAGES: _Forgets[str, Usage] = _Forgets(_USAGE)
_NAMES = _ForgetsNames()


def first_frame(account: str) -> AccountState:
    """Return the frame before the first event."""
    return _forgetting(AccountState(account))


def _forgetting(state: AccountState) -> AccountState:
    state.bills, state.payments, state.usages = _BILLS, _PAYMENTS, _USAGES
    state.debts = state.notes = _NAMES
    return state


def _instance(kept: Instance) -> Instance:
    made = replace(kept)
    made.orders = _NO_ORDERS
    made.outages = kept.outages[-1:]
    made.auto_renewed = kept.auto_renewed.copy()
    return made


def copy_frame(state: AccountState) -> AccountState:
    """Copy a frame; the two never change one another."""
    made = _forgetting(object.__new__(AccountState))
    for name in _PLAIN:
        setattr(made, name, getattr(state, name))
    made.next_due = made.order = made.changes = None
    made.alert = replace(state.alert)
    made.five_day_years = state.five_day_years.copy()
    made.early_parts = state.early_parts.copy()
    made.items = {name: replace(item) for name, item in state.items.items()}
    made.coupons = coupons = {name: replace(coupon) for name, coupon in state.coupons.items()}
    made.funded = {name: coupons[name] for name in state.funded}
    made.instances = instances = {
        # What is released stays as it is, so that one will do for all frames.
        name: _instance(one) if name in state.live else one
        for name, one in state.instances.items()
    }
    made.live = {name: instances[name] for name in state.live}
    return made


_COPIED = frozenset(
    (
        "bills", "payments", "usages", "debts", "notes", "next_due", "order", "changes", "alert",
        "five_day_years", "early_parts", "items", "coupons", "funded", "instances", "live",
    )
)  # fmt: skip
_PLAIN = tuple(name for name in AccountState.__slots__ if name not in _COPIED)


def pack_frame(state: AccountState) -> bytes:
    """Write what a frame keeps as bytes; equal frames give equal bytes."""
    made = copy_frame(state)
    made.instances = {name: _instance(one) for name, one in state.instances.items()}
    return pack(made, arranged=True)


def unpack_frame(packed: bytes) -> AccountState:
    """Read a frame that was written by ``pack_frame``; events go on applying to it."""
    made = _forgetting(unpack(packed))
    for instance in made.instances.values():
        instance.orders = _NO_ORDERS
    return made
