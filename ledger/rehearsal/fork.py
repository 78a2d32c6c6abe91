"""A copy of a ledger in memory, at its head or as it was at a position: nothing is written to it.

Forecasts, why-not and what-if on facts stand here; a rehearsal stands before its first change and
goes on with what was recorded. Invariant: what a fork decides is what the ledger would record, were
it given there. This module must not know what anybody wants to find out by it.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from ledger import kept
from ledger.account import fold
from ledger.config import STREAMS, fold_config
from ledger.engine import Engine, find_records
from ledger.events import ACCOUNT_PREFIX
from ledger.loading import load_config

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger.commands import AnyCommand
    from ledger.engine import Decision
    from ledger.events import RecordedEvent
    from ledger.state import AccountState
    from ledger.store import Reader


class Fork(Engine):
    """An engine that goes on from a place in a recorded log."""

    def __init__(
        self, reader: Reader, *, position: int | None = None,
        before: Iterable[RecordedEvent] | None = None,
    ) -> None:  # fmt: skip
        """Stand after the event at a position, by default at the head; accounts are not loaded.

        ``before``: the events up to there of all streams that matter, where they were read before.
        """
        super().__init__()
        self._reader = reader
        self._until = position
        self._streams: dict[str, list[RecordedEvent]] | None = None
        self.position = reader.head().position if position is None else position
        if before is None:
            self._kept = kept.accounts(reader)
            self.config = load_config(reader, until_position=position)
            return
        self._streams = {}
        for recorded in before:
            self._streams.setdefault(recorded.stream, []).append(recorded)
        own = (self._streams.get(stream, ()) for stream in STREAMS)
        self.config = fold_config(chain.from_iterable(own))

    def load(self, account: str) -> AccountState | None:
        """Return an account's state here, folded when it is first needed."""
        if account in self.states:
            return self.states[account]
        if self._streams is None:
            look = account in self._kept
            state = kept.load(self._reader, account, until=self._until, look=look)
        else:
            history = self._streams.get(ACCOUNT_PREFIX + account)
            state = None if history is None else fold(account, history)
        self.states[account] = state
        return state

    def take(self, command: AnyCommand, *, now: int) -> Decision:
        """Decide a normalised command; its keys may have been used anywhere in the ledger.

        Raises: Duplicate, InvalidInput.
        """
        records, _ = find_records(command, self._reader.request)
        return self.decide(command, now=now, records=records)
