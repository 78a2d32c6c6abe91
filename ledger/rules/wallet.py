"""Top-ups and their reversals: cash that comes in, and cash that is taken back.

Decides R2 (with ``batch.settle``), R3 and R4. No due transitions.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from ledger.errors import OverReversal, PaymentConflict, UnknownPayment
from ledger.events import DebtRecorded, TopUpReceived, TopUpReversed
from ledger.money import format_minor, to_minor
from ledger.periods import MINUTE

if TYPE_CHECKING:
    from ledger.commands import ReverseTopUp, TopUp
    from ledger.rules.batch import Batch
    from ledger.state import AccountState

# Equal payments this close are worth a second look (R3: "seconds apart"); they are never merged.
SUSPICIOUS_GAP = MINUTE
LOOK_BACK = 100  # payments looked at for a twin: a warning must not slow long accounts down


def top_up(batch: Batch, command: TopUp, *, taken: bool, effective_at: int) -> None:
    """Receive cash; what is unpaid is settled by it at the same instant (R2).

    ``taken``: the key (channel, serial) was used before, anywhere in the ledger, with another
    amount or account (R3).
    """
    state = batch.state
    amount = to_minor(command.amount, state.currency)
    batch.require_room(cash=amount)
    if taken:
        msg = f"payment {command.channel}/{command.serial} was received with another content"
        raise PaymentConflict(msg, rule="R3")
    twin = None
    for (channel, serial), payment in islice(reversed(state.payments.items()), LOOK_BACK):
        if payment.amount == amount and abs(effective_at - payment.effective_at) <= SUSPICIOUS_GAP:
            twin = f"{channel}/{serial}"
            break
    batch.emit(
        TopUpReceived(
            channel=command.channel, serial=command.serial, amount=amount,
            suspected_duplicate_of=twin,
        ),
        effective_at=effective_at,
    )  # fmt: skip


def reverse_top_up(batch: Batch, command: ReverseTopUp, *, effective_at: int) -> None:
    """Reverse a top-up out of cash; a shortfall becomes a debt (R4)."""
    state = batch.state
    amount = to_minor(command.amount, state.currency)
    payment = state.payments.get((command.channel, command.serial))
    if payment is None:
        msg = f"account {state.account!r} has no payment {command.channel}/{command.serial}"
        raise UnknownPayment(msg, rule="R4")
    left = payment.amount - payment.reversed
    if amount > left:
        rest = format_minor(left, state.currency)
        msg = f"{rest} {state.currency} of payment {command.channel}/{command.serial} is left"
        raise OverReversal(msg, rule="R4", needed=amount, available=left)
    cash_part = min(max(state.cash, 0), amount)
    shortfall = amount - cash_part
    batch.require_room(debts=shortfall)
    number = payment.reversals + 1
    reversal = batch.emit(
        TopUpReversed(
            channel=command.channel, serial=command.serial, number=number,
            amount=amount, cash_part=cash_part, shortfall=shortfall,
        ),
        effective_at=effective_at,
    )  # fmt: skip
    if shortfall:
        batch.emit(
            DebtRecorded(
                item=_free_item(state, f"reversal:{command.channel}:{command.serial}", number),
                kind="reversal", amount=shortfall, posted_at=batch.now,
            ),
            cause=reversal,
        )  # fmt: skip


def _free_item(state: AccountState, key: str, number: int) -> str:
    """Name the item of a reversal; step aside where another key or a bill spells the same id."""
    while state.is_used(item := f"{key}:{number}"):
        number += 1
    return item
