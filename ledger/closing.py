"""Closing and reopening periods: decided under the ledger's write lock, like every command.

Invariant: everything due has run before a close is decided (R57); the digests are of exactly the
position before it; a refusal appends one CommandRefused to the ledger's own stream and changes
nothing. What is derived is handed in: this module must not know how state becomes a trial balance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from ledger.checklist import check_required
from ledger.closes import check_ended
from ledger.errors import InvalidInput, Refused
from ledger.events import CommandRefused, PeriodClosed, PeriodReopened
from ledger.periods import months_of
from ledger.restating import facts_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.application import Ledger
    from ledger.checklist import CheckLine, Digests
    from ledger.events import RecordedEvent
    from ledger.periods import Period
    from ledger.store import Reader, Writer

CLOSE, REOPEN = "close", "reopen"


class Derived(Protocol):
    """What a close needs of the projections (projections/evidence/closing.py)."""

    def prepare(self, writer: Writer) -> None:
        """Bring what is stored up to the writer's transaction."""
        ...

    def digests(self, reader: Reader, *, at: int, position: int) -> Digests:
        """Derive everything at an instant, as the first ``position`` events know it."""
        ...

    def checklist(
        self, reader: Reader, period: Period, required: Sequence[str]
    ) -> Sequence[CheckLine]:
        """Check what a close depends on; ``required`` are the sources that policy names."""
        ...


class Closed(NamedTuple):
    """What a close recorded."""

    events: Sequence[RecordedEvent]
    checklist: Sequence[CheckLine]
    digests: Sequence[Digests]


def close(
    ledger: Ledger, period: Period, derived: Derived, *,
    actor: str | None, reason: str | None = None, override: bool = False,
) -> Closed:  # fmt: skip
    """Close the months of a period, in one batch. Raises: Refused, PointInTheFuture."""
    if not actor:
        raise InvalidInput("a close needs to say who closes", hint="--actor NAME")
    request = _request(CLOSE, period, override=override)
    months = months_of(period, ledger.catalog.policy.calendar_offset)
    refused: Refused | None = None
    with ledger.transaction() as (writer, now):
        catalog = ledger.catalog
        check_ended(period, now=now, offset=catalog.policy.calendar_offset)
        try:
            catalog.closes.check_close(period, months)
            derived.prepare(writer)
            lines = derived.checklist(writer.reader, period, catalog.policy.close_requires)
            check_required(lines, period.name, override=override, actor=actor, reason=reason)
        except Refused as error:
            refused = error
            _refuse(ledger, error, now=now, command=CLOSE, actor=actor, reason=reason,
                    request=request)  # fmt: skip
        else:
            position = ledger.position
            restated = [_restated(writer, ledger, month, position) for month in months]
            digests = [
                derived.digests(writer.reader, at=month.last, position=position)
                for month in months
            ]
            made: list[RecordedEvent] = []
            for month, found, facts in zip(months, digests, restated, strict=True):
                event = PeriodClosed(
                    period=month.name, at=month.last, known_position=position,
                    open_points=tuple(line.name for line in lines if not line.ok),
                    restatements=tuple(facts), override=override, **found._asdict(),
                )  # fmt: skip
                made.append(
                    ledger.note(
                        event, now=now, command=CLOSE, actor=actor, reason=reason,
                        request=request, cause=made[0].position if made else None,
                    )
                )  # fmt: skip
    if refused is not None:
        raise refused
    return Closed(made, lines, digests)


def reopen(
    ledger: Ledger, period: Period, *, actor: str | None, reason: str | None
) -> Sequence[RecordedEvent]:
    """Reopen the months of a period, the latest first, in one batch. Raises: Refused."""
    if not actor or not reason:
        raise InvalidInput(
            "reopening a period needs to say who reopens it, and why",
            hint="--actor NAME --reason TEXT",
        )
    request = _request(REOPEN, period)
    months = months_of(period, ledger.catalog.policy.calendar_offset)
    made: list[RecordedEvent] = []
    refused: Refused | None = None
    with ledger.transaction() as (_, now):
        try:
            found = ledger.catalog.closes.check_reopen(period, months)
        except Refused as error:
            refused = error
            _refuse(ledger, error, now=now, command=REOPEN, actor=actor, reason=reason,
                    request=request)  # fmt: skip
        else:
            for one in found:
                made.append(
                    ledger.note(
                        PeriodReopened(period=one.month, close=one.position), now=now,
                        command=REOPEN, actor=actor, reason=reason, request=request,
                        cause=made[0].position if made else None,
                    )
                )  # fmt: skip
    if refused is not None:
        raise refused
    return made


def _request(name: str, period: Period, *, override: bool = False) -> msgspec.Raw:
    asked: dict[str, str | bool] = {"do": name, "period": period.name}
    if override:
        asked["override"] = True
    return msgspec.Raw(msgspec.msgpack.encode(asked))


def _refuse(
    ledger: Ledger, error: Refused, *, now: int, command: str, actor: str | None,
    reason: str | None, request: msgspec.Raw,
) -> None:  # fmt: skip
    refused = CommandRefused(code=error.code, rule=error.rule, message=str(error))
    ledger.note(refused, now=now, command=command, actor=actor, reason=reason, request=request)


def _restated(writer: Writer, ledger: Ledger, month: Period, position: int) -> list[int]:
    """List the facts for a month since it was closed before, by position (R63)."""
    closes = ledger.catalog.closes
    before = closes.of(month.name)
    if not before:
        return []
    first = month.name == closes.first_month
    return [
        fact.position
        for fact in facts_for(
            writer.reader, after=before[-1].position, until=position, ends=month.ends,
            starts=None if first else month.starts,
        )
    ]  # fmt: skip
