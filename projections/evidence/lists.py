"""The lists an auditor asks for: cut-off, back-dated, manual and adjusting, duplicates, gaps.

Beside them the frame of the sample, and how it is drawn, so that anybody can draw it again.
Invariant: one pass over the log; what is listed, and the payments seen so far, go to the disk
when they are many, so memory does not grow with the log. Money is in each account's currency.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from hashlib import sha256
from heapq import nsmallest
from typing import TYPE_CHECKING, Any

from ledger import events as e
from ledger.events import account_of, type_name
from ledger.proof.tree import leaf_hash
from projections.currencies import Currencies
from projections.history.diff import CORRECTIONS
from projections.journal.postings import effect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.events import RecordedEvent
    from ledger.periods import Period
    from projections.evidence.writing import Archive

EVENT_COLUMNS = (
    "position", "type", "account", "effective_at", "recorded_at", "actor", "reason", "command",
    "currency", "cash", "outstanding", "coupons",
)  # fmt: skip
DUPLICATE_COLUMNS = ("kind", "channel", "serial", "first", "position")
ADJUSTING: tuple[type[e.Event], ...] = (*CORRECTIONS, e.InstanceFrozen, e.PolicyAdopted, e.PriceSet)
FRAME_COLUMNS = ("from", "to")
METHOD = (
    "The frame is every event that was recorded in the period or is effective in it, late and "
    "back-dated entries among them, as known at the checkpoint: the positions from..to of "
    "frame.csv, both included. Each position is ranked by the SHA-256 of the text SEED:POSITION; "
    "the lowest are drawn. Unless a seed was given it is the root of the checkpoint, which nobody "
    "could know while the events were recorded."
)
LATE, EARLY, BACK_DATED = "cutoff_recorded_after", "cutoff_effective_outside", "back_dated"
BY_HAND, DUPLICATES = "adjusting", "duplicates"


class Lists:
    """Collects the lists of a period."""

    def __init__(
        self, period: Period, archive: Archive, *, offset: int, currency: str
    ) -> None:
        """Start with empty lists; ``currency`` is the ledger's own."""
        self._period = period
        self._writers = Currencies(own=currency, offset=offset)
        self._tables = {
            name: archive.later(EVENT_COLUMNS) for name in (LATE, EARLY, BACK_DATED, BY_HAND)
        } | {DUPLICATES: archive.later(DUPLICATE_COLUMNS)}
        self.currencies = {currency}
        self._types: dict[type[e.Event], int] = defaultdict(int)
        self._in_period = self._refused = 0
        self._streams: dict[str, int] = {}
        self._gaps: list[tuple[str, int, int]] = []
        self._payments = archive.keep(_Payments())
        self._next = 1
        self._first = self._last = b""  # bytes

    def take(self, recorded: RecordedEvent, body: bytes) -> None:
        """Look at one event of the log."""
        self._complete(recorded, body)
        event, period = recorded.event, self._period
        self._types[type(event)] += 1
        if isinstance(event, e.AccountOpened):
            self.currencies.add(self._writers.of_event(recorded).currency)
        effective_in = period.starts <= recorded.effective_at < period.ends
        recorded_in = period.starts <= recorded.recorded_at < period.ends
        if effective_in or recorded_in:
            self._in_the_period(recorded, effective_in=effective_in, recorded_in=recorded_in)
        if isinstance(event, e.TopUpReceived):
            self._payment(recorded, event)

    def _in_the_period(
        self, recorded: RecordedEvent, *, effective_in: bool, recorded_in: bool
    ) -> None:
        event = recorded.event
        self._in_period += recorded_in
        self._refused += recorded_in and type(event) is e.CommandRefused
        by_hand = recorded.actor is not None or recorded.reason is not None
        for name, listed in (
            (LATE, effective_in and recorded.recorded_at >= self._period.ends),
            (EARLY, recorded_in and not effective_in),
            (BACK_DATED, recorded.effective_at < recorded.recorded_at),
            (BY_HAND, recorded_in and (by_hand or isinstance(event, ADJUSTING))),
        ):  # fmt: skip
            if listed:
                self._tables[name].add(self._row(recorded))

    def _row(self, recorded: RecordedEvent) -> tuple[Any, ...]:
        account = account_of(recorded.stream)
        write = self._writers.of(account)
        return (
            recorded.position, type_name(type(recorded.event)), account or "",
            write.instant(recorded.effective_at), write.instant(recorded.recorded_at),
            recorded.actor or "", recorded.reason or "", recorded.command or "", write.currency,
            *map(write.money, effect(recorded.event)),
        )  # fmt: skip

    def _complete(self, recorded: RecordedEvent, body: bytes) -> None:
        self._first = self._first or body
        self._last = body
        if recorded.position != self._next:
            self._gaps.append(("position", self._next, recorded.position))
        self._next = recorded.position + 1
        version = self._streams.get(recorded.stream, 0)
        if recorded.version != version + 1:
            self._gaps.append((recorded.stream, version + 1, recorded.version))
        self._streams[recorded.stream] = recorded.version

    def _payment(self, recorded: RecordedEvent, event: e.TopUpReceived) -> None:
        first = self._payments.first(event.channel, event.serial, recorded.position)
        key, table = (event.channel, event.serial), self._tables[DUPLICATES]
        if first != recorded.position:
            table.add(("same key", *key, first, recorded.position))
        if event.suspected_duplicate_of is not None:
            table.add(("suspected", *key, event.suspected_duplicate_of, recorded.position))

    def completeness(self) -> dict[str, Any]:
        """Return how much there is and that nothing is missing between."""
        return {
            "events": sum(self._types.values()), "first_position": 1 if self._next > 1 else None,
            "last_position": self._next - 1, "gaps": self._gaps, "streams": len(self._streams),
            "recorded_in_period": self._in_period, "refused_in_period": self._refused,
            "first_leaf": _leaf(self._first), "last_leaf": _leaf(self._last),
            "by_type": dict(sorted((type_name(kind), n) for kind, n in self._types.items())),
        }  # fmt: skip

    def write_to(self, archive: Archive) -> None:
        """Write every list as a report."""
        for name, table in self._tables.items():
            table.write_to(archive, f"reports/{name}.csv")


class SamplingFrame:
    """Positions that a sample is drawn from, as spans: memory is that of the spans."""

    def __init__(self, period: Period) -> None:
        """Begin with none."""
        self._period = period
        self.spans: list[list[int]] = []

    def take(self, recorded: RecordedEvent) -> None:
        """Look at the next event of the log."""
        starts, ends = self._period.starts, self._period.ends
        if starts <= recorded.recorded_at < ends or starts <= recorded.effective_at < ends:
            if self.spans and self.spans[-1][1] == recorded.position - 1:
                self.spans[-1][1] = recorded.position
            else:
                self.spans.append([recorded.position, recorded.position])

    def __len__(self) -> int:
        """Count the positions."""
        return sum(last - first + 1 for first, last in self.spans)

    def __iter__(self) -> Iterator[int]:
        """Yield them in order."""
        for first, last in self.spans:
            yield from range(first, last + 1)

    def draw(self, seed: str, count: int) -> list[int]:
        """Choose the positions with the lowest SHA-256 of seed and number."""
        return sorted(
            nsmallest(count, self, key=lambda one: sha256(f"{seed}:{one}".encode()).digest())
        )


def _leaf(body: bytes) -> str:
    return leaf_hash(body).hex() if body else ""


class _Payments:
    """Remembers where each payment key was first seen, on the disk once they are many."""

    def __init__(self) -> None:
        self._seen = sqlite3.connect("", isolation_level=None)
        self._seen.execute("PRAGMA journal_mode=OFF")
        self._seen.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, position INT) WITHOUT ROWID")
        self._seen.execute("BEGIN")

    def first(self, channel: str, serial: str, position: int) -> int:
        """Return the position that a key was first seen at: this one, where it is new."""
        key = sha256(f"{len(channel)}:{channel}{serial}".encode()).digest()
        added = self._seen.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, position))
        if added.rowcount:
            return position
        [(found,)] = self._seen.execute("SELECT position FROM seen WHERE key = ?", (key,))
        return int(found)

    def close(self) -> None:
        """Close them."""
        self._seen.close()
