"""One event whole: what, why, what followed, what it changed, its bytes (``tally.show/1``).

Invariant: an event's changes are those of the state of its account, field by field, between the
position before it and its own. This module must not know how an event is shown.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ledger import codec
from ledger.errors import NoSuchThing, PointInTheFuture
from ledger.events import RecordedEvent, account_of
from projections.answers import event_json, request_json, state_json
from projections.history.points import read_position
from projections.lots import flows, lots_at
from projections.movements import SPENDING, movement
from projections.point import Asked
from projections.reports.lots import flow_json
from projections.snapshots import look_at

if TYPE_CHECKING:
    from projections.answers.terms import Formatter, Json
    from projections.opened import Opened


def whole_event(view: Opened, position: str) -> Json:
    """Return ``tally.show/1`` of one event. Raises: NoSuchThing, PointInTheFuture."""
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
    written = view.currencies.of(account)
    answer = event_json(recorded, written)
    answer["schema"] = "tally.show/1"
    answer["stream"] = recorded.stream
    answer["token"] = recorded.token
    answer["request"] = request_json(recorded, written)
    answer["stored"] = {
        "type": row.type, "bytes": len(row.body), "sha256": hashlib.sha256(row.body).hexdigest(),
    }  # fmt: skip
    answer["caused_by"] = _cause(view, recorded, written)
    answer["effects"] = _effects(view, recorded, written)
    answer["changes"] = changes(view, account, recorded) if account is not None else []
    if account is not None:
        answer |= _flow(view, account, recorded, written)
    return answer


def _flow(
    view: Opened, account: str, recorded: RecordedEvent, written: Formatter
) -> Json:
    """Return which receipts an event's cash came from, where it spent any (R66)."""
    moved = movement(recorded)
    if moved is None or moved.kind not in SPENDING:
        return {}
    point = view.point(Asked(position=recorded.position))._replace(everything=True)
    lots = lots_at(view.reader, account, point)
    flow = None if lots is None else flows(lots).get(recorded.position)
    return {} if flow is None else flow_json(flow, written)


def _cause(view: Opened, recorded: RecordedEvent, written: Formatter) -> Json | None:
    if recorded.cause is None:
        return None
    row = view.reader.row(recorded.cause)
    return None if row is None else event_json(codec.decode(row.body), written)


def _effects(view: Opened, recorded: RecordedEvent, written: Formatter) -> list[Json]:
    """Collect what followed from the event, directly or not, in its batch."""
    causes = {recorded.position}
    found: list[Json] = []
    for body in view.reader.bodies(after=recorded.position):
        later = codec.decode(body)
        if later.cause is None:
            break  # the next batch
        if later.cause in causes:
            causes.add(later.position)
            found.append(event_json(later, written))
    return found


def changes(view: Opened, account: str, recorded: RecordedEvent) -> list[Json]:
    """Compare the account's state before and after the event, field by field."""
    before = _flat(view, account, recorded.position - 1)
    after = _flat(view, account, recorded.position)
    return [
        {"field": field, "before": before.get(field), "after": after.get(field)}
        for field in sorted({*before, *after})
        if before.get(field) != after.get(field)
    ]


def _flat(view: Opened, account: str, position: int) -> Json:
    if position < 1:
        return {}
    point = view.point(Asked(position=position))
    state = look_at(view.reader, account, point)
    if state is None:
        return {}
    shown = state_json(state, view.config_at(point).policy, point)
    flat: Json = {}
    for name, value in shown.items():
        if name in ("schema", "point", "version"):
            continue
        if isinstance(value, list):
            for one in value:
                key = next(iter(one.values()))
                for field, content in one.items():
                    _spread(flat, f'{name}["{key}"].{field}', content)
        else:
            _spread(flat, name, value)
    return flat


def _spread(flat: Json, name: str, content: object) -> None:
    """Put a field down by its name; one that has fields of its own, by each of them."""
    if isinstance(content, dict):
        for field, inner in content.items():
            _spread(flat, f"{name}.{field}", inner)
    else:
        flat[name] = content
