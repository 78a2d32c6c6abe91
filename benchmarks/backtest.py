"""A backtest of the whole history on two workers, beside a plain refold of the same log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.measure import Figure, whole_process
from ledger.store import open_reader

if TYPE_CHECKING:
    from pathlib import Path

MOST = 4
GRACE = ("--policy", "overdue_grace_legacy=48h", "--workers", "2", "--json")


def backtest(path: Path) -> Figure:
    """Decide everything again under another policy; the peer folds it once, in one process."""
    reader = open_reader(str(path))
    events = reader.head().position
    reader.close()
    tally = [sys.executable, "-m", "cli.main"]
    again = min(whole_process([*tally, "backtest", *GRACE, "--ledger", str(path)], by_clock=True)
                for _ in range(2))  # fmt: skip
    folded = min(whole_process([*tally, "replay", "--ledger", str(path)], by_clock=True)
                 for _ in range(2))  # fmt: skip
    ratio = again / folded
    return Figure(
        f"backtest_{events}", f"{again:,.1f} s, two workers, both sides measured",
        f"plain refold, one process: {folded:,.1f} s", ratio, f"<= {MOST}", ratio <= MOST,
    )  # fmt: skip
