"""A copy of a ledger in memory, at its head or as it was at a position: nothing is written to it.

Forecasts, why-not and what-if on facts stand here; what decides a whole history again is a
rehearsal. Invariant: what a fork decides is what the ledger would record, were it given there.
This module must not know what anybody wants to find out by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import kept
from ledger.engine import Engine, find_records
from ledger.loading import load_config

if TYPE_CHECKING:
    from ledger.commands import AnyCommand
    from ledger.engine import Decision
    from ledger.state import AccountState
    from ledger.store import Reader


class Fork(Engine):
    """An engine that goes on from a place in a recorded log."""

    def __init__(self, reader: Reader, *, position: int | None = None) -> None:
        """Stand after the event at a position, by default at the head; accounts are not loaded."""
        super().__init__()
        self._reader = reader
        self._until = position
        self._kept = kept.accounts(reader)
        self.config = load_config(reader, until_position=position)
        self.position = reader.head().position if position is None else position

    def load(self, account: str) -> AccountState | None:
        """Return an account's state here, folded when it is first needed."""
        try:
            return self.states[account]
        except KeyError:
            state = self.states[account] = kept.load(
                self._reader, account, until=self._until, look=account in self._kept
            )
            return state

    def take(self, command: AnyCommand, *, now: int) -> Decision:
        """Decide a normalised command; its keys may have been used anywhere in the ledger.

        Raises: Duplicate, InvalidInput.
        """
        records, _ = find_records(command, self._reader.request)
        return self.decide(command, now=now, records=records)
