"""Wallets as the vendor's account transactions CSV lists them: one row a movement of cash.

Invariant: the amount is the event's own; Income less Expense of an account's rows is its cash, and
Balance is the running cash after each row, in the order of a fold. TransactionNumber is the
event's position. This module must not know where the rows go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import events as e
from ledger.events import ACCOUNT_PREFIX
from ledger.money import format_minor
from ledger.periods import format_instant, local_date
from projections.exports import Export, csv_pieces
from projections.movements import NOTE, ORDER, PAYMENT, REFUND, REVERSAL, SETTLEMENT, movement
from projections.point import history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.store import Reader
    from projections.exports import Piece, Terms
    from projections.point import Point
    from projections.view import LedgerView

COLUMNS = (
    "TransactionNumber", "TransactionTime", "TransactionType", "TransactionFlow",
    "TransactionChannel", "TransactionChannelSN", "Amount", "Balance", "RecordID", "BillingCycle",
    "OwnerID",
)  # fmt: skip
TYPES = {
    PAYMENT: "Payment", REVERSAL: "Withdraw", SETTLEMENT: "Consumption", ORDER: "Consumption",
    NOTE: "Adjust", REFUND: "Refund",
}  # fmt: skip


def pieces(view: LedgerView, point: Point, terms: Terms) -> Iterator[Piece]:
    """Write every account's movements, account by account."""
    return csv_pieces(COLUMNS, _rows(view.reader, point, terms))


def _rows(reader: Reader, point: Point, terms: Terms) -> Iterator[dict[str, str]]:
    for account in reader.accounts():
        # A reversal's shortfall moves cash when its debt is paid, under the item's own id (R4).
        currency, balance, debts = "", 0, dict[str, tuple[str, str]]()
        for recorded in history(reader, ACCOUNT_PREFIX + account, point):
            if isinstance(recorded.event, e.AccountOpened):
                currency = recorded.event.currency
            moved = movement(recorded)
            if moved is None:
                continue
            kind, payment = moved.kind, (moved.channel, moved.serial)
            if kind == REVERSAL:
                debts[moved.record] = payment
            elif kind == SETTLEMENT and moved.record in debts:
                kind, payment = REVERSAL, debts[moved.record]
            if not moved.cash:
                continue
            balance += moved.cash
            yield {
                "TransactionNumber": str(recorded.position),
                "TransactionTime": format_instant(recorded.effective_at, terms.offset),
                "TransactionType": TYPES[kind],
                "TransactionFlow": "Income" if moved.cash > 0 else "Expense",
                "TransactionChannel": payment[0],
                "TransactionChannelSN": payment[1],
                "Amount": format_minor(abs(moved.cash), currency),
                "Balance": format_minor(balance, currency),
                "RecordID": moved.record,
                "BillingCycle": local_date(recorded.effective_at, terms.offset)[:7],
                "OwnerID": account,
            }


EXPORT = Export(pieces)
