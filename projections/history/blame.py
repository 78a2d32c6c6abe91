"""Which event last set each field, and the last changes of one field.

Folded in the order of every answer, (effective_at, position), so the last change is the one that
the answer shows. Invariant: the last change of a field ends in what the field holds at the point.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from ledger import events as e
from ledger.errors import NoSuchThing
from projections.answers.hunting import Blame, Changed, Last
from projections.answers.hunting import Blamed as BlamedShown
from projections.answers.terms import Formatter, Instant
from projections.history.diff import place
from projections.history.fields import Cell, Name, read_all, written
from projections.history.walk import Walk

if TYPE_CHECKING:
    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.point import Point
    from projections.view import LedgerView


class LastSetBy(NamedTuple):
    """A field, what it holds, and the event that last set it.

    ``by_clock``: time alone moved it on since (a coupon that began or ended).
    """

    name: Name
    cell: Cell
    recorded: RecordedEvent
    by_clock: bool


class LastChange(NamedTuple):
    """One change of one field."""

    name: Name
    before: Cell
    after: Cell
    recorded: RecordedEvent


def blame(
    reader: Reader, account: str, point: Point, wanted: Name | None = None
) -> tuple[str, list[LastSetBy]]:
    """Return the currency, and each field (or those of ``wanted``) with the event that set it."""
    walk = Walk(reader, account, point)
    setters: dict[Name, tuple[RecordedEvent, Cell]] = {}
    makers: dict[tuple[str, ...], RecordedEvent] = {}
    opened: RecordedEvent | None = None
    for recorded, changes in walk.changes():
        opened = opened or (recorded if isinstance(recorded.event, e.AccountOpened) else None)
        for name, before, after in changes:
            setters[name] = recorded, after
            if before is None:
                makers.setdefault(name[1:], recorded)
    if opened is None:
        return "", []
    walk.look.seen_at = point.seen_at
    found = []
    for name, cell in read_all(walk.look):
        if wanted is not None and not wanted.covers(name):
            continue
        # A field that is null since its owner exists was set by the event that made it exist.
        recorded, left = setters.get(name) or (makers.get(name[1:], opened), cell)
        found.append(LastSetBy(name, cell, recorded, by_clock=left != cell))
    found.sort(key=lambda one: place(one.name))
    return walk.look.state.currency, found


def last(
    reader: Reader, account: str, point: Point, wanted: Name, *,
    count: int = 1, before: tuple[int, int] | None = None,
) -> tuple[str, list[LastChange]]:  # fmt: skip
    """Return the currency, and the last changes of a field (or member), the latest first.

    ``before``: only events that come before this (effective_at, position).
    """
    walk = Walk(reader, account, point, policies=_by_policy(wanted))
    kept: deque[LastChange] = deque(maxlen=count)
    for recorded, changes in walk.changes(wanted):
        if before is not None and (recorded.effective_at, recorded.position) >= before:
            break
        kept.extend(
            LastChange(name, before, after, recorded)
            for name, before, after in changes
            if wanted.covers(name)
        )
    return walk.look.state.currency, list(reversed(kept))


def _by_policy(wanted: Name) -> bool:
    return wanted.what.by_policy if wanted.field else wanted.family == "instances"


def _who(recorded: RecordedEvent, offset: int) -> dict[str, Any]:
    return {
        "position": recorded.position, "type": e.type_name(type(recorded.event)),
        "effective_at": Instant.at(recorded.effective_at, offset),
        "recorded_at": Instant.at(recorded.recorded_at, offset),
        "actor": recorded.actor, "reason": recorded.reason, "command": recorded.command,
        "cause": recorded.cause,
    }  # fmt: skip


def blame_of(view: LedgerView, account: str, wanted: Name | None, point: Point) -> Blame:
    """Return each field (or those of ``wanted``) with the event that set it.

    Raises: NoSuchThing.
    """
    currency, blamed = blame(view.reader, account, point, wanted)
    if not blamed:
        view.state(account, point)  # says so if there is no such account
        msg = f"{account} has no {wanted} at that point"
        raise NoSuchThing(msg, hint=f"see what it has: tally state {account}")
    write = Formatter(offset=view.offset, currency=currency)
    return Blame(
        point=view.shown(point), account=account, currency=currency,
        rows=[
            BlamedShown(
                field=str(one.name), value=written(one.name, one.cell, write),
                by_clock=one.by_clock, **_who(one.recorded, view.offset),
            )
            for one in blamed
        ],
        restated=view.restated_fields(point, account, () if wanted is None else (wanted,)),
    )  # fmt: skip


def last_of(
    view: LedgerView, account: str, wanted: Name, point: Point, *,
    count: int = 1, before: tuple[int, int] | None = None,
) -> Last:  # fmt: skip
    """Return the last changes of a field (or member), as ``last`` finds them."""
    currency, changes = last(view.reader, account, point, wanted, count=count, before=before)
    write = Formatter(offset=view.offset, currency=currency)
    return Last(
        point=view.shown(point), account=account, currency=currency, field=str(wanted),
        changes=[
            Changed(
                field=str(change.name), from_=written(change.name, change.before, write),
                to=written(change.name, change.after, write), **_who(change.recorded, view.offset),
            )
            for change in changes
        ],
        restated=view.restated_fields(point, account, (wanted,)),
    )  # fmt: skip
