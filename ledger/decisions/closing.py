"""Closing and reopening periods: derived beside the ledger's writers, decided under its lock.

Invariant: everything due has run before a close is derived (R57); the digests are of exactly the
position that the close names, and nothing that they or the checklist depend on was recorded
between that position and the close. A refusal appends one CommandRefused to the ledger's own
stream and changes nothing. What is derived is handed in: this module must not know how state
becomes a trial balance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from ledger.closes import check_ended
from ledger.codec import tag
from ledger.decisions import Act
from ledger.decisions.checklist import check_required
from ledger.errors import ConcurrentModification, InvalidInput
from ledger.events import (
    LEDGER_STREAM,
    POLICY_STREAM,
    RECONCILIATION_STREAM,
    CommandRefused,
    PeriodClosed,
    PeriodReopened,
)
from ledger.loading import facts_for
from ledger.periods import months_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.application import Ledger
    from ledger.decisions.checklist import CheckLine, Digests, Figures
    from ledger.events import RecordedEvent
    from ledger.periods import Period
    from ledger.store import Reader, Writer

CLOSE, REOPEN = "close", "reopen"
TRIES = 5
# Beside facts of the period, what a checklist depends on is recorded here.
_OWN = (LEDGER_STREAM, POLICY_STREAM, RECONCILIATION_STREAM)
_REFUSED = tag(CommandRefused)


class Derived(Protocol):
    """What a close needs of the projections (projections/evidence/closing.py)."""

    def prepare(self, writer: Writer) -> None:
        """Bring what is stored up to the writer's transaction."""
        ...

    def figures(self, reader: Reader, period: Period) -> Figures:
        """Derive what a close looks at and commits, as of the reader's head."""
        ...


class CloseRecorded(NamedTuple):
    """What a close recorded."""

    events: Sequence[RecordedEvent]
    checklist: Sequence[CheckLine]
    digests: Sequence[Digests]


def close(
    ledger: Ledger, period: Period, derived: Derived, *,
    actor: str | None, release: str, reason: str | None = None, override: bool = False,
) -> CloseRecorded:  # fmt: skip
    """Close the months of a period, in one batch. Raises: Refused, PointInTheFuture.

    To derive takes as long as a refold of the ledger. Writers do not wait for it: it is done
    before the lock, and again if something that it depends on was recorded meanwhile.
    """
    if not actor:
        raise InvalidInput("a close requires an actor", hint="--actor NAME")
    asked: dict[str, str | bool] = {"period": period.name}
    if override:
        asked["override"] = True
    act = Act(ledger, CLOSE, actor=actor, reason=reason, asked=asked)
    for tried in range(1, TRIES + 1):
        with act.deciding() as (writer, now):
            check_ended(period, now=now, offset=_offset(ledger))
            ledger.config.closes.check_close(period, _months(ledger, period))
            derived.prepare(writer)
        with ledger.store.reader.snapshot():
            figures = derived.figures(ledger.store.reader, period)
        with act.deciding() as (writer, now):
            if _overtaken(writer.reader, period, after=figures.position, until=ledger.position):
                if tried == TRIES:
                    raise _overtaken_too_often(period)
                continue
            lines = figures.checklist
            check_required(lines, period.name, override=override, actor=actor, reason=reason)
            months = _months(ledger, period)
            restated = [_restated(writer, ledger, month) for month in months]
            events = [
                PeriodClosed(
                    period=month.name, at=month.last, known_position=figures.position,
                    open_points=tuple(line.name for line in lines if not line.ok),
                    restatements=tuple(facts), override=override, release=release,
                    **digests._asdict(),
                )
                for month, digests, facts in zip(
                    months, figures.digests, restated, strict=True
                )
            ]  # fmt: skip
            return CloseRecorded(act.record(events, now=now), lines, figures.digests)
    raise AssertionError  # the last try ends the loop


def reopen(
    ledger: Ledger, period: Period, *, actor: str | None, reason: str | None
) -> Sequence[RecordedEvent]:
    """Reopen the months of a period, the latest first, in one batch. Raises: Refused."""
    if not actor or not reason:
        raise InvalidInput(
            "reopening a period requires an actor and a reason",
            hint="--actor NAME --reason TEXT",
        )
    act = Act(ledger, REOPEN, actor=actor, reason=reason, asked={"period": period.name})
    with act.deciding() as (_, now):
        closes = ledger.config.closes.check_reopen(period, _months(ledger, period))
        return act.record(
            [PeriodReopened(period=close.month, close=close.position) for close in closes], now=now
        )


def _overtaken(reader: Reader, period: Period, *, after: int, until: int) -> bool:
    """Return whether what was recorded since matters: a fact about the period, or our own."""
    return any(
        row.effective_at < period.ends or (row.stream in _OWN and row.type != _REFUSED)
        for row in reader.rows(after=after, until=until)
    )


def _overtaken_too_often(period: Period) -> ConcurrentModification:
    return ConcurrentModification(
        f"something about {period.name} was recorded each of {TRIES} times that it was derived",
        rule="R58", remedy="close it once its facts have been recorded",
    )  # fmt: skip


def _restated(writer: Writer, ledger: Ledger, month: Period) -> list[int]:
    """List the facts for a month since it was closed before, by position (R63)."""
    closes = ledger.config.closes
    before = closes.of(month.name)
    if not before:
        return []
    first = month.name == closes.first_month
    return [
        fact.position
        for fact in facts_for(
            writer.reader, after=before[-1].position, until=ledger.position, ends=month.ends,
            starts=None if first else month.starts,
        )
    ]  # fmt: skip


def _offset(ledger: Ledger) -> int:
    return ledger.config.policy.calendar_offset


def _months(ledger: Ledger, period: Period) -> list[Period]:
    """Return the months of a period, in order."""
    return months_of(period, _offset(ledger))
