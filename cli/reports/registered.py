"""A report of an installed package as a command: its page follows from its answer.

Invariant: what is printed is what its answer holds, in the order of its fields; words stand left,
figures right. This module must not know any report.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from cli.render import cell, short
from cli.reports.sheet import Sheet, Span, report_command, show
from projections.answers.terms import Instant, Part
from projections.reports import Question, Report

if TYPE_CHECKING:
    import click

    from cli.bootstrap import Session
    from cli.options import Output


def command_of(name: str, report: Report) -> click.Command:
    """Make the command ``tally report NAME``."""

    def body(session: Session, output: Output, account: str | None, span: Span) -> None:
        answer = report.figures(session, Question(span.point, account, span.starts))
        if not output.answered(answer):
            rows: list[Part] = list(getattr(answer, "rows", ()))
            parts: list[Sheet | str] = [_sheet(rows)] if rows else ["nothing to show"]
            show(output, session, span, account, parts, name=name, title=name)

    body.__doc__ = report.said
    return report_command(name, span=True)(body)


def _sheet(rows: list[Part]) -> Sheet:
    """Lay rows out: words first, then figures, each in the order of the fields."""
    names = rows[0].__struct_fields__
    figures = [
        name for name in names
        if any(_figure(getattr(row, name)) for row in rows)
    ]  # fmt: skip
    words = [name for name in names if name not in figures]
    header = [*words, *figures]
    return Sheet(
        [name.replace("_", " ") for name in header],
        [[_written(getattr(row, name)) for name in header] for row in rows], text=len(words),
    )  # fmt: skip


def _figure(content: Any) -> bool:
    return isinstance(content, Decimal) or type(content) is int


def _written(content: Any) -> str:
    return short(content.isoformat()) if isinstance(content, Instant) else cell(content)
