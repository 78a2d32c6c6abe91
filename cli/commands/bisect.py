"""``tally bisect``: all events at which an expression flips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.errors import DONE, FOUND
from cli.expressions import account_and_expression, expression_for, note_what_is_missing
from cli.options import Output, tally_command
from cli.render import point_line, strong, write
from cli.restatements import say_restated
from ledger.quoting import plural
from projections.history.bisect import bisect_of
from projections.history.walk import EFFECTIVE, KNOWN, Axis
from projections.pages import short

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.answers.hunting import Bisect
    from projections.history.points import Point


@click.command("bisect")
@account_and_expression
@click.option("--axis", type=click.Choice([EFFECTIVE, KNOWN]), default=EFFECTIVE,
              show_default=True, help="When it was true, or when it became known.")  # fmt: skip
@tally_command(rows=True, point=True)
def command(
    session: Session, output: Output, *, words: tuple[str, ...], text: str | None, axis: Axis,
    when: Point | None,
) -> int:
    """Find every event at which an expression flips, in one pass, on either axis.

    --axis effective follows effective time. --axis known fixes --at and walks the
    recorded positions: which later record changed what was true then?
    Exits with status 1 when the expression never flips.

    \b
    Examples:
      tally bisect a-1 overdue
      tally bisect a-1 'cash == 350' --axis known --at 2025-03-31
      tally bisect a-1 --expr 'instances["i-1"].state == "running"'
    """
    if axis == KNOWN and when is not None and when.as_of is not None and when.at is None:
        when = when._replace(at=when.as_of, as_of=None)  # what was known later is the question
    point = session.at(when)
    account, expression = expression_for(session, words, text, point)
    answer = bisect_of(session, account, expression, point, axis=axis)
    note_what_is_missing(session, account, expression)
    if not output.answered(answer, "flips"):
        _page(answer)
        say_restated(answer.restated)
    return DONE if answer.flips else FOUND


def _page(answer: Bisect) -> None:
    write(strong(point_line(answer.point, answer.account)))
    axis = "as recorded, with --at held" if answer.axis == KNOWN else "in effective order"
    write(answer.expression)
    write(f"  begins {_truth(answer.first)}; {axis}")
    for flip in answer.flips:
        late = flip.recorded_at and flip.effective_at != flip.recorded_at
        known = f", recorded {short(flip.recorded_at or None)}" if late else ""
        who = f" by {flip.actor}" if flip.actor else ""
        write(f"  {_truth(flip.to):<6} @{flip.position} {flip.type}{who}")
        write(f"         {short(flip.effective_at)}{known}")
    flips = plural(len(answer.flips), "flip") if answer.flips else "never flips"
    write(f"{flips}; {plural(answer.examined, 'event')} examined")


def _truth(held: object) -> str:
    return "true" if held else "false"
