"""Top-ups and their reversals: cash that comes in, what it settles, and cash that is taken back.

Decides R2, R3, R4 and R50 (settling). No due transitions.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from ledger import commands as c
from ledger.account.ordering import ordering
from ledger.errors import OverReversal, PaymentConflict, UnknownPayment
from ledger.events import BillSettled, DebtRecorded, TopUpReceived, TopUpReversed
from ledger.money import format_minor
from ledger.periods import MINUTE

if TYPE_CHECKING:
    from ledger.rules.batch import Batch
    from ledger.state import AccountState

# Equal payments this close are worth a second look (R3: "seconds apart"); they are never merged.
SUSPICIOUS_GAP = MINUTE
LOOK_BACK = 100  # payments looked at for a twin: a warning must not slow long accounts down


def top_up(batch: Batch, command: c.TopUp, *, amount: int, effective_at: int) -> None:
    """Receive cash; what is unpaid is settled by it at the same instant (R2).

    Its key may have been used before, anywhere in the ledger, with another content (R3).
    """
    state = batch.state
    batch.require_room(cash=amount)
    if batch.records.payment is not None:
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


def reverse_top_up(
    batch: Batch, command: c.ReverseTopUp, *, amount: int, effective_at: int
) -> None:
    """Reverse a top-up out of cash; a shortfall becomes a debt (R4)."""
    state = batch.state
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


def settle(batch: Batch) -> int | None:
    """Pay unpaid items from cash, oldest first, partially if need be (R2, R50)."""
    state, policy = batch.state, batch.config.policy
    position = None
    while state.cash > 0 and (item := ordering(state, policy).oldest(state)) is not None:
        part = min(state.cash, item.outstanding)
        position = batch.emit(
            BillSettled(
                item=item.item, kind=item.kind, cash_part=part,
                outstanding=item.outstanding - part,
            )
        )  # fmt: skip
    return position


DECISIONS: Final = {c.TopUp: top_up, c.ReverseTopUp: reverse_top_up}
