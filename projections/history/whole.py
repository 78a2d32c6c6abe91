"""One event whole: what, why, what followed, what it changed, its bytes (``tally.show/1``).

Invariant: an event's changes are those of the state of its account, field by field, between the
position before it and its own. This module must not know how an event is shown.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from ledger import codec
from ledger.errors import NoSuchThing, PointInTheFuture
from ledger.events import RecordedEvent, account_of
from projections.answers.events import Event, FieldChange, Show, Stored, request_of
from projections.answers.terms import Formatter, Typed
from projections.history.fields import Look, read_all, written
from projections.history.points import read_position
from projections.lots import Flow, flows, lots_at
from projections.movements import SPENDING, movement
from projections.point import Asked
from projections.reports.lots import paid_from
from projections.snapshots import look_at

if TYPE_CHECKING:
    from projections.view import LedgerView


def whole_event(view: LedgerView, position: str) -> Show:
    """Return one event whole. Raises: NoSuchThing, PointInTheFuture."""
    head = view.reader.head().position
    number = read_position(position, head)
    if number > head:
        raise PointInTheFuture(point=f"@{number}", now=f"head @{head}")
    row = view.reader.row(number)
    if row is None:
        msg = f"there is no event @{number}"
        raise NoSuchThing(msg, hint=f"positions count from 1 to {head}")
    recorded = codec.decode(row.body)
    account = account_of(recorded.stream)
    write = view.currencies.of(account)
    flow = None if account is None else _flow(view, account, recorded)
    lots, had_paid = paid_from(flow, Typed(offset=write.offset, currency=write.currency))
    return Show(
        **asdict(view.event(recorded)), stream=recorded.stream, token=recorded.token,
        request=request_of(recorded, write),
        stored=Stored(
            type=row.type, bytes=len(row.body), sha256=hashlib.sha256(row.body).hexdigest()
        ),
        caused_by=_cause(view, recorded), effects=_effects(view, recorded),
        changes=[] if account is None else changes(view, account, recorded),
        lots=lots, had_paid=had_paid,
    )  # fmt: skip


def _flow(view: LedgerView, account: str, recorded: RecordedEvent) -> Flow | None:
    """Return which receipts an event's cash came from, where it spent any (R66)."""
    moved = movement(recorded)
    if moved is None or moved.kind not in SPENDING:
        return None
    point = view.point(Asked(position=recorded.position))._replace(everything=True)
    lots = lots_at(view.reader, account, point)
    return None if lots is None else flows(lots).get(recorded.position)


def _cause(view: LedgerView, recorded: RecordedEvent) -> Event | None:
    row = None if recorded.cause is None else view.reader.row(recorded.cause)
    return None if row is None else view.event(codec.decode(row.body))


def _effects(view: LedgerView, recorded: RecordedEvent) -> list[Event]:
    """Collect what followed from the event, directly or not, in its batch."""
    causes = {recorded.position}
    found: list[Event] = []
    for body in view.reader.bodies(after=recorded.position):
        later = codec.decode(body)
        if later.cause is None:
            break  # the next batch
        if later.cause in causes:
            causes.add(later.position)
            found.append(view.event(later))
    return found


def changes(view: LedgerView, account: str, recorded: RecordedEvent) -> list[FieldChange]:
    """Compare the account's state before and after the event, field by field."""
    before = _fields(view, account, recorded.position - 1)
    after = _fields(view, account, recorded.position)
    return [
        FieldChange(field=field, before=before.get(field), after=after.get(field))
        for field in sorted({*before, *after})
        if before.get(field) != after.get(field)
    ]


_IDS = {"coupons": "coupon", "unpaid": "item", "instances": "instance"}


def _fields(view: LedgerView, account: str, position: int) -> dict[str, Any]:
    """Return what ``tally.state/1`` shows of an account at a position, ids too, by field."""
    if position < 1:
        return {}
    point = view.point(Asked(position=position))
    state = look_at(view.reader, account, point)
    if state is None:
        return {}
    policy = view.config_at(point).policy
    write = Formatter(offset=policy.calendar_offset, currency=state.currency)
    look = Look(state, policy, point.seen_at)
    found: dict[str, Any] = {"account": account}
    for name, cell in read_all(look):
        found[str(name)] = written(name, cell, write)
        if name.family:
            found[str(name._replace(field=_IDS[name.family]))] = name.member
    return found
