"""Closing and reopening periods: derived beside the ledger's writers, decided under its lock.

Invariant: everything due has run before a close is derived (R57); the digests are of exactly the
position that the close names, and nothing that they or the checklist depend on was recorded
between that position and the close. A refusal appends one CommandRefused to the ledger's own
stream and changes nothing. What is derived is handed in: this module must not know how state
becomes a trial balance.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from ledger.checklist import check_required
from ledger.closes import check_ended
from ledger.codec import tag
from ledger.errors import ConcurrentModification, InvalidInput, Refused
from ledger.events import (
    LEDGER_STREAM,
    POLICY_STREAM,
    RECONCILIATION_STREAM,
    CommandRefused,
    PeriodClosed,
    PeriodReopened,
)
from ledger.periods import months_of
from ledger.restating import facts_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ledger.application import Ledger
    from ledger.checklist import CheckLine, Digests, Figures
    from ledger.events import AnyEvent, RecordedEvent
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


class Closed(NamedTuple):
    """What a close recorded."""

    events: Sequence[RecordedEvent]
    checklist: Sequence[CheckLine]
    digests: Sequence[Digests]


def close(
    ledger: Ledger, period: Period, derived: Derived, *,
    actor: str | None, release: str, reason: str | None = None, override: bool = False,
) -> Closed:  # fmt: skip
    """Close the months of a period, in one batch. Raises: Refused, PointInTheFuture.

    To derive takes as long as a refold of the ledger. Writers do not wait for it: it is done
    before the lock, and again if something that it depends on was recorded meanwhile.
    """
    if not actor:
        raise InvalidInput("a close requires an actor", hint="--actor NAME")
    act = _Act(ledger, CLOSE, period, actor=actor, reason=reason, override=override)
    for tried in range(1, TRIES + 1):
        with act.deciding() as (writer, now):
            check_ended(period, now=now, offset=act.offset)
            ledger.catalog.closes.check_close(period, act.months)
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
            restated = [_restated(writer, ledger, month) for month in act.months]
            events = [
                PeriodClosed(
                    period=month.name, at=month.last, known_position=figures.position,
                    open_points=tuple(line.name for line in lines if not line.ok),
                    restatements=tuple(facts), override=override, release=release,
                    **digests._asdict(),
                )
                for month, digests, facts in zip(
                    act.months, figures.digests, restated, strict=True
                )
            ]  # fmt: skip
            return Closed(act.record(events, now=now), lines, figures.digests)
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
    act = _Act(ledger, REOPEN, period, actor=actor, reason=reason)
    with act.deciding() as (_, now):
        found = ledger.catalog.closes.check_reopen(period, act.months)
        return act.record(
            [PeriodReopened(period=one.month, close=one.position) for one in found], now=now
        )


class _Act:
    """One close or reopening: who asked for it, and how it or its refusal is recorded."""

    def __init__(
        self, ledger: Ledger, name: str, period: Period, *,
        actor: str, reason: str | None, override: bool = False,
    ) -> None:  # fmt: skip
        asked: dict[str, str | bool] = {"do": name, "period": period.name}
        if override:
            asked["override"] = True
        self._ledger, self._period, self._name = ledger, period, name
        self._actor, self._reason = actor, reason
        self._request = msgspec.Raw(msgspec.msgpack.encode(asked))

    @property
    def offset(self) -> int:
        """The calendar offset in force."""
        return self._ledger.catalog.policy.calendar_offset

    @property
    def months(self) -> list[Period]:
        """The months of the period, in order."""
        return months_of(self._period, self.offset)

    @contextmanager
    def deciding(self) -> Iterator[tuple[Writer, int]]:
        """Decide under the write lock; a refusal is recorded, then raised. Raises: Refused."""
        refused: Refused | None = None
        with self._ledger.transaction() as (writer, now):
            try:
                yield writer, now
            except Refused as error:
                refused = error
                said = CommandRefused(code=error.code, rule=error.rule, message=str(error))
                self.record([said], now=now)
        if refused is not None:
            raise refused

    def record(self, events: Sequence[AnyEvent], *, now: int) -> list[RecordedEvent]:
        """Record one batch."""
        made: list[RecordedEvent] = []
        for event in events:
            made.append(
                self._ledger.note(
                    event, now=now, command=self._name, actor=self._actor, reason=self._reason,
                    request=self._request, cause=made[0].position if made else None,
                )
            )  # fmt: skip
        return made


def _overtaken(reader: Reader, period: Period, *, after: int, until: int) -> bool:
    """Return whether what was recorded since matters: a fact about the period, or our own."""
    return any(
        row.effective_at < period.ends or (row.stream in _OWN and row.type != _REFUSED)
        for row in reader.rows(after=after, until=until)
    )


def _overtaken_too_often(period: Period) -> ConcurrentModification:
    error = ConcurrentModification(
        f"something about {period.name} was recorded each of {TRIES} times that it was derived",
        rule="R58",
    )
    error.remedy = "close it once its facts have been recorded"
    return error


def _restated(writer: Writer, ledger: Ledger, month: Period) -> list[int]:
    """List the facts for a month since it was closed before, by position (R63)."""
    closes = ledger.catalog.closes
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
