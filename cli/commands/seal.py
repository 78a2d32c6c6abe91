"""``tally seal``: sign a checkpoint of the log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.render import plural, write
from cli.trusting import key_option, read_key, write_whole
from ledger import seal as seals
from ledger.errors import InvalidInput
from ledger.notes import COSIGNATURE, write_base64

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.command("seal")
@click.option("-o", "--output", "target", metavar="FILE", help="Write the checkpoint there too.")
@key_option
@tally_command()
def command(
    session: Session, output: Output, *, target: str | None, key_place: str | None
) -> None:
    """Sign a checkpoint of the log, once it is proven to continue the last one.

    Give it to somebody: from then on nothing before it can change unnoticed.

    \b
    Examples:
      tally seal
      tally seal -o 2025-03.checkpoint
    """
    key = read_key(session.location, key_place)
    if key.algorithm == COSIGNATURE:
        msg = f"{key.name} is the key of a witness"
        raise InvalidInput(msg, hint="a witness cosigns: tally witness CHECKPOINT")
    with session.store.writing() as writer:
        before = seals.last_seal(writer.connection)
        sealed = seals.seal(
            writer.connection, (key,), origin=key.name, head=writer.head.position
        )
    if target is not None:
        write_whole(Path(target), sealed.note)
    new = before is None or before.number != sealed.number
    if output.human:
        said = "sealed" if new else "was sealed already:"
        write(f"{said} {plural(sealed.size, 'event')} of {key.name}")
        write(f"  root {write_base64(sealed.root)}")
        write(f"  written to {target}" if target else f"\n{sealed.note.rstrip()}")
        return
    output.object(
        {
            "schema": "tally.seal/1", "number": sealed.number, "new": new, "origin": key.name,
            "size": sealed.size, "root": write_base64(sealed.root), "checkpoint": sealed.note,
            "file": target,
        }
    )  # fmt: skip
