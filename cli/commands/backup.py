"""``tally backup``: one file that holds the whole ledger, made while others read and write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.outputs import Target, kept_places
from cli.render import write
from ledger.proof.notes import write_base64
from ledger.quoting import plural
from ledger.store import shown
from projections.answers.keeping import BackedUp

if TYPE_CHECKING:
    from pathlib import Path

    from cli.bootstrap import Session

_DATABASE = b"SQLite format 3\0"


@click.command("backup")
@click.argument("target", metavar="FILE")
@click.option("--force", is_flag=True, help="Overwrite FILE, if it is not of this ledger.")
@tally_command()
def command(session: Session, output: Output, *, target: str, force: bool) -> None:
    """Write the whole ledger to FILE: one file, complete and durable, or none.

    Other commands may read and write meanwhile. The key and the trust policy are not included:
    keep them elsewhere. Copy a ledger on a server with: tally copy URL FILE.

    \b
    Examples:
      tally backup /mnt/backup/tally-2025-03.db
      tally verify --ledger /mnt/backup/tally-2025-03.db
    """
    from ledger.store.backup import back_up  # noqa: PLC0415 - loaded when needed

    place, kept = Target(target), kept_places(session.location)
    if _is_database(place.path):
        place.check_new(kept)  # it may be an older backup
    else:
        place.check(kept)
    done = back_up(session.reader, place.path, force=force)
    answer = BackedUp(
        from_=shown(session.location), to=shown(target), events=done.events,
        root=write_base64(done.root), bytes=done.bytes,
    )  # fmt: skip
    if not output.answered(answer):
        write(f"backed up {plural(done.events, 'event')} to {answer.to}, {done.bytes} bytes")
        write(f"  root {answer.root}")
        write(f"  next: tally verify --ledger {answer.to}")


def _is_database(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_DATABASE)) == _DATABASE
