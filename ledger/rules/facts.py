"""When a fact was true: it may arrive late, and carry an instant of its own.

Decides R11: from the fact that it names up to the instant of recording.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import commands as c
from ledger.certain import certain
from ledger.errors import EffectiveTimeOutOfOrder
from ledger.periods import format_instant

if TYPE_CHECKING:
    from ledger.config import LedgerConfig
    from ledger.state import AccountState


def effective_at(
    state: AccountState, command: c.FactCommand, *, config: LedgerConfig, now: int
) -> int:
    """Return a fact's own instant (R11). Raises: EffectiveTimeOutOfOrder."""
    asked = command.effective_at
    if asked is None:
        return now
    bound, why = certain(state.opened_at), "before its account was opened"
    named = _named(state, command)
    if named is not None and named[0] > bound:
        bound, why = named
    if asked > now:
        bound, why = now, "after the instant of recording"
    elif asked >= bound:
        return asked
    offset = config.policy.calendar_offset
    raise EffectiveTimeOutOfOrder(
        effective_at=format_instant(asked, offset),
        bound=format_instant(bound, offset),
        why=why,
    )


def _named(state: AccountState, command: c.FactCommand) -> tuple[int, str] | None:
    """Return when the fact that a command names was effective, and how to say "before it"."""
    if isinstance(command, c.ReverseTopUp):
        payment = state.payments.get((command.channel, command.serial))
        if payment is not None:
            return payment.effective_at, "before the top-up it reverses"
    elif isinstance(command, c.CreditNote):
        bill = state.bills.get(command.bill)
        if bill is not None:
            return bill.effective_at, "before the bill it credits"
    elif isinstance(command, (c.RecordUsage, c.PostBill, c.Freeze, c.Restore)):
        instance = state.instances.get(command.instance)
        if instance is not None:
            return instance.created_at, "before its instance existed"
    return None
