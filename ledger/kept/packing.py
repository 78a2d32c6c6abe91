"""The whole state of an account as bytes, and back: quick to read, and nothing is left out.

Invariant: a state that was packed and read again is the same in every field and in the order of
what it holds, so that events go on applying to it as they would have. What is derived beside it
(``ordering``) is left out and made again. This module must not know where the bytes are kept.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, msgpack

from ledger.state import AccountState, Alert, Bill, Coupon, Debt, Instance, Payment, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Another number where the bytes or what events do to a state are other: older ones do not count.
FORMAT: Final = 1


class Packed(Struct, array_like=True, gc=False):
    """What an ``AccountState`` is made of; sets are sorted, the rest is in its own order.

    Attributes:
        bills: all that are known, paid or not; ``unpaid`` names those among the items.
        owed: the items that are not bills.

    """

    account: str
    currency: str
    opened_at: int | None
    version: int
    guard_version: int
    cash: int
    outstanding: int
    overdue_since: int | None
    overdue_item: str | None
    alert: Alert
    bills: list[Bill]
    owed: list[Debt]
    unpaid: list[str]
    usages: dict[str, Usage]
    debts: list[str]
    notes: list[str]
    coupons: list[Coupon]
    funded: list[str]
    early_parts: dict[str, tuple[int, int]]
    instances: list[Instance]
    live: list[str]
    payments: list[tuple[str, str, Payment]]
    five_day_years: list[int]


# What is written as it is.
_PLAIN: Final = (
    "account", "currency", "opened_at", "version", "guard_version", "cash", "outstanding",
    "overdue_since", "overdue_item", "alert", "usages", "early_parts",
)  # fmt: skip
_encode: Final = msgpack.Encoder().encode


@cache
def _decoder() -> msgpack.Decoder[Packed]:
    """Build the decoder where it is first needed."""
    return msgpack.Decoder(Packed)


def pack(state: AccountState, *, arranged: bool = False) -> bytes:
    """Write a state; arranged, states that differ only in the order of names are the same."""
    order: Callable[[Iterable[str]], list[str]] = sorted if arranged else list
    bills = {
        **state.bills,
        **{name: item for name, item in state.items.items() if isinstance(item, Bill)},
    }
    unpaid = order(state.items)
    plain: dict[str, Any] = {name: getattr(state, name) for name in _PLAIN}
    if arranged:
        plain["early_parts"] = dict(sorted(state.early_parts.items()))
    return _encode(
        Packed(
            **plain,
            bills=[bills[name] for name in order(bills)],
            owed=[item for name in unpaid if isinstance(item := state.items[name], Debt)],
            unpaid=unpaid, debts=sorted(state.debts), notes=sorted(state.notes),
            coupons=[state.coupons[name] for name in order(state.coupons)],
            funded=order(state.funded),
            instances=[state.instances[name] for name in order(state.instances)],
            live=order(state.live),
            payments=[(*key, payment) for key, payment in state.payments.items()],
            five_day_years=sorted(state.five_day_years),
        )
    )  # fmt: skip


def unpack(packed: bytes) -> AccountState:
    """Read a state. Raises: msgspec.MsgspecError, LookupError."""
    read = _decoder().decode(packed)
    state = AccountState(read.account)
    for name in _PLAIN:
        setattr(state, name, getattr(read, name))
    state.bills = {bill.item: bill for bill in read.bills}
    owed = {debt.item: debt for debt in read.owed}
    state.items = {name: owed.get(name) or state.bills[name] for name in read.unpaid}
    state.debts, state.notes = set(read.debts), set(read.notes)
    state.coupons = {coupon.coupon: coupon for coupon in read.coupons}
    state.funded = {name: state.coupons[name] for name in read.funded}
    state.instances = {instance.instance: instance for instance in read.instances}
    state.live = {name: state.instances[name] for name in read.live}
    state.payments = {(channel, serial): payment for channel, serial, payment in read.payments}
    state.five_day_years = set(read.five_day_years)
    return state
