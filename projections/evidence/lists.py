"""The lists an auditor asks for: cut-off, back-dated, manual and adjusting, duplicates, gaps.

Invariant: one pass over the log, memory of the rows that are listed. Rows are plain cells.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ledger import events as e
from ledger.events import account_of, type_name
from projections.evidence.effects import effect

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from ledger.periods import Period

Row = tuple[Any, ...]
EVENT_COLUMNS = (
    "position", "type", "account", "effective_at", "recorded_at", "actor", "reason", "command",
    "cash", "outstanding", "coupons",
)  # fmt: skip
ADJUSTING = (
    e.TopUpReversed, e.DebtRecorded, e.CreditNoteIssued, e.RefundIssued, e.RenewalCancelled,
    e.InstanceFrozen, e.PolicyAdopted, e.PriceSet,
)  # fmt: skip


class Lists:
    """Collects the lists of a period."""

    def __init__(self, period: Period) -> None:
        """Start with empty lists."""
        self._period = period
        self.late: list[Row] = []  # effective in the period, recorded after it
        self.early: list[Row] = []  # recorded in the period, effective outside it
        self.back_dated: list[Row] = []
        self.adjusting: list[Row] = []
        self.duplicates: list[Row] = []
        self.types: Counter[str] = Counter()
        self.in_period = 0
        self.refused = 0
        self.streams: dict[str, int] = {}
        self.gaps: list[Row] = []
        self._payments: dict[tuple[str, str], int] = {}
        self._next = 1
        self._hashes = ["", ""]

    def take(self, recorded: RecordedEvent, body: bytes) -> None:
        """Look at one event of the log."""
        self._complete(recorded, body)
        event, period = recorded.event, self._period
        self.types[type_name(type(event))] += 1
        effective_in = period.starts <= recorded.effective_at < period.ends
        recorded_in = period.starts <= recorded.recorded_at < period.ends
        self.in_period += recorded_in
        self.refused += recorded_in and type(event) is e.CommandRefused
        if effective_in and recorded.recorded_at >= period.ends:
            self.late.append(event_row(recorded))
        if recorded_in and not effective_in:
            self.early.append(event_row(recorded))
        if (recorded_in or effective_in) and recorded.effective_at < recorded.recorded_at:
            self.back_dated.append(event_row(recorded))
        by_hand = recorded.actor is not None or recorded.reason is not None
        if recorded_in and (by_hand or isinstance(event, ADJUSTING)):
            self.adjusting.append(event_row(recorded))
        if type(event) is e.TopUpReceived:
            self._payment(recorded, event)

    def _complete(self, recorded: RecordedEvent, body: bytes) -> None:
        digest = sha256(b"\x00" + body).hexdigest()
        self._hashes = [self._hashes[0] or digest, digest]
        if recorded.position != self._next:
            self.gaps.append(("position", self._next, recorded.position))
        self._next = recorded.position + 1
        version = self.streams.get(recorded.stream, 0)
        if recorded.version != version + 1:
            self.gaps.append((recorded.stream, version + 1, recorded.version))
        self.streams[recorded.stream] = recorded.version

    def _payment(self, recorded: RecordedEvent, event: e.TopUpReceived) -> None:
        key = event.channel, event.serial
        if key in self._payments:
            self.duplicates.append(("same key", *key, self._payments[key], recorded.position))
        self._payments.setdefault(key, recorded.position)
        if event.suspected_duplicate_of is not None:
            said = "suspected", *key, event.suspected_duplicate_of, recorded.position
            self.duplicates.append(said)

    def completeness(self) -> dict[str, Any]:
        """Say how much there is and that nothing is missing between."""
        return {
            "events": sum(self.types.values()), "first_position": 1 if self._next > 1 else None,
            "last_position": self._next - 1, "gaps": self.gaps, "streams": len(self.streams),
            "recorded_in_period": self.in_period, "refused_in_period": self.refused,
            "first_leaf": self._hashes[0], "last_leaf": self._hashes[1],
            "by_type": dict(sorted(self.types.items())),
        }  # fmt: skip


def event_row(recorded: RecordedEvent) -> Row:
    """Give one event as a row; instants and amounts are written later."""
    return (
        recorded.position, type_name(type(recorded.event)), account_of(recorded.stream) or "",
        recorded.effective_at, recorded.recorded_at, recorded.actor or "", recorded.reason or "",
        recorded.command or "", *effect(recorded.event),
    )  # fmt: skip


def sample(seed: str, positions: range, count: int) -> list[int]:
    """Choose positions that nobody could choose beforehand: the lowest SHA-256 of seed and number.

    With the checkpoint's root as the seed, whoever records cannot know which will be drawn.
    """
    ranked = sorted(positions, key=lambda one: sha256(f"{seed}:{one}".encode()).digest())
    return sorted(ranked[:count])
