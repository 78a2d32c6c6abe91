"""An expression over all history: its value after each change, or at the end of each day or month.

Invariant: each value is what the expression gives at that point: after the event in the order of
every answer, or at the last second of the local day or month (the last one: at the point).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import UNSET

from ledger.events import type_name
from ledger.periods import DAY, SECOND, add_months, local_date, local_day, midnight
from projections.answers.hunting import Trace, Traced
from projections.answers.terms import Formatter, Instant
from projections.history.walk import EFFECTIVE, Axis, Walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.history.expressions import Expression, Value
    from projections.point import Point
    from projections.view import LedgerView

Every = Literal["change", "day", "month"]
EVERY: tuple[Every, ...] = ("change", "day", "month")


class Sample(NamedTuple):
    """A value at an instant; ``recorded`` made it, where it is a change."""

    at: int
    value: Value
    recorded: RecordedEvent | None


def trace(
    reader: Reader, account: str, expression: Expression, point: Point, *,
    every: Every = "change", axis: Axis = EFFECTIVE, offset: int = 0,
) -> Iterator[Sample]:  # fmt: skip
    """Return the samples in the order of the axis."""
    walk = Walk(reader, account, point, axis=axis, policies=expression.by_policy)
    if every == "change":
        return _changes(walk, expression)
    return _ends(walk, expression, every, offset)


def _changes(walk: Walk, expression: Expression) -> Iterator[Sample]:
    look = walk.look
    before: object = ...
    for recorded in walk.steps():
        value = expression.value(look)
        expression.remember(look)
        if look.state.opened_at is not None and value != before:
            before = value
            at = recorded.recorded_at if walk.axis == "known" else recorded.effective_at
            yield Sample(at, value, recorded)


def _ends(walk: Walk, expression: Expression, every: Every, offset: int) -> Iterator[Sample]:
    """Sample at the end of each span in which the account exists, up to the point."""
    look, point = walk.look, walk.point
    known = walk.axis == "known"
    stop = point.known_at if known else point.at
    end: int | None = None
    for recorded in walk.events():
        at = recorded.recorded_at if known else recorded.effective_at
        while end is not None and at > end:
            yield _sample(walk, expression, end)
            end = _end(end + SECOND, every, offset)
        expression.remember(look)
        walk.step(recorded)
        if end is None and look.state.opened_at is not None:
            end = _end(at, every, offset)
    while end is not None and end < stop:
        yield _sample(walk, expression, end)
        end = _end(end + SECOND, every, offset)
    if end is not None:
        yield _sample(walk, expression, stop)


def _sample(walk: Walk, expression: Expression, end: int) -> Sample:
    bound = walk.point.at if walk.axis == "known" else walk.point.known_at
    walk.look.seen_at = min(end, bound)
    return Sample(end, expression.value(walk.look), None)


def _end(at: int, every: Every, offset: int) -> int:
    """Return the last second of the local day or month of an instant."""
    day = local_day(at, offset)
    if every == "day":
        return midnight(day, offset) + DAY - SECOND
    first = day - int(local_date(at, offset)[-2:]) + 1
    return midnight(add_months(first, 1), offset) - SECOND


def _row(sample: Sample, expression: Expression, write: Formatter) -> Traced:
    recorded = sample.recorded
    return Traced(
        at=Instant.at(sample.at, write.offset), value=expression.written(sample.value, write),
        position=UNSET if recorded is None else recorded.position,
        type=UNSET if recorded is None else type_name(type(recorded.event)),
        recorded_at=UNSET if recorded is None else Instant.at(recorded.recorded_at, write.offset),
    )  # fmt: skip


def trace_of(
    view: LedgerView, account: str, expression: Expression, point: Point, *,
    every: Every, axis: Axis,
) -> tuple[Trace, list[Sample]]:  # fmt: skip
    """Return an expression's value over all history, and the samples that the rows show."""
    samples = list(
        trace(view.reader, account, expression, point, every=every, axis=axis, offset=view.offset)
    )
    currency = view.state(account, point).currency
    write = Formatter(offset=view.offset, currency=currency)
    answer = Trace(
        point=view.shown(point), account=account, currency=currency,
        expression=expression.text, kind=expression.kind, every=every, axis=axis,
        rows=[_row(sample, expression, write) for sample in samples],
        restated=view.restated_fields(point, account, expression.names),
    )  # fmt: skip
    return answer, samples
