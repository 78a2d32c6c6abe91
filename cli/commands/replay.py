"""``tally replay``: refold the whole log from nothing, and compare with what is stored."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from cli.cluster import Work, cluster_options, place
from cli.errors import DONE, FOUND
from cli.options import Output, tally_command
from cli.progress import Progress
from cli.render import write
from ledger.quoting import plural
from ledger.verification.indexes import require_sound_now
from projections import shares
from projections.answers.keeping import Replayed, view_difference
from projections.pages import cell
from projections.stored import PROJECTIONS, stranger

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.command("replay")
@click.option("--compare", is_flag=True, help="Every stored view must equal the refold.")
@cluster_options
@tally_command()
def command(
    session: Session, output: Output, *, compare: bool, workers: int | None, cluster: str | None
) -> int:
    """Refold the whole log from the first event.

    The digest is a SHA-256 of every row of every view. It depends only on the log, not on the
    machine or the number of workers.

    \b
    Examples:
      tally replay
      tally replay --compare      exit 1 and the first row that differs, if any
      tally replay --workers 2 --json
      tally replay --cluster tcp://scheduler:8786
    """
    work = Work(workers=workers, cluster=cluster)
    require_sound_now(session.reader)  # a refold through a wrong index proves nothing
    stale = compare and not session.views_caught_up()
    if stale:
        session.say("the stored views are behind, and cannot be caught up here: not compared")
        compare = False
    head = session.reader.head().position
    names = session.reader.accounts()
    tasks = [
        shares.RefoldTask(place(session.location), share, head, compare)
        for share in shares.divide(names)
    ]
    begun = time.perf_counter_ns()
    with Progress("replay") as progress:
        done = shares.whole(work.run(tasks, progress))
    milliseconds = (time.perf_counter_ns() - begun) // 1_000_000
    work.say()
    rows, difference, accounts = done.rows, done.difference, len(names)
    if compare and difference is None:
        difference = stranger(session.reader, PROJECTIONS, frozenset(names))
    answer = Replayed(
        events=head, accounts=accounts, rows=rows,
        digest=shares.digest_of(done),
        compared=compare, equal=difference is None if compare else None,
        first_difference=view_difference(difference),
    )  # fmt: skip
    if not output.answered(answer):
        rate = head * 1000 // max(milliseconds, 1)
        what = f"{plural(head, 'event')} of {plural(accounts, 'account')} refolded"
        write(f"{what}: {plural(rows, 'row')}, {rate} events/s")
        write(f"digest {answer.digest}")
        if compare and difference is None:
            write("every stored view equals the refold, row by row")
        if difference is not None:
            write(f"view {difference.view} differs at account {difference.account}:")
            write(f"  stored    {_row(difference.stored)}")
            write(f"  refolded  {_row(difference.refolded)}")
            write("next: tally projections rebuild " + difference.view)
    return FOUND if difference is not None or accounts == 0 or stale else DONE


def _row(row: tuple[object, ...] | None) -> str:
    return "no row" if row is None else " ".join(cell(content) for content in row)
