"""The currency of each account, and the writer of its amounts: the one place that knows it.

Invariant: an account has the currency that its opening says, everything else the ledger's own;
what is kept in memory is the accounts of another currency, and those that were looked up. This
module must not know what is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger import codec
from ledger.events import ACCOUNT_PREFIX, AccountOpened, account_of
from projections.answers.events import Event, event_of
from projections.answers.terms import Formatter

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from ledger.store import Reader

_EVERYTHING: Final = 2**63 - 1


class Currencies:
    """Gives the writer of an account, or of an event."""

    def __init__(self, *, own: str, offset: int, reader: Reader | None = None) -> None:
        """Write in the ledger's own currency until an account says otherwise.

        Without a reader, events must come from the beginning of the log.
        """
        self._own = Formatter(offset=offset, currency=own)
        self._reader = reader
        self._found: dict[str, Formatter] = {}

    def of(self, account: str | None) -> Formatter:
        """Return the writer of an account; of the ledger's own currency for None."""
        if account is None:
            return self._own
        if account not in self._found and self._reader is not None:
            first = self._reader.stream_part(
                ACCOUNT_PREFIX + account, after=0, to=1, until=_EVERYTHING, at=_EVERYTHING
            )
            for recorded in codec.decode_all(first):
                self._learn(account, recorded)
            self._found.setdefault(account, self._own)
        return self._found.get(account, self._own)

    def of_event(self, recorded: RecordedEvent) -> Formatter:
        """Return the writer of an event: of its account, which it may open."""
        account = account_of(recorded.stream)
        if account is not None:
            self._learn(account, recorded)
        return self.of(account)

    def event(self, recorded: RecordedEvent) -> Event:
        """Return an event as answers show it."""
        return event_of(recorded, self.of_event(recorded))

    def _learn(self, account: str, recorded: RecordedEvent) -> None:
        event = recorded.event
        if type(event) is AccountOpened and event.currency != self._own.currency:
            self._found[account] = Formatter(offset=self._own.offset, currency=event.currency)
