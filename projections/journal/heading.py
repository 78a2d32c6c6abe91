"""The heading of an export: which log, which point, and the hash of what follows.

Invariant: a heading is read only as it is written, byte for byte; its last line is a hash of the
lines above it, so that no character of a file is free. This module must not know the body.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import NamedTuple

from ledger.errors import IntegrityBroken, InvalidInput
from ledger.periods import format_instant, parse_instant

MODIFIED = "modified"
_NAMES = ("tally-export", "size", "root", "at", "known_at", "sha256", "heading")
_LINE = re.compile(r"; ([a-z_0-9-]+): (\S+)", re.ASCII)
HEADING_LINES = len(_NAMES)
HEADING_MAX = 2000
LOCAL = len("2025-01-31T23:59:59")


class Heading(NamedTuple):
    """What an export says of itself."""

    form: str
    size: int
    root: str
    at: int
    known_at: int
    offset: int
    digest: str

    def __str__(self) -> str:
        """Write it as comment lines, which all of the programs pass over."""
        content = (
            self.form, str(self.size), self.root, format_instant(self.at, self.offset),
            format_instant(self.known_at, self.offset), self.digest,
        )  # fmt: skip
        lines = "".join(
            f"; {name}: {said}\n" for name, said in zip(_NAMES[:-1], content, strict=True)
        )
        return f"{lines}; {_NAMES[-1]}: {sha256(lines.encode()).hexdigest()}\n"


def read_heading(raw: bytes) -> Heading:
    """Read the heading of a file. Raises: InvalidInput (none there), IntegrityBroken (changed).

    The calendar offset is the one that the heading's own instants are written in.
    """
    lines = raw[:HEADING_MAX].decode("ascii", errors="replace").split("\n")[:HEADING_LINES]
    if not lines[0].startswith("; tally-export: "):
        raise InvalidInput(
            "this file does not begin with the heading of an export",
            hint="name a file that tally export --format beancount|hledger wrote",
        )
    found = [_LINE.fullmatch(line) for line in lines]
    said = {one[1]: one[2] for one in found if one is not None}
    try:
        form, size, root, at, known, digest, _ = (said[name] for name in _NAMES)
        instant = parse_instant(at, 0)
        offset = parse_instant(at[:LOCAL], 0) - instant
        heading = Heading(
            form, int(size), root, instant, parse_instant(known, 0), offset, digest
        )
    except (KeyError, ValueError, InvalidInput) as error:
        msg = "the heading was changed"
        raise IntegrityBroken(msg, kind=MODIFIED, hint=HINT) from error
    if not raw.startswith(str(heading).encode()):
        msg = "the heading was changed: it does not have its own hash"
        raise IntegrityBroken(msg, kind=MODIFIED, hint=HINT)
    return heading


HINT = "do not use this file; write it again with: tally export"
