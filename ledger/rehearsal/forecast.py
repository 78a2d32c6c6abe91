"""Forecast: the same rules run ahead of the clock, on a copy in memory.

Invariant: if nobody does anything until then, advancing the clock gives exactly these events.
This module must not know how the result is shown, and it writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger import codec
from ledger.account import fold
from ledger.engine import Engine
from ledger.events import ACCOUNT_PREFIX, account_of
from ledger.loading import load_config
from ledger.ordering import next_due

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


def ahead(reader: Reader, *, simulated: bool = True) -> Engine:
    """Return an engine that stands at the head of the log, with no account loaded."""
    engine = Engine()
    engine.config = load_config(reader)
    if simulated:
        # Ahead of the clock each transition is recorded when it is due: the ledger is awake.
        engine.config.clock = "simulated"
    engine.position = reader.head().position
    return engine


def load(engine: Engine, reader: Reader, account: str) -> AccountState | None:
    """Fold an account at the head into an engine."""
    bodies = reader.stream_bodies(ACCOUNT_PREFIX + account)
    if not bodies:
        return None
    state = fold(account, codec.decode_all(bodies))
    engine.states[account] = state
    return state


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
    engine = ahead(reader)
    names = _all_accounts(reader) if accounts is None else sorted(accounts)
    for done, name in enumerate(names):
        state = load(engine, reader, name)
        deadline = next_due(state, engine.config.policy) if state is not None else None
        if state is None or (accounts is None and (deadline is None or deadline.at > to)):
            engine.states.pop(name, None)
            continue
        engine.reschedule(state)
        if progress is not None:
            progress(done, len(names))
    engine.run_due(until=to)
    states = {name: state for name, state in engine.states.items() if state is not None}
    return Forecast(engine.pending, states, engine.config)


def _all_accounts(reader: Reader) -> list[str]:
    return [name for name in map(account_of, reader.streams()) if name is not None]
