"""Forecast: the same rules run ahead of the clock, on a copy in memory.

Invariant: if nobody does anything until then, advancing the clock gives exactly these events.
This module must not know how the result is shown, and it writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import clock as clocks
from ledger.account.ordering import next_due
from ledger.events import account_of
from ledger.rehearsal.fork import Fork

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ledger.config import LedgerConfig
    from ledger.events import RecordedEvent
    from ledger.state import AccountState
    from ledger.store import Reader


class Forecast(NamedTuple):
    """What is to come: the events in due order, and the accounts at the end."""

    events: list[RecordedEvent]
    states: dict[str, AccountState]
    config: LedgerConfig


def forecast(
    reader: Reader,
    to: int,
    *,
    accounts: Collection[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Forecast:
    """Run everything that falls due up to an instant, of some accounts or of all.

    Of all, only those with something due are held in memory.
    """
    fork = Fork(reader)
    # Ahead of the clock each transition is recorded when it is due: the ledger is awake.
    fork.config.clock = clocks.SIMULATED
    names = _all_accounts(reader) if accounts is None else sorted(accounts)
    for done, name in enumerate(names):
        state = fork.load(name)
        deadline = next_due(state, fork.config.policy) if state is not None else None
        if state is None or (accounts is None and (deadline is None or deadline.at > to)):
            del fork.states[name]
            continue
        fork.reschedule(state)
        if progress is not None:
            progress(done, len(names))
    fork.run_due(until=to)
    states = {name: state for name, state in fork.states.items() if state is not None}
    return Forecast(fork.pending, states, fork.config)


def _all_accounts(reader: Reader) -> list[str]:
    return [name for name in map(account_of, reader.streams()) if name is not None]
