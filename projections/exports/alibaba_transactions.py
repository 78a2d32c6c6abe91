"""Wallets as the vendor's account transactions CSV lists them: one row a movement of cash.

Invariant: the amount is the event's own; Income less Expense of an account's rows is its cash, and
Balance is the running cash behind each row, in the order of a fold. TransactionNumber is the
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
    """Say how an event moved cash; ``debts`` keeps the payment behind each reversal's debt."""
    match recorded.event:
        case e.TopUpReceived() as ev:
            return Movement("Payment", INCOME, ev.amount, "", ev.channel, ev.serial)
        case e.TopUpReversed() as ev:
            item = f"reversal:{ev.channel}:{ev.serial}:{ev.number}"  # R4
            debts[item] = (ev.channel, ev.serial)
            return Movement("Withdraw", EXPENSE, ev.cash_part, item, ev.channel, ev.serial)
        case e.BillSettled() as ev if ev.item in debts:
            return Movement("Withdraw", EXPENSE, ev.cash_part, ev.item, *debts[ev.item])
        case e.BillSettled() as ev:
            return Movement("Consumption", EXPENSE, ev.cash_part, ev.item)
        case (
            e.InstancePurchased() | e.InstanceRenewed() | e.UpgradedToEnterprise()
            | e.SpecUpgraded()
        ) as ev:  # fmt: skip
            return Movement("Consumption", EXPENSE, ev.cash_part, f"order:{recorded.position}")
        case e.CreditNoteIssued() as ev:
            return Movement("Adjust", INCOME, ev.cash_part, ev.note)
        case e.RefundIssued() as ev:
            return Movement("Refund", INCOME, ev.amount, f"refund:{recorded.position}")
        case _:
            return None
