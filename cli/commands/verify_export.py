"""``tally verify-export``: is a journal what this ledger says?"""

from __future__ import annotations

from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.render import write
from ledger.errors import IntegrityBroken, NoSuchThing
from ledger.quoting import plural
from projections.answers.proving import ExportVerified
from projections.answers.terms import Instant
from projections.exports import EXPORTS, write_export
from projections.journal.heading import HEADING_MAX, HINT, MODIFIED, Heading, read_heading
from projections.journal.transactions import FORMS
from projections.point import Point

if TYPE_CHECKING:
    from typing import BinaryIO

    from cli.bootstrap import Session

FORKED, TRUNCATED = "forked", "truncated"


@click.command("verify-export")
@click.argument("file")
@tally_command()
def command(session: Session, output: Output, *, file: str) -> None:
    """Check a file that tally export --format beancount or hledger wrote.

    Checks the hash, then the log's size and root, then every byte: the export is made again at
    its own point. Exits with 5 and the first different line if anything differs.

    \b
    Examples:
      tally verify-export books.beancount
    """
    path = Path(file)
    if not path.is_file():
        msg = f"there is no file {file!r}"
        raise NoSuchThing(msg, hint="name a file that tally export wrote")
    with path.open("rb") as given:
        heading = read_heading(given.read(HEADING_MAX))
        form, _, number = heading.form.partition("/")
        export = EXPORTS.load(form) if form in EXPORTS.own else None
        if export is None or not export.headed or number not in map(str, FORMS):
            msg = f"the heading names an unknown format: {heading.form}"
            raise IntegrityBroken(msg, kind=MODIFIED, hint=HINT)
        point = _point(session, heading)
        given.seek(0)
        again = ComparingSink(given)
        write_export(session, export.pieces, point, again, version=number)
        more = given.read(1)
    if again.differs or more:
        intact = _intact(path, heading)
        said = "its hash was recomputed to match" if intact else "it does not match its own hash"
        msg = f"first difference at line {again.line}; {said}"
        raise IntegrityBroken(msg, kind=MODIFIED, hint=HINT)
    found = ExportVerified(
        ok=True, format=form, file=file, size=heading.size, root=heading.root,
        sha256=heading.digest, lines=again.line - 1,
        at=Instant.at(heading.at, heading.offset),
        known_at=Instant.at(heading.known_at, heading.offset),
    )  # fmt: skip
    if not output.answered(found):
        write(f"holds: {plural(found.lines, 'line')} of {heading.form}, as this ledger says")
        write(f"  {plural(found.size, 'event')}, root {found.root}")


def _point(session: Session, heading: Heading) -> Point:
    """Compare size, root and instants with the log. Raises: IntegrityBroken."""
    reader, size = session.reader, heading.size
    head = reader.head().position
    if size > head:
        msg = f"the export was made of {size} events, and this log has {head}"
        raise IntegrityBroken(msg, kind=TRUNCATED)
    root = session.root(size)
    if root != heading.root:
        msg = f"the export was made of another log: at {size} events this one's root is {root}"
        raise IntegrityBroken(msg, kind=FORKED, hint="name the ledger with --ledger")
    last, after = reader.row(size), reader.row(size + 1)
    known = heading.known_at
    exact = last is not None and known == last.recorded_at
    too_early = last is not None and known < last.recorded_at
    too_late = after is not None and known >= after.recorded_at and not exact
    if too_early or too_late or max(heading.at, known) > session.now:
        msg = f"the heading names instants at which {size} events were known"
        raise IntegrityBroken(msg, kind=MODIFIED, hint=HINT)
    return Point(heading.at, known, size, everything=False)


class ComparingSink:
    """A sink beside the file given: it keeps nothing but where the two part."""

    def __init__(self, given: BinaryIO) -> None:
        """Start at the beginning of both."""
        self._given = given
        self.line = 1
        self.differs = False

    def write(self, piece: bytes, /) -> None:
        """Compare the next piece, and count lines up to the first difference."""
        if self.differs:
            return
        theirs = self._given.read(len(piece))
        same = len(piece)
        if piece != theirs:
            self.differs = True
            pairs = zip(piece, theirs, strict=False)
            same = next((i for i, (a, b) in enumerate(pairs) if a != b), len(theirs))
        self.line += piece[:same].count(b"\n")


def _intact(path: Path, heading: Heading) -> bool:
    """Return whether a file has the hash of its heading."""
    with path.open("rb") as file:
        file.seek(len(str(heading).encode()))
        return file_digest(file, "sha256").hexdigest() == heading.digest
