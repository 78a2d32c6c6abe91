"""Reports: one file each, and a registry that others add to.

A report is a ``Report``: its figures as one answer, whose fields make the JSON, the CSV and the
schema; its page; and what its command takes. Invariant: a report's figures depend on the log, the
point and what it is asked alone, and a page says nothing but them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from projections.answers.terms import Instant
from projections.registry import Own, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from projections.answers.terms import Answer, Json
    from projections.html.page import Source
    from projections.pages import Page
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


class Option(NamedTuple):
    """What else a report is asked, by its name in ``Question.options``.

    Attributes:
        said: its help.
        kind: a flag, a text, the choice of how to answer (``engine``), or an argument.
        spelled: how a command line writes it, where that is not its name: ``--all``, ``PERIOD``.

    """

    name: str
    said: str = ""
    kind: Literal["flag", "text", "engine", "argument"] = "flag"
    spelled: str = ""


class Flat(NamedTuple):
    """Rows of plain cells in place of an answer's own.

    Attributes:
        rows: yields them.
        forms: for which of ``csv`` and ``ndjson``.
        columns: the header of a CSV without rows.

    """

    rows: Callable[[LedgerView, Question], Iterable[Json]]
    forms: tuple[str, ...] = ("csv",)
    columns: Sequence[str] = ()


class Report(NamedTuple):
    """A report: an entry point of the group ``tallystick.reports`` names one.

    Attributes:
        said: what it shows: the help of its command, its first line in a few words.
        answer: the struct of its figures.
        figures: returns them.
        page: what a person reads of them: lines and tables; by default a table of the rows.
        examples: command lines that its help shows.
        title: what the page is headed by, where that is not the name.
        account: whether a customer may be named, must be, or is none of its business.
        span: whether it begins where it is asked to: ``--from``, ``--period``.
        options: what else it is asked.
        rows: the field with the rows of ``--ndjson`` and ``--csv``: structs, one a row.
        flat: other rows in place of them.
        holds: the field that is true where figures agree that must; else the command exits with 1.
        drawn: its HTML, where that is more than the page.

    """

    said: str
    answer: type[Answer]
    figures: Callable[[LedgerView, Question], Answer]
    page: Callable[[Any], Page] | None = None
    examples: tuple[str, ...] = ()
    title: str = ""
    account: Literal["optional", "required", "none"] = "optional"
    span: bool = True
    options: tuple[Option, ...] = ()
    rows: str = "rows"
    flat: Flat | None = None
    holds: str = ""
    drawn: Callable[[LedgerView, Question, Source], str] | None = None


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
