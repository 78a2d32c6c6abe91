"""The log for the programs of others: formats of projections/exports, written piece by piece.

Invariant: nothing is held back but the piece at hand; the same log and point give the same bytes,
however far the clock has moved on. This module must not know any format's columns.
"""

from __future__ import annotations

from hashlib import sha256
from importlib import import_module
from typing import TYPE_CHECKING

from cli.exports import Choice, Written
from cli.progress import Progress
from ledger.errors import InvalidInput
from ledger.proof.nodes import Nodes
from ledger.proof.notes import write_base64
from projections.exports import EXPORTS, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.bootstrap import Session
    from cli.exports import Sink
    from projections.exports import Piece
    from projections.point import Point

    Pieces = Callable[..., Iterator[Piece]]

# How else a format may be written -> the module of projections/exports and its function.
SPELLED: dict[tuple[str, str], tuple[str, str]] = {
    ("events", "ndjson"): ("events", "lines"),
    ("focus", "parquet"): ("focus_parquet", "pieces"),
}


def _writer(form: str, choice: Choice) -> Pieces:
    if not choice.spelled:
        return EXPORTS.load(form)
    found = SPELLED.get((form, choice.spelled))
    if found is None:
        takes = [name for name, spelled in SPELLED if spelled == choice.spelled]
        raise InvalidInput(
            f"--{choice.spelled} does not go with --format {form}",
            hint=f"it goes with --format {', '.join(takes)}",
        )
    writer: Pieces = getattr(import_module(f"projections.exports.{found[0]}"), found[1])
    return writer


def write(
    session: Session, point: Point, *, form: str, into: Sink, choice: Choice
) -> Written:
    """Write a whole export; its bytes do not change when the clock moves on."""
    config = session.config_at(point)
    terms = Terms(config.policy.calendar_offset, config.ledger, config.currency, choice.version)
    digest, rows = sha256(), 0
    with Progress("export") as progress:
        source = session.reader if form in EXPORTS.own else session
        for piece in _writer(form, choice)(source, point, terms):
            digest.update(piece.body)
            into.write(piece.body)
            rows += piece.rows
            progress(rows, 0)
    root = write_base64(Nodes(session.reader.connection).root(point.position))
    return Written(rows, {"size": point.position, "root": root, "sha256": digest.hexdigest()})
