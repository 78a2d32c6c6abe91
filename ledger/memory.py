"""Memory: no cycle collector where millions of states hold no cycle, and which accounts to let go.

What an account in memory weighs is counted in events, of some 120 bytes each. This module must not
know why a state is needed.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.state import AccountState

WEIGHT = 16  # of an account without any event


@contextmanager
def no_cycles() -> Iterator[None]:
    """Run without the cycle collector: walking all states again and again grows with them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def weight(state: AccountState | None) -> int:
    """Return what an account weighs in memory."""
    return WEIGHT + (state.version if state is not None else 0)


def let_go(states: dict[str, AccountState | None], recent: set[str], *, most: int) -> int:
    """Drop states until they weigh no more than ``most``, and return what they weigh then.

    Those first that were not asked for lately; ``recent`` names the others, and begins again.
    """
    weights = {name: weight(state) for name, state in states.items()}
    held = sum(weights.values())
    for name in sorted(weights, key=recent.__contains__):
        if held <= most:
            break
        del states[name]
        held -= weights[name]
    recent.clear()
    return held
