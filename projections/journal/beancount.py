"""The books for beancount: transactions, and after every day the balances that it changed.

A ``balance`` applies at the beginning of its day, so that of day D is dated D + 1; it is written
with a tolerance of zero, for beancount's own would accept a difference in the last decimal.
Invariant: an id stands in metadata as it is, and in names by the injective spelling. This module
must not know events.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from ledger.periods import format_instant
from projections.journal.chart import BookAccount, Key, currency_of, format_full
from projections.journal.transactions import Transaction, date_of, parts_text, safe_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def pieces(transactions: Iterable[Transaction], offset: int) -> Iterator[str]:
    """Write transactions, piece by piece."""
    accounts: set[BookAccount] = set()
    commodities: set[str] = set()
    for day, group in groupby(transactions, key=lambda one: one.day):
        date, touched = date_of(day, offset), dict[Key, int]()
        for one in group:
            for leg in one.legs:
                touched[leg.key] = leg.balance
                if leg.key.commodity not in commodities:
                    commodities.add(leg.key.commodity)
                    yield f"\n{date} commodity {leg.key.commodity}\n"
                if leg.key.account not in accounts:
                    accounts.add(leg.key.account)
                    yield _opened(leg.key.account, date)
            yield _transaction(one, date, offset)
        yield "\n"
        after = date_of(day + 1, offset)
        for key, balance in sorted(touched.items()):
            amount = f"{format_full(balance)} ~ 0 {key.commodity}"
            yield f"{after} balance {safe_name(key.account)}  {amount}\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _opened(account: BookAccount, date: str) -> str:
    said = f"  id: {_quoted(account.owner)}\n" if account.owner else ""
    return f"\n{date} open {safe_name(account)}\n{said}"


def _transaction(one: Transaction, date: str, offset: int) -> str:
    lines = [f'\n{date} * "{one.name}"\n']
    if one.position is not None:
        lines.append(f"  position: {one.position}\n")
    if one.account:
        lines.append(f"  account: {_quoted(one.account)}\n")
    lines.append(f'  effective_at: "{format_instant(one.effective_at, offset)}"\n')
    if one.lots:
        lots = parts_text(one.lots, currency_of(one.legs[0].key.commodity))
        lines.append(f"  lot: {_quoted(lots)}\n")
    if one.orders:
        orders = parts_text(one.orders, currency_of(one.legs[0].key.commodity))
        lines.append(f"  orders: {_quoted(orders)}\n")
    for leg in one.legs:
        amount = f"{format_full(leg.amount)} {leg.key.commodity}"
        lines.append(f"  {safe_name(leg.key.account)}  {amount}\n")
    return "".join(lines)
