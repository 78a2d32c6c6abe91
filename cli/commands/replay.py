"""``tally replay``: refold the whole log from nothing, and compare with what is stored."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from cli.errors import DONE, FOUND
from cli.options import Output, tally_command
from cli.progress import Progress
from cli.render import cell, write
from projections.runner import Difference, Views

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.command("replay")
@click.option("--compare", is_flag=True, help="Every stored view must equal the refold.")
@tally_command()
def command(session: Session, output: Output, *, compare: bool) -> int:
    """Refold the whole log from nothing.

    \b
    Examples:
      tally replay
      tally replay --compare      exit 1 and the first row that differs, if any
    """
    head = session.reader.head().position
    views = session.views() if compare else Views(session.reader)
    begun = time.perf_counter_ns()
    with Progress("replay") as progress:
        if compare:
            rows, difference = views.compare(progress)
        else:
            rows, difference = views.refold(progress), None
    milliseconds = (time.perf_counter_ns() - begun) // 1_000_000
    accounts = len(session.reader.streams())
    answer: dict[str, Any] = {
        "schema": "tally.replay/1", "events": head, "accounts": accounts, "rows": rows,
        "compared": compare, "equal": difference is None if compare else None,
        "first_difference": _shown(difference),
    }  # fmt: skip
    if not output.human:
        output.object(answer)
    else:
        rate = head * 1000 // max(milliseconds, 1)
        write(f"{head} events of {accounts} accounts refolded: {rows} rows, {rate} events/s")
        if compare and difference is None:
            write("every stored view equals the refold, row by row")
        if difference is not None:
            write(f"view {difference.view} differs at account {difference.account}:")
            write(f"  stored    {_row(difference.stored)}")
            write(f"  refolded  {_row(difference.refolded)}")
            write("next: tally projections rebuild " + difference.view)
    return FOUND if difference is not None or accounts == 0 else DONE


def _shown(difference: Difference | None) -> dict[str, Any] | None:
    if difference is None:
        return None
    return {
        "view": difference.view, "account": difference.account,
        "stored": difference.stored, "refolded": difference.refolded,
    }  # fmt: skip


def _row(row: tuple[object, ...] | None) -> str:
    return "no row" if row is None else " ".join(cell(content) for content in row)
