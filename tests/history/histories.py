"""Histories to travel in: generated lives in a real ledger, and a slow, obvious way to look.

``Naive`` reads the whole log, keeps what a point selects by the words of INTERFACE section 2, sorts
it and folds it from nothing, for every single answer. It must not use projections/history.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger import codec
from ledger.account import fold
from ledger.config import LedgerConfig
from ledger.events import ACCOUNT_PREFIX, POLICY_STREAM, RecordedEvent
from ledger.periods import HOUR
from projections.answers.state import state_of
from projections.point import Asked, Point, resolve
from tests.application.worlds import new_ledger, record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ledger.store import Reader

ROOT = Path(__file__).resolve().parents[2]
OFFSET = 8 * HOUR


@cache
def lines(accounts: int, months: int, seed: int) -> tuple[bytes, ...]:
    """Generate command lines, with late facts and corrections among them."""
    made = subprocess.run(
        [
            sys.executable, "-m", "fixtures.generate", "--accounts", str(accounts),
            "--months", str(months), "--seed", str(seed),
        ],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    return tuple(made.stdout.splitlines())


def lived(path: Path, *, accounts: int = 8, months: int = 7, seed: int = 7) -> Path:
    """Record a generated history in a new ledger file."""
    ledger = new_ledger(path, start="2025-01-01T00:00:00+08:00")
    record(ledger, lines(accounts, months, seed))
    ledger.store.close()
    return path


def clock(reader: Reader) -> int:
    """Return the simulated clock."""
    return max(int(reader.meta("clock") or 0), reader.head().recorded_at)


def at(reader: Reader, **asked: int) -> Point:
    """Resolve a point."""
    return resolve(reader, Asked(**asked), clock=clock(reader), offset=OFFSET)


class Naive:
    """The whole log in memory, looked at in the most obvious way."""

    def __init__(self, reader: Reader | None = None, log: Iterable[RecordedEvent] = ()) -> None:
        """Read everything, or take these events."""
        self.log = list(log) if reader is None else [codec.decode(b) for b in reader.bodies()]
        self._streams: dict[str, list[RecordedEvent]] = {}
        for one in self.log:
            self._streams.setdefault(one.stream, []).append(one)
        self._states: dict[tuple[str, Point], dict[str, Any] | None] = {}
        self.before: dict[tuple[str, Point, int], Naive] = {}

    def selected(self, stream: str, point: Point) -> list[RecordedEvent]:
        """Select a stream's events and order them."""
        chosen = [
            one
            for one in self._streams.get(stream, ())
            if one.position <= point.position and one.effective_at <= point.at
        ]
        return sorted(chosen, key=lambda one: (one.effective_at, one.position))

    def state(self, account: str, point: Point) -> dict[str, Any] | None:
        """Return ``tally.state/1`` at a point; the same dict each time: read it only."""
        asked = (account, point)
        if asked not in self._states:
            self._states[asked] = self._state(account, point)
        return self._states[asked]

    def _state(self, account: str, point: Point) -> dict[str, Any] | None:
        state = fold(account, self.selected(ACCOUNT_PREFIX + account, point))
        if state.opened_at is None:
            return None
        config = LedgerConfig()
        for recorded in self.selected(POLICY_STREAM, point):
            config.apply(recorded)
        return state_of(state, config.policy, point).plain()

    def flat(self, account: str, point: Point) -> dict[str, Any]:
        """Return every field of the state by its name."""
        state = self.state(account, point)
        return {} if state is None else flatten(state)


IDS = {"coupons": "coupon", "unpaid": "item", "instances": "instance"}


def flatten(state: dict[str, Any]) -> dict[str, Any]:
    """Name every field of ``tally.state/1``."""
    found: dict[str, Any] = {}
    for key, cell in state.items():
        if key in IDS:
            for member in cell:
                for field, inner in member.items():
                    if field == IDS[key]:
                        continue
                    name = f'{key}["{member[IDS[key]]}"].{field}'
                    if isinstance(inner, dict):
                        found |= {f"{name}.{deep}": one for deep, one in inner.items()}
                    else:
                        found[name] = inner
        elif key == "alert":
            found |= {f"alert.{field}": inner for field, inner in cell.items()}
        elif key not in {"schema", "point", "account", "version"}:
            found[key] = cell
    return found
