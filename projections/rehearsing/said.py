"""Commands and changes of rehearsals as answers hold them: given, refused, and how to try one.

Invariant: a proposal is the command that tries it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from ledger import commands as c
from ledger.errors import Refused
from ledger.periods import format_instant
from projections.answers.rehearsing import Cure, Refusal
from projections.answers.results import looked_at
from projections.answers.why import Flip as FlipShown

if TYPE_CHECKING:
    from ledger.errors import LedgerError
    from ledger.rehearsal.flip import Flip
    from projections.answers.terms import Formatter, Json


def command_line(command: c.AnyCommand, *, at: int | None, offset: int) -> Json:
    """Write a command as a line of an import, so that it can be given to ``--insert``."""
    fields: Json = msgspec.to_builtins(command)
    shown: Json = {"do": fields.pop("do")}
    if isinstance(command, c.AccountCommand):
        shown["account"] = fields.pop("account")
    if at is not None:
        shown["at"] = format_instant(at, offset)
    fields.pop("at", None)
    for name, cell in fields.items():
        is_instant = name in c.INSTANTS and isinstance(cell, int)
        shown[name] = format_instant(cell, offset) if is_instant else cell
    return shown


def account_of_command(command: c.AnyCommand) -> str | None:
    """Return the account that a command is to; None for the ledger's own."""
    return command.account if isinstance(command, c.AccountCommand) else None


def refusal_of(error: LedgerError, write: Formatter) -> Refusal:
    """Return why a command does not stand: the rule, what was needed and what was there."""
    if not isinstance(error, Refused):
        return Refusal(code=error.code, message=str(error))
    return Refusal(
        code=error.code, message=str(error), rule=error.rule,
        needed=write.typed.some(error.needed), available=write.typed.some(error.available),
        hint=error.remedy, facts=looked_at(error),
    )  # fmt: skip


def flip_of(flip: Flip, write: Formatter) -> FlipShown:
    """Return a change that would have changed the decision, with the command that tries it."""
    left_out = flip.skip is not None
    insert = command_line(flip.command, at=flip.at, offset=write.offset)
    text = json.dumps(insert, ensure_ascii=False, separators=(",", ":")).replace("'", "'\\''")
    return FlipShown(
        kind=flip.kind, by=write.typed.instant(flip.at), amount=write.typed.some(flip.amount),
        currency=write.currency, insert=UNSET if left_out else insert,
        skip=UNSET if flip.skip is None else flip.skip,
        try_=f"tally whatif --skip {flip.skip}" if left_out else f"tally whatif --insert '{text}'",
    )  # fmt: skip


def cure_of(flip: Flip, write: Formatter) -> Cure:
    """Return a command that, given now, would have another one accepted."""
    return Cure(
        kind=flip.kind, amount=write.typed.money(flip.amount or 0), currency=write.currency,
        command=command_line(flip.command, at=None, offset=write.offset),
    )  # fmt: skip
