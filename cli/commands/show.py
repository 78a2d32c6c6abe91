"""``tally show``: one event whole: what, why, what followed, what it changed, its bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import click

from cli.event_lines import origin_of
from cli.options import Output, tally_command
from cli.rehearsals.trees import flow_lines
from cli.render import cell, short, strong, write
from ledger import codec
from ledger.errors import NoSuchThing, PointInTheFuture
from ledger.events import RecordedEvent, account_of
from projections.answers import Formatter, event_json, request_json, state_json
from projections.history.points import read_position
from projections.lots import SPENDING, flows, lots_at
from projections.point import Asked
from projections.reports.lots import flow_json
from projections.snapshots import look_at

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.command("show")
@click.argument("position")
@tally_command()
def command(session: Session, output: Output, position: str) -> None:
    """Show one event whole: payload, cause, effects, hash of its bytes, state before and after.

    \b
    Examples:
      tally show 17
      tally show @17 --json
    """
    answer = whole_event(session, position)
    if output.human:
        page(answer)
    else:
        output.object(answer)


def whole_event(session: Session, position: str) -> dict[str, Any]:
    """Return ``tally.show/1`` of one event. Raises: NoSuchThing, PointInTheFuture."""
    head = session.reader.head().position
    number = read_position(position, head)
    if number > head:
        raise PointInTheFuture(point=f"@{number}", now=f"head @{head}")
    row = session.reader.row(number)
    if row is None:
        msg = f"there is no event @{number}"
        raise NoSuchThing(msg, hint=f"positions count from 1 to {head}")
    recorded = codec.decode(row.body)
    account = account_of(recorded.stream)
    written = session.currencies.of(account)
    answer = event_json(recorded, written)
    answer["schema"] = "tally.show/1"
    answer["stream"] = recorded.stream
    answer["token"] = recorded.token
    answer["request"] = request_json(recorded, written)
    answer["stored"] = {
        "type": row.type, "bytes": len(row.body), "sha256": hashlib.sha256(row.body).hexdigest(),
    }  # fmt: skip
    answer["caused_by"] = _cause(session, recorded, written)
    answer["effects"] = _effects(session, recorded, written)
    answer["changes"] = changes(session, account, recorded) if account is not None else []
    if account is not None:
        answer |= _flow(session, account, recorded, written)
    return answer


def _flow(
    session: Session, account: str, recorded: RecordedEvent, written: Formatter
) -> dict[str, Any]:
    """Return which receipts an event's cash came from, where it spent any (R66)."""
    if not isinstance(recorded.event, SPENDING):
        return {}
    point = session.point(Asked(position=recorded.position))._replace(everything=True)
    lots = lots_at(session.reader, account, point)
    flow = None if lots is None else flows(lots).get(recorded.position)
    return {} if flow is None else flow_json(flow, written)


def _cause(session: Session, recorded: RecordedEvent, written: Formatter) -> dict[str, Any] | None:
    if recorded.cause is None:
        return None
    row = session.reader.row(recorded.cause)
    return None if row is None else event_json(codec.decode(row.body), written)


def _effects(session: Session, recorded: RecordedEvent, written: Formatter) -> list[dict[str, Any]]:
    """Collect what followed from the event, directly or not, in its batch."""
    causes = {recorded.position}
    found: list[dict[str, Any]] = []
    for body in session.reader.bodies(after=recorded.position):
        later = codec.decode(body)
        if later.cause is None:
            break  # the next batch
        if later.cause in causes:
            causes.add(later.position)
            found.append(event_json(later, written))
    return found


def changes(session: Session, account: str, recorded: RecordedEvent) -> list[dict[str, Any]]:
    """Compare the account's state before and after the event, field by field."""
    before = _flat(session, account, recorded.position - 1)
    after = _flat(session, account, recorded.position)
    return [
        {"field": field, "before": before.get(field), "after": after.get(field)}
        for field in sorted({*before, *after})
        if before.get(field) != after.get(field)
    ]


def _flat(session: Session, account: str, position: int) -> dict[str, Any]:
    if position < 1:
        return {}
    point = session.point(Asked(position=position))
    state = look_at(session.reader, account, point)
    if state is None:
        return {}
    shown = state_json(state, session.catalog_at(point).policy, point)
    flat: dict[str, Any] = {}
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


def _spread(flat: dict[str, Any], name: str, content: Any) -> None:
    """Put a field down by its name; one that has fields of its own, by each of them."""
    if isinstance(content, dict):
        for field, inner in content.items():
            _spread(flat, f"{name}.{field}", inner)
    else:
        flat[name] = content


def page(answer: dict[str, Any]) -> None:
    """Write an event as a page."""
    write(strong(f"@{answer['position']} {answer['type']}  {answer['account'] or ''}"))
    effective, known = short(answer["effective_at"]), short(answer["recorded_at"])
    write(f"  effective {effective} · recorded {known}")
    by = origin_of(answer)
    actor = f" by {answer['actor']}" if answer["actor"] else ""
    why = f", because {answer['reason']}" if answer["reason"] else ""
    write(f"  from {by}{actor}{why}")
    for name, content in answer["data"].items():
        if content not in (None, [], ()):
            write(f"    {name:<20} {cell(content)}")
    if answer["caused_by"]:
        write(f"  caused by @{answer['caused_by']['position']} {answer['caused_by']['type']}")
    for effect in answer["effects"]:
        write(f"  led to @{effect['position']} {effect['type']}")
    for change in answer["changes"]:
        write(f"  {change['field']}: {cell(change['before'])} -> {cell(change['after'])}")
    for said, parts in flow_lines(answer):
        write(f"  {said} {parts}")
    stored = answer["stored"]
    write(f"  stored as {stored['type']}, {stored['bytes']} bytes")
    write(f"  sha256 {stored['sha256']}")
