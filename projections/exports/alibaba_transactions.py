"""Wallets as the vendor's account transactions CSV lists them: one row a movement of cash.

Invariant: the amount is the event's own; Income less Expense of an account's rows is its cash, and
Balance is the running cash after each row, in the order of a fold. TransactionNumber is the
event's position. This module must not know where the rows go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import events as e
from ledger.events import ACCOUNT_PREFIX
from ledger.money import format_minor
from ledger.periods import format_instant, local_date
from projections.exports import csv_pieces
from projections.point import history
from projections.refunds import order_id, refund_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.exports import Piece, Terms
    from projections.point import Point

COLUMNS = (
    "TransactionNumber", "TransactionTime", "TransactionType", "TransactionFlow",
    "TransactionChannel", "TransactionChannelSN", "Amount", "Balance", "RecordID", "BillingCycle",
    "OwnerID",
)  # fmt: skip
INCOME, EXPENSE = "Income", "Expense"


class Movement(NamedTuple):
    """How one event moved cash; ``amount`` is never negative."""

    kind: str
    flow: str
    amount: int
    record: str = ""
    channel: str = ""
    serial: str = ""


def pieces(reader: Reader, point: Point, terms: Terms) -> Iterator[Piece]:
    """Write every account's movements, account by account."""
    return csv_pieces(COLUMNS, _rows(reader, point, terms))


def _rows(reader: Reader, point: Point, terms: Terms) -> Iterator[dict[str, str]]:
    for stream in reader.streams(ACCOUNT_PREFIX):
        account = stream.removeprefix(ACCOUNT_PREFIX)
        currency, balance, debts = "", 0, dict[str, tuple[str, str]]()
        for recorded in history(reader, stream, point):
            if isinstance(recorded.event, e.AccountOpened):
                currency = recorded.event.currency
            moved = movement(recorded, debts)
            if moved is None or not moved.amount:
                continue
            balance += moved.amount if moved.flow == INCOME else -moved.amount
            yield {
                "TransactionNumber": str(recorded.position),
                "TransactionTime": format_instant(recorded.effective_at, terms.offset),
                "TransactionType": moved.kind,
                "TransactionFlow": moved.flow,
                "TransactionChannel": moved.channel,
                "TransactionChannelSN": moved.serial,
                "Amount": format_minor(moved.amount, currency),
                "Balance": format_minor(balance, currency),
                "RecordID": moved.record,
                "BillingCycle": local_date(recorded.effective_at, terms.offset)[:7],
                "OwnerID": account,
            }


def movement(recorded: RecordedEvent, debts: dict[str, tuple[str, str]]) -> Movement | None:
    """Return how an event moved cash; ``debts`` keeps the payment behind each reversal's debt."""
    event = recorded.event
    if isinstance(event, e.TopUpReceived | e.TopUpReversed):
        return _paid_in(event, debts)
    if isinstance(event, e.BillSettled):
        paid = debts.get(event.item)
        kind, payment = ("Consumption", ("", "")) if paid is None else ("Withdraw", paid)
        return Movement(kind, EXPENSE, event.cash_part, event.item, *payment)
    if isinstance(event, e.Ordered):
        return Movement("Consumption", EXPENSE, event.cash_part, order_id(recorded.position))
    if isinstance(event, e.CreditNoteIssued):
        return Movement("Adjust", INCOME, event.cash_part, event.note)
    if isinstance(event, e.RefundIssued):
        return Movement("Refund", INCOME, event.amount, refund_id(recorded.position))
    return None


def _paid_in(
    event: e.TopUpReceived | e.TopUpReversed, debts: dict[str, tuple[str, str]]
) -> Movement:
    """A reversal's shortfall moves cash when its debt is paid, under the item's own id (R4)."""
    payment = (event.channel, event.serial)
    if isinstance(event, e.TopUpReceived):
        return Movement("Payment", INCOME, event.amount, "", *payment)
    item = f"reversal:{event.channel}:{event.serial}:{event.number}"
    debts[item] = payment
    return Movement("Withdraw", EXPENSE, event.cash_part, item, *payment)
