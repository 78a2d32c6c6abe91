"""The only reader of "now": everything else is given its instants.

Invariant: instants are whole seconds in UTC microseconds (RULEBOOK section 0).
"""

from __future__ import annotations

import time

from ledger.periods import SECOND

SYSTEM = "system"
SIMULATED = "simulated"


def system_now() -> int:
    """Return the present instant of the machine's clock, truncated to the second."""
    return time.time_ns() // 1_000 // SECOND * SECOND


def sleep(seconds: float) -> None:
    """Wait; the only place that does."""
    time.sleep(seconds)
