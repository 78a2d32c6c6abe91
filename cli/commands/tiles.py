"""``tally tiles``: the log as a static directory that C2SP clients read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.outputs import output_argument
from cli.progress import Progress
from cli.render import write
from ledger.errors import NoSuchThing
from ledger.proof.seals import last_seal
from ledger.proof.tiles import tiles
from ledger.quoting import plural
from projections.answers.proving import TilesWritten

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.outputs import Target


@click.command("tiles")
@output_argument("folder")
@tally_command()
def command(session: Session, output: Output, *, folder: Target) -> None:
    """Write the sealed log as a directory: checkpoint, tiles, entries (C2SP tlog-tiles).

    \b
    Examples:
      tally tiles public/log
    """
    seal = last_seal(session.reader.connection)
    if seal is None:
        msg = "there is no checkpoint yet"
        raise NoSuchThing(msg, hint="sign one with: tally seal")
    files = 0
    with folder.folder() as root, Progress("tiles") as progress:
        for path, content in tiles(session.reader.connection, session.reader.bodies(), seal):
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            files += 1
            progress(files, 0)
    if not output.answered(TilesWritten(folder=str(folder), size=seal.size, files=files)):
        write(f"{plural(seal.size, 'event')} in {plural(files, 'file')} in {folder}")
