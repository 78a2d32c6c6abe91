"""``tally trace``: an expression over history, as a table, a CSV, or a small chart."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING

import click

from cli.changes import spelled
from cli.charts import chart
from cli.expressions import account_and_expression, expression_for, note_what_is_missing
from cli.options import Output, tally_command
from cli.render import point_line, strong, write
from cli.restatements import say_restated
from ledger.quoting import plural
from projections.history.trace import EVERY, Every, Sample, trace_of
from projections.history.walk import EFFECTIVE, KNOWN, Axis
from projections.pages import short

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.answers.hunting import Trace
    from projections.history.points import Point

FALSE = 0


@click.command("trace")
@account_and_expression
@click.option("--every", type=click.Choice(EVERY), default="change", show_default=True,
              help="A row for each change, or for the end of each day or month.")  # fmt: skip
@click.option("--axis", type=click.Choice([EFFECTIVE, KNOWN]), default=EFFECTIVE,
              show_default=True, help="When it was true, or when it became known.")  # fmt: skip
@click.option("--chart", "drawn", is_flag=True, help="A small chart instead of the table.")
@tally_command(rows=True, point=True)
def command(
    session: Session, output: Output, *, words: tuple[str, ...], text: str | None, every: Every,
    axis: Axis, drawn: bool, when: Point | None,
) -> None:  # fmt: skip
    """Show an expression's value over all history.

    \b
    Examples:
      tally trace a-1 cash --every month
      tally trace a-1 'available < 100'
      tally trace a-1 outstanding --every day --chart
      tally trace a-1 'instances["i-1"].state' --csv
    """
    point = session.at(when)
    account, expression = expression_for(session, words, text, point)
    answer, samples = trace_of(session, account, expression, point, every=every, axis=axis)
    note_what_is_missing(session, account, expression)
    if output.answered(answer):
        return
    if drawn:
        _chart(answer, samples)
    else:
        _table(answer)
    say_restated(answer.restated)


def _table(answer: Trace) -> None:
    write(strong(point_line(answer.point, answer.account)))
    unit = f" ({answer.currency})" if answer.kind == "money" else ""
    write(f"{answer.expression}{unit}")
    rows = answer.rows
    cells = [spelled(row.value) for row in rows]
    width = max((len(cell) for cell in cells), default=0)
    for row, cell in zip(rows, cells, strict=True):
        what = f"  @{row.position} {row.type}" if row.type else ""
        write(f"  {short(row.at):<19}  {cell:>{width}}{what}")
    write(f"{len(rows)} row{'s'[: len(rows) != 1]}")


def _chart(answer: Trace, samples: list[Sample]) -> None:
    """Draw amounts and numbers as they are, true and false as steps."""
    write(strong(point_line(answer.point, answer.account)))
    write(answer.expression)
    values = [_height(sample) for sample in samples]
    if answer.kind in {"text", "instant"} or not values:
        write("  a chart needs amounts, numbers, or true and false; leave --chart out")
        return
    rows = answer.rows
    labels = {value: json.dumps(row.value).strip('"')
              for value, row in zip(values, rows, strict=True)}  # fmt: skip
    instants = [sample.at for sample in samples]
    for line in chart(instants, values, top=labels[max(values)], bottom=labels[min(values)]):
        write(line)
    first, last = rows[0].at.date(), rows[-1].at.date()
    write(f"  {first} to {last}, {plural(len(rows), 'value')}")


def _height(sample: Sample) -> int | Fraction:
    value = sample.value
    return value if isinstance(value, (int, Fraction)) else FALSE
