"""FOCUS rows as Parquet: the cells of the CSV, typed.

Invariant: a cell holds exactly what the CSV says; an empty cell is null. This module must not know
charges.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from projections.exports.focus import rows
from projections.exports.focus_columns import (
    COLUMNS,
    DECIMALS,
    DEFAULT_EDITION,
    INSTANTS,
    INTEGERS,
)
from projections.exports.tables import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from projections.exports import Piece, Terms
    from projections.exports.tables import Cell, Kind
    from projections.point import Point
    from projections.view import LedgerView


def pieces(view: LedgerView, point: Point, terms: Terms) -> Iterator[Piece]:
    """Write every account's rows, account by account. Raises: InvalidInput."""
    edition = terms.version or DEFAULT_EDITION
    columns = {name: _kind(name) for name in COLUMNS[edition]}
    typed = (
        {name: _cell(columns[name], cell) for name, cell in row.items() if name in columns}
        for row in rows(view.reader, point, terms)
    )
    return tables(columns, typed, {"focus.version": edition, "tally.ledger": terms.ledger})


def _kind(name: str) -> Kind:
    if name in INSTANTS:
        return "instant"
    if name in DECIMALS:
        return "decimal"
    return "integer" if name in INTEGERS else "text"


def _cell(kind: Kind, cell: str) -> Cell:
    if not cell:
        return None
    if kind == "instant":
        return datetime.fromisoformat(cell)
    if kind == "decimal":
        return Decimal(cell)
    return int(cell) if kind == "integer" else cell
