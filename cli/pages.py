"""Pages that a command writes as HTML: when one is asked for, and what it was made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from cli.options import Output
from cli.restatements import restated_line
from ledger.errors import InvalidInput
from ledger.periods import format_instant
from projections.html.page import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.bootstrap import Session
    from projections.answers.terms import Restated
    from projections.point import Point


def as_page(output: Output) -> Output:
    """Return the form of a page. Raises: InvalidInput where another form is asked for too."""
    if not output.human:
        raise InvalidInput(f"--html and --{output.form} exclude each other", hint="choose one")
    return Output("html")


def source_of(
    session: Session, before: Iterable[str], point: Point, after: Iterable[str],
    restated: Restated | UnsetType = UNSET,
) -> Source:  # fmt: skip
    """Return what a page is made of: a command that makes the same page again, the point, the root.

    The command is the words ``before`` and ``after`` the point's own.
    """
    at, known_at = (format_instant(one, session.offset) for one in (point.at, point.known_at))
    words = [*before, "--at", at, "--known-at", known_at, *after]
    said = None if restated is UNSET else restated_line(restated)
    return Source(
        " ".join(words), at, known_at, point.position, session.root(point.position), said
    )
