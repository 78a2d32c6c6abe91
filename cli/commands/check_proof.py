"""``tally check-proof``: check a proof offline; no ledger is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import UNSET, UnsetType

from cli.options import Output, tally_command
from cli.render import write
from cli.trusting import (
    EVENT_SUFFIX,
    policy_option,
    read_checkpoint_text,
    read_policy,
    read_proof_file,
)
from ledger.errors import InvalidInput
from ledger.proof.notes import write_base64
from ledger.proof.proofs import Consistency, check_consistency, check_inclusion
from ledger.quoting import plural
from projections.answers.proving import ProofChecked

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.command("check-proof")
@click.argument("file")
@click.option("--event", "event_file", metavar="FILE", help="Its bytes (default: FILE.event).")
@click.option("--old", "old_file", metavar="FILE", help="The older checkpoint.")
@policy_option
@tally_command()
def command(
    session: Session, output: Output, *, file: str, event_file: str | None,
    old_file: str | None, policy_place: str | None,
) -> None:  # fmt: skip
    """Check that an event is in the log of a signed checkpoint, or that a log continues another.

    It needs the proof, the accepted keys and the event's bytes, but no ledger. Exits with 5 if
    the proof fails.

    \b
    Examples:
      tally check-proof 17.proof --event 17.event --trust their.policy
      tally check-proof since-spring.proof --old spring.checkpoint
    """
    policy = read_policy(session.location, policy_place)
    proof = read_proof_file(file)
    old_size: int | UnsetType = UNSET
    position: int | UnsetType = UNSET
    if isinstance(proof, Consistency):
        if old_file is None:
            msg = "this proof says that a log continues an older checkpoint"
            raise InvalidInput(msg, hint="name that checkpoint with --old")
        old = policy.accept(read_checkpoint_text(old_file)).checkpoint
        accepted = check_consistency(proof, old, policy)
        kind, old_size = "consistency", old.size
        said = f"the log continues the checkpoint over {plural(old.size, 'event')}"
    else:
        event = Path(event_file or f"{file}{EVENT_SUFFIX}")
        if event_file is None and not event.is_file():
            msg = "this proof is about one event"
            raise InvalidInput(msg, hint="name the file with its bytes: --event")
        accepted = check_inclusion(proof, event.read_bytes(), policy)
        kind, position = "inclusion", proof.leaf_index + 1
        said = f"these bytes are the event @{position}"
    checkpoint = accepted.checkpoint
    answer = ProofChecked(
        ok=True, kind=kind, old=old_size, position=position, origin=checkpoint.origin,
        size=checkpoint.size, root=write_base64(checkpoint.root),
        signed_by=[key.name for key in accepted.keys],
    )  # fmt: skip
    if not output.answered(answer):
        write(f"holds: {said} of {answer.origin}, {plural(answer.size, 'event')}")
        write(f"  signed by {', '.join(answer.signed_by)}")
