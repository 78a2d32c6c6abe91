"""``tally copy``: move a ledger between a file and a server, with the same bytes."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.outputs import Target, kept_places
from cli.progress import Progress
from cli.render import write
from ledger.proof.notes import write_base64
from ledger.quoting import plural
from ledger.store import is_server, open_reader, open_store, place, shown
from ledger.store.making import new_ledger
from projections.answers.keeping import Copied

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.command("copy")
@click.argument("origin", metavar="FROM")
@click.argument("target", metavar="TO")
@tally_command()
def command(session: Session, output: Output, *, origin: str, target: str) -> None:
    """Copy a whole ledger: the same positions, bytes, root, seals and settings.

    TO must be new or empty. An interrupted copy leaves nothing there: run it again.

    \b
    Examples:
      tally copy tally.db postgresql://server/ledger
      tally copy postgresql://server/ledger backup.db
    """
    from ledger.store.copying import copy  # noqa: PLC0415 - loads the write side

    del session  # FROM says which
    origin, target = place(origin), place(target)
    if not is_server(target):
        Target(target).check_new(kept_places(origin))
    with (
        closing(open_reader(origin)) as reader, new_ledger(target) as fresh,
        closing(open_store(fresh)) as store,
        Progress("copy") as progress,
    ):
        done = copy(reader, store, progress)
    answer = Copied(
        from_=shown(origin), to=shown(target), events=done.events, seals=done.seals,
        root=write_base64(done.root),
    )  # fmt: skip
    if not output.answered(answer):
        what = f"{plural(done.events, 'event')} and {plural(done.seals, 'seal')}"
        write(f"copied {what} to {answer.to}")
        write(f"  root {answer.root}")
