"""``tally tiles``: the log as a static directory that C2SP clients read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.progress import Progress
from cli.render import plural, write
from ledger.errors import InvalidInput, NoSuchThing
from ledger.seal import last_seal
from ledger.tiles import tiles

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.command("tiles")
@click.argument("folder")
@tally_command()
def command(session: Session, output: Output, *, folder: str) -> None:
    """Write the sealed log as a directory: checkpoint, tiles, entries (C2SP tlog-tiles).

    \b
    Examples:
      tally tiles public/log
    """
    seal = last_seal(session.reader.connection)
    if seal is None:
        msg = "there is no checkpoint yet"
        raise NoSuchThing(msg, hint="sign one with: tally seal")
    root = Path(folder)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        msg = f"{folder!r} is not an empty folder"
        raise InvalidInput(msg, hint="name a new one")
    files = 0
    with Progress("tiles") as progress:
        for path, content in tiles(session.reader, seal):
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            files += 1
            progress(files, 0)
    if output.human:
        write(f"{plural(seal.size, 'event')} in {plural(files, 'file')} in {folder}")
        return
    output.object(
        {"schema": "tally.tiles/1", "folder": folder, "size": seal.size, "files": files}
    )
