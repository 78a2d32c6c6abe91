"""The formats of ``tally export``: journals, and streams of pieces.

A module here has ``write(session, point, *, form, into, choice) -> Written``: it streams
the whole export into a sink. Invariant: the same log, point and format give the same bytes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

from projections.exports import EXPORTS

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.point import Point

JOURNALS = {
    "beancount": "the books, for bean-check", "hledger": "the books, for hledger and ledger",
}  # fmt: skip
# name -> what it is; installed packages may add others (projections/exports).
FORMATS = {**JOURNALS, **{name: one.said for name, one in EXPORTS.own.items()}}


class Sink(Protocol):
    """What takes the bytes of an export: a file, stdout, or what compares them."""

    def write(self, piece: bytes, /) -> object:
        """Write the next bytes."""
        ...


class Choice(NamedTuple):
    """What the command says about a format beyond its name.

    Attributes:
        spelled: ``ndjson`` or ``parquet`` in place of how a format is written by itself.
        version: the edition of the format, "" where none was asked for.

    """

    spelled: str = ""
    version: str = ""


class Written(NamedTuple):
    """What an export says about itself with --json, beside its format and file."""

    rows: int
    more: dict[str, object]


class Format(Protocol):
    """What a module of the table offers."""

    def write(
        self, session: Session, point: Point, *, form: str, into: Sink, choice: Choice
    ) -> Written:
        """Write a whole export."""
        ...


def load(name: str) -> Format:
    """Load a format by its name in the table."""
    module: Format = import_module(f"cli.exports.{'journals' if name in JOURNALS else 'streams'}")
    return module
