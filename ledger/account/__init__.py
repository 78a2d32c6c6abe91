"""One account's state, and ``evolve``: what each event does to it.

Invariant: evolve applies what the event says and decides nothing: no rule, no pricing, no dates,
no arithmetic beyond adding and subtracting the amounts in the event. Money fields are sums, so
the order (effective_at, position) gives the same head as the order of positions (R56).
This module must not know commands, policies or the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import events as e
from ledger.account.money import MONEY
from ledger.account.service import SERVICE
from ledger.errors import CorruptHistory
from ledger.state import INSTANCE, AccountState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ledger.events import Foldable


def _nothing(_: AccountState, __: Foldable, ___: e.Event) -> None:
    """Audit-only events move nothing."""


_APPLY: dict[type[e.Event], Callable[[AccountState, Foldable, Any], None]] = {
    **MONEY,
    **SERVICE,
    e.CommandAccepted: _nothing,
    e.CommandRefused: _nothing,
}


def evolve(state: AccountState, recorded: Foldable) -> None:
    """Apply one event of the account's stream to its state, in place.

    Raises: CorruptHistory when the event cannot follow (our bug or a damaged log).
    """
    event = recorded.event
    kind = type(event)
    state.next_due = None
    try:
        _APPLY[kind](state, recorded, event)
    except KeyError as missing:
        raise _unknown(state, recorded, missing) from missing
    if state.changes is not None and kind in SERVICE:
        state.note(INSTANCE, event.instance)  # type: ignore[union-attr]
    # A fold for a point may leave versions out, and late facts come earlier in it.
    version = recorded.version
    if version > state.version:  # noqa: PLR1730 - max() costs as much as the rest of this function
        state.version = version
    if version > state.guard_version and kind is not e.CommandRefused:
        state.guard_version = version


def _unknown(state: AccountState, recorded: Foldable, missing: KeyError) -> CorruptHistory:
    where = f"{type(recorded.event).__name__} @{recorded.position} of account:{state.account}"
    return CorruptHistory(f"{where} names unknown {missing}")


def fold(account: str, history: Iterable[Foldable]) -> AccountState:
    """Fold a stream, or the part of it that a point selects, from nothing.

    Raises: CorruptHistory.
    """
    return fold_on(AccountState(account), history)


def fold_on(state: AccountState, history: Iterable[Foldable]) -> AccountState:
    """Apply events to a state of which nobody keeps what has changed: as ``evolve`` one by one.

    Raises: CorruptHistory.
    """
    apply, refused = _APPLY, e.CommandRefused
    version, guard = state.version, state.guard_version
    state.next_due = None
    for recorded in history:
        event = recorded.event
        kind = type(event)
        try:
            apply[kind](state, recorded, event)
        except KeyError as missing:
            raise _unknown(state, recorded, missing) from missing
        this = recorded.version
        if this > guard:
            if kind is not refused:
                guard = this
            elif this > version:
                version = this
    state.version, state.guard_version = max(version, guard), guard
    return state
