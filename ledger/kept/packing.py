"""The whole state of an account as bytes, and back: quick to read, and nothing is left out.

Invariant: a state that was packed and read again is the same in every field and in the order of
what it holds, so that events go on applying to it as they would have. What is derived beside it
(``ordering``) is left out and made again. This module must not know where the bytes are kept.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, msgpack

from ledger.state import AccountState, Alert, Bill, Coupon, Debt, Instance, Payment, Usage

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


_encode: Final = msgpack.Encoder().encode
_decoder: Final[list[msgpack.Decoder[Packed]]] = []


def pack(state: AccountState, *, arranged: bool = False) -> bytes:
    """Write a state; arranged, states that differ only in the order of names are the same."""
    bills = dict(state.bills)
    bills |= {name: one for name, one in state.items.items() if isinstance(one, Bill)}

    def names(found: dict[str, object] | dict[str, Coupon] | dict[str, Instance]) -> list[str]:
        return sorted(found) if arranged else list(found)

    unpaid = sorted(state.items) if arranged else list(state.items)
    return _encode(
        Packed(
            account=state.account, currency=state.currency, opened_at=state.opened_at,
            version=state.version, guard_version=state.guard_version, cash=state.cash,
            outstanding=state.outstanding, overdue_since=state.overdue_since,
            overdue_item=state.overdue_item, alert=state.alert,
            bills=[bills[name] for name in (sorted(bills) if arranged else bills)],
            owed=[
                one for one in (state.items[name] for name in unpaid) if not isinstance(one, Bill)
            ],
            unpaid=unpaid, usages=state.usages, debts=sorted(state.debts),
            notes=sorted(state.notes),
            coupons=[state.coupons[name] for name in names(state.coupons)],
            funded=names(state.funded),
            early_parts=(
                dict(sorted(state.early_parts.items())) if arranged else state.early_parts
            ),
            instances=[state.instances[name] for name in names(state.instances)],
            live=names(state.live),
            payments=[(*key, one) for key, one in state.payments.items()],
            five_day_years=sorted(state.five_day_years),
        )
    )  # fmt: skip


def unpack(packed: bytes) -> AccountState:
    """Read a state. Raises: msgspec.MsgspecError, LookupError."""
    if not _decoder:  # made when it is first needed
        _decoder.append(msgpack.Decoder(Packed))
    found = _decoder[0].decode(packed)
    made = AccountState(found.account)
    made.currency, made.opened_at = found.currency, found.opened_at
    made.version, made.guard_version = found.version, found.guard_version
    made.cash, made.outstanding = found.cash, found.outstanding
    made.overdue_since, made.overdue_item = found.overdue_since, found.overdue_item
    made.alert = found.alert
    made.bills = {one.item: one for one in found.bills}
    owed = {one.item: one for one in found.owed}
    made.items = {name: owed.get(name) or made.bills[name] for name in found.unpaid}
    made.usages, made.early_parts = found.usages, found.early_parts
    made.debts, made.notes = set(found.debts), set(found.notes)
    made.coupons = {one.coupon: one for one in found.coupons}
    made.funded = {name: made.coupons[name] for name in found.funded}
    made.instances = {one.instance: one for one in found.instances}
    made.live = {name: made.instances[name] for name in found.live}
    made.payments = {(channel, serial): one for channel, serial, one in found.payments}
    made.five_day_years = set(found.five_day_years)
    return made
