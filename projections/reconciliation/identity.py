"""What identifies a payment: references with the scope of what they name, the strongest first.

A bank's transaction id, a UETR or a provider's serial names one payment for ever. An entry's
reference names a booking, a batch's many payments, an instruction's may come again each month
(a standing order), a mandate's with each collection.
Invariant: only a TRANSACTION reference proves a repeat or matches across periods; an INSTRUCTION
matches within the date window; BATCH and MANDATE identify nothing.
This module must not know a file format, and nothing of matching.
"""

from __future__ import annotations

from typing import Final, NamedTuple

TRANSACTION, ENTRY, BATCH, INSTRUCTION, MANDATE = range(5)
SCOPES: Final = ("transaction", "entry", "batch", "instruction", "mandate")


class Reference(NamedTuple):
    """A name that a payment carries, and what that name is of."""

    text: str
    scope: int = TRANSACTION

    @property
    def identifies(self) -> bool:
        """Whether it can name one payment at all: a batch and a mandate name many."""
        return self.scope not in (BATCH, MANDATE)
