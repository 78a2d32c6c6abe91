"""The log as a portable stream: each event readable as it is, with its stored bytes beside it.

MessagePack through the ``msgpack`` package, or NDJSON; one map an event: ``tally.event/1`` and
``body``, the bytes that the ledger stored (base64 in NDJSON). Invariant: the bodies are never made
again, so the tree over them is the ledger's tree; events come in position order. This module must
not know what an event means.
"""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

from ledger import codec
from ledger.errors import IntegrityBroken
from ledger.proof.notes import write_base64
from projections.answers.events import event_of
from projections.currencies import Currencies
from projections.exports import Export, Piece

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.events import RecordedEvent
    from ledger.store import Reader
    from projections.answers.terms import Formatter
    from projections.exports import Terms
    from projections.point import Point
    from projections.view import LedgerView


def pieces(view: LedgerView, point: Point, terms: Terms) -> Iterator[Piece]:
    """Write every event that a point selects as one MessagePack map after another."""
    import msgpack  # noqa: PLC0415 - known to this export alone, and loaded for it alone

    packer = msgpack.Packer(use_bin_type=True)
    for body, recorded, write in selected(view.reader, point, terms):
        yield Piece(packer.pack({**event_of(recorded, write).plain(), "body": body}), 1)


def lines(view: LedgerView, point: Point, terms: Terms) -> Iterator[Piece]:
    """Write every event that a point selects as one JSON object a line."""
    for body, recorded, write in selected(view.reader, point, terms):
        row = {**event_of(recorded, write).plain(), "body": write_base64(body)}
        yield Piece(f"{json.dumps(row, ensure_ascii=False)}\n".encode(), 1)


def selected(
    reader: Reader, point: Point, terms: Terms
) -> Iterator[tuple[bytes, RecordedEvent, Formatter]]:
    """Yield the stored bytes of what a point selects, the event, and the writer of its amounts."""
    currencies = Currencies(own=terms.currency, offset=terms.offset)
    for body in reader.bodies(until=point.position):
        recorded = codec.decode(body)
        write = currencies.of_event(recorded)
        if point.everything or recorded.effective_at <= point.at:
            yield body, recorded, write


def split(ahead: IO[bytes], behind: IO[bytes]) -> Iterator[bytes]:
    """Cut a stream of MessagePack objects into their bytes.

    ``ahead`` and ``behind`` are the same bytes, opened twice. Raises: IntegrityBroken.
    """
    import msgpack  # noqa: PLC0415 - known to this export alone, and loaded for it alone

    unpacker, end = msgpack.Unpacker(ahead, strict_map_key=False), 0
    while True:
        try:
            unpacker.skip()
        except msgpack.OutOfData:
            break
        except (msgpack.UnpackException, ValueError) as error:
            msg = f"byte {end}: no MessagePack ({type(error).__name__})"
            raise IntegrityBroken(msg) from None
        begun, end = end, unpacker.tell()
        yield behind.read(end - begun)
    if behind.read(1):
        msg = f"byte {end}: an event is cut off"
        raise IntegrityBroken(msg)


EXPORT = Export(pieces, spelled={"ndjson": lines})
