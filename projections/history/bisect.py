"""All events at which an expression flips, on either axis, in one incremental pass.

On the effective axis the events that a point knows are folded in the order of every answer. On
the known axis ``at`` is held and the recorded positions are walked: which later record changed
what was true at ``at``? Nothing is assumed to flip only once, so no flip is missed.
The look before the account exists is not a side of a flip: the first truth is where it begins.
Invariant: between two flips the expression holds or fails after every single event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ledger.account import evolve
from ledger.events import type_name
from projections.answers.hunting import Bisect, FlipFound
from projections.answers.terms import Instant
from projections.history.walk import Axis, Walk

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.history.expressions import Expression
    from projections.point import Point
    from projections.view import LedgerView


class FlippingEvent(NamedTuple):
    """The event after which the expression is ``after``, and was not before."""

    recorded: RecordedEvent
    after: bool


class Flips(NamedTuple):
    """Every flip of a history.

    Attributes:
        first: what held when the account began; None where it never did.
        examined: events looked at.

    """

    first: bool | None
    flips: list[FlippingEvent]
    examined: int


def bisect(
    reader: Reader, account: str, expression: Expression, point: Point, *, axis: Axis
) -> Flips:
    """Find every flip among the events that a point selects."""
    walk = Walk(reader, account, point, axis=axis, policies=expression.by_policy)
    if expression.remembers or expression.by_policy or expression.by_clock:
        return _slowly(walk, expression)
    return _quickly(walk, expression)


def _quickly(walk: Walk, expression: Expression) -> Flips:
    """Only the state is read: nothing but the fold and one closure an event."""
    look, state, read = walk.look, walk.look.state, expression.quick
    events = walk.events()
    for recorded in events:
        evolve(state, recorded)
        if state.opened_at is not None:
            break
    else:
        return Flips(None, [], walk.length)
    first = held = bool(read(look))
    flips: list[FlippingEvent] = []
    for recorded in events:
        evolve(state, recorded)
        if (not read(look)) is held:
            held = not held
            flips.append(FlippingEvent(recorded, held))
    return Flips(first, flips, walk.length)


def _slowly(walk: Walk, expression: Expression) -> Flips:
    """Policy, the instant or what was before the event matters as well."""
    look, state = walk.look, walk.look.state
    value, remember = expression.value, expression.remember
    plain = not (expression.by_policy or expression.by_clock)
    first: bool | None = None
    held = False
    flips: list[FlippingEvent] = []
    for recorded in walk.events():
        if plain:
            evolve(state, recorded)
        else:
            walk.step(recorded)
        now = bool(value(look))
        remember(look)
        if now is not held or first is None:
            if first is not None:
                flips.append(FlippingEvent(recorded, now))
            elif state.opened_at is not None:
                first = now
            held = now
    return Flips(first, flips, walk.length)


def bisect_of(
    view: LedgerView, account: str, expression: Expression, point: Point, *, axis: Axis
) -> Bisect:
    """Return every flip among the events that a point selects."""
    found, offset = bisect(view.reader, account, expression, point, axis=axis), view.offset
    return Bisect(
        point=view.shown(point), account=account, expression=expression.text, axis=axis,
        first=found.first,
        flips=[
            FlipFound(
                position=recorded.position, from_=not after, to=after,
                type=type_name(type(recorded.event)),
                effective_at=Instant.at(recorded.effective_at, offset),
                recorded_at=Instant.at(recorded.recorded_at, offset), actor=recorded.actor,
                reason=recorded.reason, command=recorded.command,
            )
            for recorded, after in found.flips
        ],
        examined=found.examined,
        restated=view.restated_fields(point, account, expression.names),
    )  # fmt: skip
