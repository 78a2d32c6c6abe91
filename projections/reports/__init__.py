"""Reports: one file each, and a registry that others add to.

A report is a ``Report``: its figures as one answer, whose fields make the JSON, the CSV, the table
and the schema. Invariant: a report's figures depend on the log, the point and what it is asked
alone. This package must not know how a page looks.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from projections.answers.terms import Instant
from projections.registry import Own, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from projections.answers.terms import Answer
    from projections.point import Point
    from projections.view import LedgerView


class Question(NamedTuple):
    """What a report is asked.

    Attributes:
        point: at which point; ``starts``: where a span begins (microseconds), None for the first
            event.
        account: the one customer that is asked for, None for all.
        progress: told how far along it is; ``options`` are the report's own.

    """

    point: Point
    account: str | None = None
    starts: int | None = None
    progress: Callable[[int, int], None] | None = None
    options: Mapping[str, object] = MappingProxyType({})

    def since(self, offset: int) -> Instant | None:
        """Return where the span begins, as answers hold it."""
        return None if self.starts is None else Instant.at(self.starts, offset)


class Report(NamedTuple):
    """A report: an entry point of the group ``tallystick.reports`` names one.

    Attributes:
        said: what it shows, in a few words.
        answer: the struct of its figures; its field ``rows`` holds structs, one a row.
        figures: returns them.

    """

    said: str
    answer: type[Answer]
    figures: Callable[[LedgerView, Question], Answer]


# name -> what it shows; each is the module of its name, with dashes written low.
_OURS: Final = {
    "trial-balance": "Every account of the books: debit, credit.",
    "rollforward": "Opening + movements = closing, by event type.",
    "statement": "One customer: dated lines, running balance.",
    "overdue": "Who owes since when, by age.",
    "deferred": "Cash of terms: earned, and not yet.",
    "timeline": "One customer through time, with a slider.",
    "coupons": "Every coupon: used, forfeited, left.",
    "restatements": "What late facts changed in a closed period.",
    "lots": "Which receipt paid what, first in, first out.",
    "reconciliation": "Runs against statements, and open breaks.",
}
REPORTS: Final[Registry[Report]] = Registry(
    "tallystick.reports", "report",
    {
        name: Own(f"projections.reports.{name.replace('-', '_')}:REPORT", said)
        for name, said in _OURS.items()
    },
    kind=Report,
)  # fmt: skip
