"""Events as answers show them: ``tally.event/1``, ``tally.log/1``, ``tally.show/1``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import UNSET, Meta, UnsetType, msgpack

from ledger.events import AMOUNTS, INSTANTS, NO_REQUEST, PARTS, account_of, type_name
from ledger.money import format_rated, format_round_down
from projections.answers.terms import Answer, Cell, Count, Id, Instant, Money, Part, Position

if TYPE_CHECKING:
    from ledger import events as e
    from projections.answers.terms import Formatter, Json

EventType = Annotated[str, Meta(pattern="^[A-Z][A-Za-z]+$")]
Data = Mapping[str, Any]


class Planned(Answer, frozen=True, kw_only=True, tag="tally.event/1"):
    """An event of a rehearsal: what is not in the log has no place in it yet."""

    position: Count | None
    account: Id | None
    version: Count | None
    type: EventType
    effective_at: Instant
    recorded_at: Instant
    actor: str | None
    reason: str | None
    cause: Count | None
    command: str | None
    instance: str | None
    data: Annotated[Data, Meta(description="The event's own fields; amounts are texts.")]


class Event(Planned, frozen=True, kw_only=True, tag="tally.event/1"):
    """One event of the log."""

    position: Position
    version: Position
    cause: Annotated[
        Position | None,
        Meta(description="The event that led to it; null for what a command or the clock did."),
    ]


class Log(Answer, frozen=True, kw_only=True, tag="tally.log/1"):
    """Events, in the order they were recorded."""

    rows: Sequence[Event]


class Stored(Part, frozen=True, kw_only=True):
    """An event's bytes in the log."""

    type: Annotated[str, Meta(pattern="^[A-Z][A-Za-z]+/[0-9]+$")]
    bytes: Position
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class FieldChange(Part, frozen=True, kw_only=True):
    """A field of the account before and after the event."""

    field: Id
    before: Cell
    after: Cell


class FromLot(Part, frozen=True, kw_only=True):
    """A receipt that cash came from, and how much of it (R66)."""

    position: Position
    amount: Money


class SpentOn(Part, frozen=True, kw_only=True):
    """What one event took from a receipt."""

    position: Position
    type: Id
    item: Id
    amount: Money


class Show(Event, frozen=True, kw_only=True, tag="tally.show/1"):
    """One event whole: an event's fields, and what is around it.

    Attributes:
        lots: which receipts its cash came from, where it spent any.
        had_paid: of a chargeback: what its own top-up had paid before it.

    """

    stream: Id
    token: str | None
    request: Data | None
    stored: Stored
    caused_by: Event | None
    effects: Sequence[Event]
    changes: Sequence[FieldChange]
    lots: Sequence[FromLot] | UnsetType = UNSET
    had_paid: Sequence[SpentOn] | UnsetType = UNSET


def event_of(recorded: e.RecordedEvent, write: Formatter) -> Event:
    """Return one event."""
    event = recorded.event
    return Event(
        position=recorded.position, account=account_of(recorded.stream),
        version=recorded.version, type=type_name(type(event)),
        effective_at=Instant.at(recorded.effective_at, write.offset),
        recorded_at=Instant.at(recorded.recorded_at, write.offset),
        actor=recorded.actor, reason=recorded.reason, cause=recorded.cause,
        command=recorded.command, instance=getattr(event, "instance", None),
        data=data_of(event, write),
    )  # fmt: skip


def data_of(event: e.Event, write: Formatter) -> Json:
    """Return an event's own fields, money and instants written out."""
    shown: Json = {}
    for name in event.__struct_fields__:
        cell = getattr(event, name)
        if name == "round_down":
            shown["rated"] = format_rated(getattr(event, "amount", 0), cell, write.currency)
            shown[name] = format_round_down(cell, write.currency)
        elif name in PARTS:
            shown[name] = [
                {"coupon": coupon, "part": write.money(part)} for coupon, part in cell
            ]
        elif name == "instance":
            continue  # shown beside the data
        elif name in INSTANTS:
            shown[name] = write.instant(cell)
        elif name in AMOUNTS:
            shown[name] = write.money(cell)
        else:
            shown[name] = cell
    return shown


def request_of(recorded: e.RecordedEvent, write: Formatter) -> Json | None:
    """Return the command that an event's batch came from, as it was asked."""
    if bytes(recorded.request) == bytes(NO_REQUEST):
        return None
    request: Json = msgpack.decode(recorded.request)
    return {
        name: write.instant(cell) if name in INSTANTS and isinstance(cell, int) else cell
        for name, cell in request.items()
    }
