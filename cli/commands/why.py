"""``tally why``: the causes of a field, down to facts, checked to add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from msgspec import UNSET
from msgspec.structs import replace

from cli.errors import DONE, FOUND
from cli.expressions import account_and_field
from cli.options import Output, tally_command
from cli.render import point_line, strong, write
from cli.restatements import say_restated
from cli.trees import render_flips, render_sum, render_tree
from projections.history.why import explained

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.answers.why import Why
    from projections.history.points import Point

NOTHING = "no single top-up, coupon or setting would have changed the decision"
NO_DECISION = "a sum is not a decision: ask about overdue, or an instance's state"


@click.command("why")
@click.argument("field", metavar="ACCOUNT.FIELD")
@click.option("--flip", is_flag=True, help="Also show the smallest change that would alter it.")
@click.option("--all", "show_all", is_flag=True, help="Show every part of a long sum.")
@tally_command(point=True)
def command(
    session: Session, output: Output, *, field: str, flip: bool, show_all: bool, when: Point | None
) -> int:
    """Explain a field: its causes down to facts, checked to add up.

    \b
    Examples:
      tally why a-1.cash
      tally why 'a-1.instances["i-1"].state' --flip
      tally why a-1.overdue --at 2025-03-31
    """
    account, name = account_and_field(field)
    point = session.at(when)
    answer, found = explained(session, account, name, point)
    if flip:
        from projections.rehearsing.why_not import flips_of  # noqa: PLC0415 - the write side

        answer = replace(answer, flips=flips_of(session, account, found))
    if not output.answered(answer):
        _page(answer, show_all=show_all, decision=found.decision is not None)
        say_restated(answer.restated)
    return FOUND if found.adds_up is False else DONE


def _page(answer: Why, *, show_all: bool, decision: bool) -> None:
    unit = f" {answer.currency}" if answer.sum is not None else ""
    value = "null" if answer.value is None else answer.value
    value = str(value).lower() if isinstance(value, bool) else value
    write(point_line(answer.point))
    write(strong(f"{answer.account}.{answer.field} = {value}{unit}"))
    if answer.sum is not None:
        render_sum(answer, show_all=show_all)
    elif answer.causes:
        render_tree(answer.causes)
    else:
        write("nothing has set it")
    if answer.flips is not UNSET:
        render_flips(answer.flips, NOTHING if decision else NO_DECISION)
