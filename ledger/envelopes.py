"""What is stored around every event: who asked for it, when it was decided, and where it stands.

Invariant: a new event gets its envelope here and nowhere else, so every stream tells the same of
its events. This module must not know what an event says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.events import NO_REQUEST, RecordedEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from msgspec import Raw

    from ledger.events import AnyEvent


class DecisionContext(NamedTuple):
    """When and where a decision is made.

    Attributes:
        now: the instant of decision; what the clock caused is effective at its due instant.
        recorded_at: what the ledger's clock says; later than ``now`` for a late catch-up.
        position: the position that the first event will get.

    """

    now: int
    recorded_at: int
    position: int


class Provenance(NamedTuple):
    """Who asked for a batch, and what for."""

    command: str | None = None
    actor: str | None = None
    reason: str | None = None
    token: str | None = None
    request: Raw = NO_REQUEST

    @property
    def following(self) -> Provenance:
        """What the events after a batch's first one carry: the request stands in the first."""
        return Provenance(self.command, self.actor, self.reason)


NOBODY = Provenance()  # the clock


def envelop(
    event: AnyEvent, provenance: Provenance, context: DecisionContext, *,
    stream: str, version: int, nth: int = 0, cause: int | None = None,
    effective_at: int | None = None,
) -> RecordedEvent:  # fmt: skip
    """Return the ``nth`` event of a decision in its envelope; effective then by default."""
    return RecordedEvent(
        position=context.position + nth,
        stream=stream,
        version=version,
        recorded_at=context.recorded_at,
        effective_at=context.now if effective_at is None else effective_at,
        event=event,
        cause=cause,
        command=provenance.command,
        actor=provenance.actor,
        reason=provenance.reason,
        token=provenance.token,
        request=provenance.request,
    )


def batches(history: Iterable[RecordedEvent]) -> Iterator[list[RecordedEvent]]:
    """Group a history into batches: each begins with the one event that nothing in it caused."""
    batch: list[RecordedEvent] = []
    for recorded in history:
        if recorded.cause is None and batch:
            yield batch
            batch = []
        batch.append(recorded)
    if batch:
        yield batch
