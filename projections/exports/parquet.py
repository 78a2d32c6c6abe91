"""The log as one typed table: a row an event, a column each field that any event has.

Amounts are decimals of major units, instants are UTC timestamps; an event's own fields are
``data_...``, null where its type has none; what is a list or a map is JSON text. Invariant: the
columns follow from the vocabulary alone, so a new event adds columns and moves none that exist
before it in the alphabet's order of names; ``body`` holds the stored bytes. This module must not
know what an event means.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, get_args, get_type_hints

from ledger import events as e
from ledger.events import AMOUNTS, INSTANTS
from ledger.money import format_minor, format_round_down
from projections.exports import Export
from projections.exports.events import selected
from projections.exports.tables import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.store import Reader
    from projections.exports import Piece, Terms
    from projections.exports.tables import Cell, Kind
    from projections.point import Point
    from projections.view import LedgerView

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENVELOPE: dict[str, Kind] = {
    "position": "integer", "stream": "text", "account": "text", "version": "integer",
    "type": "text", "recorded_at": "instant", "effective_at": "instant", "cause": "integer",
    "command": "text", "actor": "text", "reason": "text", "token": "text", "currency": "text",
}  # fmt: skip
_FRACTION = "round_down"  # in units of 10**-RATED_SCALE major units (R8)


@cache
def fields() -> dict[str, Kind]:
    """Return every field that any event has, by name, with what its column holds."""
    found: dict[str, Kind] = {}
    for event_type in e.EVENT_TYPES:
        hints = get_type_hints(event_type)
        for name in event_type.__struct_fields__:
            found[name] = _kind(name, hints[name])
    return dict(sorted(found.items()))


def _kind(name: str, hint: object) -> Kind:
    if name in INSTANTS:
        return "instant"
    if name in AMOUNTS or name == _FRACTION:
        return "decimal"
    bare = [arg for arg in get_args(hint) or (hint,) if arg is not type(None)]
    if bare == [bool]:
        return "boolean"
    return "integer" if bare == [int] else "text"


def pieces(view: LedgerView, point: Point, terms: Terms) -> Iterator[Piece]:
    """Write every event that a point selects, in position order. Raises: InvalidInput."""
    columns = dict(_ENVELOPE)
    columns |= {f"data_{name}": kind for name, kind in fields().items()}
    columns["body"] = "bytes"
    about = {"tally.ledger": terms.ledger, "tally.schema": "tally.events/1"}
    return tables(columns, _rows(view.reader, point, terms), about)


def _rows(reader: Reader, point: Point, terms: Terms) -> Iterator[dict[str, Cell]]:
    for body, recorded, write in selected(reader, point, terms):
        event, currency = recorded.event, write.currency
        row: dict[str, Cell] = {
            "position": recorded.position, "stream": recorded.stream,
            "account": e.account_of(recorded.stream), "version": recorded.version,
            "type": e.type_name(type(event)), "recorded_at": moment(recorded.recorded_at),
            "effective_at": moment(recorded.effective_at), "cause": recorded.cause,
            "command": recorded.command, "actor": recorded.actor, "reason": recorded.reason,
            "token": recorded.token, "currency": currency, "body": body,
        }  # fmt: skip
        for name in event.__struct_fields__:
            row[f"data_{name}"] = _cell(name, getattr(event, name), currency)
        yield row


def moment(instant: int) -> datetime:
    """Return an instant as a table holds it."""
    return _EPOCH + timedelta(microseconds=instant)


def _cell(name: str, held: object, currency: str) -> Cell:
    if isinstance(held, int) and not isinstance(held, bool):
        if name in INSTANTS:
            return moment(held)
        if name in AMOUNTS:
            return Decimal(format_minor(held, currency))
        if name == _FRACTION:
            return Decimal(format_round_down(held, currency))
        return held
    if held is None or isinstance(held, str | bool):
        return held
    return json.dumps(held, ensure_ascii=False, sort_keys=True)


EXPORT = Export(pieces)
