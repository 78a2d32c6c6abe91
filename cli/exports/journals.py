"""The books as text for beancount and hledger, with a heading that binds them to the log.

Invariant: the heading's hash is that of the bytes after it, whose root and size are those of the
tree over the events that they were made from.
"""

from __future__ import annotations

import shutil
from hashlib import sha256
from importlib import import_module
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Protocol

from cli.exports import Choice, Written
from cli.progress import Progress
from ledger.errors import InvalidInput
from ledger.proof.nodes import Nodes
from ledger.proof.notes import write_base64
from projections.journal.heading import Heading
from projections.journal.transactions import WITH_ORDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.bootstrap import Session
    from cli.exports import Sink
    from ledger.store import Reader
    from projections.point import Point

JOURNALS = ("beancount", "hledger")
PLAIN = Choice()
SPOOLED = 1 << 25  # bytes that are kept in memory; what is larger goes to a temporary file


class Journal(Protocol):
    """What a journal of projections/journal offers."""

    def body(
        self, reader: Reader, point: Point, *, offset: int, form: int = WITH_ORDERS
    ) -> Iterator[str]:
        """Write everything after the heading."""
        ...


def journal(form: str) -> Journal:
    """Load the writer of a format."""
    module: Journal = import_module(f"projections.journal.{form}")
    return module


def write(
    session: Session, point: Point, *, form: str, into: Sink, choice: Choice = PLAIN,
    number: int = WITH_ORDERS,
) -> Written:  # fmt: skip
    """Write the books at a point; its bytes do not change when the clock moves on.

    ``number`` is that of the form: files of the older ones stay verifiable.
    """
    if choice != PLAIN:
        raise InvalidInput(f"--format {form} takes only a point and -o")
    point = point._replace(at=point.seen_at)
    offset = session.config_at(point).policy.calendar_offset
    writer, digest, pieces = journal(form), sha256(), 0
    body = writer.body(session.reader, point, offset=offset, form=number)
    with SpooledTemporaryFile(SPOOLED) as spool, Progress("export") as progress:
        for pieces, piece in enumerate(body, 1):
            raw = piece.encode()
            digest.update(raw)
            spool.write(raw)
            progress(pieces, 0)
        root = write_base64(Nodes(session.reader.connection).root(point.position))
        heading = Heading(
            f"{form}/{number}", point.position, root, point.at,
            point.known_at, offset, digest.hexdigest(),
        )  # fmt: skip
        into.write(str(heading).encode())
        spool.seek(0)
        shutil.copyfileobj(spool, into)
    return Written(
        pieces, {"size": point.position, "root": root, "sha256": digest.hexdigest()}
    )
