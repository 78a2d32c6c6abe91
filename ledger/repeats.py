"""Repeats: what the whole ledger remembers of a command's keys, and whether it says the same.

Decides R3 (payments) and R28 (tokens). A true repeat gets its first result: nothing is appended,
nothing moves. This module must not know where keys are remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import commands as c
from ledger import requests
from ledger.errors import InvalidAmount, TokenReused
from ledger.quoting import quoted

if TYPE_CHECKING:
    from ledger.state import AccountState


class IdempotencyRecords(NamedTuple):
    """What the whole ledger remembers of a command's idempotency keys (R3, R28).

    Attributes:
        token: the stored request that used the command's token, None if none did.
        payment: (account, amount) of the top-up that used the payment's key, None if none did.

    """

    token: bytes | None = None
    payment: tuple[str, int] | None = None


NO_RECORDS = IdempotencyRecords()


class Duplicate(Exception):  # not an error: the original result applies
    """The command repeats an accepted one: nothing is appended, the first result is returned."""


def is_repeat(
    state: AccountState | None, command: c.AnyCommand, records: IdempotencyRecords
) -> bool:
    """Return whether an accepted command is repeated: by its token, else by its payment (R28, R3).

    What falls due until the command is decided does not change the answer.
    """
    if command.token is not None and records.token is not None:
        return requests.same_request(command, records.token)
    if not isinstance(command, c.TopUp) or records.payment is None or state is None:
        return False
    try:
        amount = c.minor_units(command, state.currency)["amount"]
    except InvalidAmount:
        return False
    return records.payment == (state.account, amount)


def check_token(
    state: AccountState | None, command: c.AnyCommand, records: IdempotencyRecords
) -> None:
    """Return the first result for a repeat; refuse another command under its token (R28)."""
    if is_repeat(state, command, records):
        raise Duplicate
    if command.token is not None and records.token is not None:
        msg = f"token {quoted(command.token)} was used for another command or other fields"
        raise TokenReused(msg, rule="R28")
