"""The books for hledger and ledger-cli: one text that both accept in their strictest mode.

Found by experiment, and each is needed: every amount has all decimals (mixed ones are compared
with a tolerance), a commodity is declared in two lines, every account is declared, and every
posting asserts the balance after it. A lot is a tag: neither program could keep cash by lot and
still net it. Invariant: ASCII apart from ids in comments. This module must not know events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from projections.journal.chart import BookAccount, currency_of, format_full
from projections.journal.transactions import (
    WITH_LOTS,
    WITH_ORDERS,
    Transaction,
    date_of,
    parts_text,
    safe_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def pieces(transactions: Iterable[Transaction], offset: int, form: int) -> Iterator[str]:
    """Write transactions, piece by piece."""
    if form >= WITH_LOTS:
        yield "\ntag lot\n"
    if form >= WITH_ORDERS:
        yield "tag orders\n"
    accounts: set[BookAccount] = set()
    commodities: set[str] = set()
    for transaction in transactions:
        for leg in transaction.legs:
            if leg.key.commodity not in commodities:
                commodities.add(leg.key.commodity)
                yield f"\ncommodity {leg.key.commodity}\n"
                yield f"  format {format_full(10**13)} {leg.key.commodity}\n"
            if leg.key.account not in accounts:
                accounts.add(leg.key.account)
                yield f"\n{_comment(leg.key.account)}account {safe_name(leg.key.account)}\n"
        yield _transaction(transaction, offset)


def _comment(account: BookAccount) -> str:
    return f"; id: {account.owner}\n" if account.owner else ""


def _transaction(one: Transaction, offset: int) -> str:
    code = "" if one.position is None else f" ({one.position})"
    lines = [f"\n{date_of(one.day, offset)} *{code} {one.name}\n"]
    if one.lots:
        lines.append(f"    ; lot: {parts_text(one.lots, currency_of(one.legs[0].key.commodity))}\n")
    if one.orders:
        orders = parts_text(one.orders, currency_of(one.legs[0].key.commodity))
        lines.append(f"    ; orders: {orders}\n")
    for leg in one.legs:
        name, unit = safe_name(leg.key.account), leg.key.commodity
        amount, balance = format_full(leg.amount), format_full(leg.balance)
        lines.append(f"    {name}  {amount} {unit} = {balance} {unit}\n")
    return "".join(lines)
