"""``tally seal``: sign a checkpoint of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.outputs import output_option
from cli.release import release
from cli.render import write, write_lines
from cli.trusting import key_option, read_key
from ledger.errors import InvalidInput
from ledger.proof.notes import COSIGNATURE, write_base64
from ledger.proof.seals import last_seal
from ledger.quoting import plural
from ledger.releases import seal
from projections.answers.proving import Sealed

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.outputs import Target


@click.command("seal")
@output_option("Also write the checkpoint to this file.")
@key_option
@tally_command()
def command(
    session: Session, output: Output, *, target: Target | None, key_place: str | None
) -> None:
    """Sign a checkpoint of the log, after proving that it continues the last one.

    Give it to someone else: from then on nothing before it can change unnoticed.

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
        before = last_seal(writer.connection)
        sealed = seal(writer, (key,), origin=key.name, release=release())
    if target is not None:
        target.write(sealed.note)
    answer = Sealed(
        number=sealed.number, new=before is None or before.number != sealed.number,
        origin=key.name, size=sealed.size, root=write_base64(sealed.root), checkpoint=sealed.note,
        file=None if target is None else str(target),
    )  # fmt: skip
    if not output.answered(answer):
        said = "sealed" if answer.new else "was sealed already:"
        write(f"{said} {plural(sealed.size, 'event')} of {key.name}")
        write(f"  root {answer.root}")
        write_lines(f"  written to {target}" if target else f"\n{sealed.note.rstrip()}")
