"""``tally witness``: a second key holder cosigns a checkpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.outputs import SEEN, Target, kept_places, output_option
from cli.render import write, write_lines
from cli.trusting import (
    key_file,
    key_option,
    policy_option,
    read_checkpoint_text,
    read_key,
    read_policy,
    read_proof_file,
    read_text,
)
from ledger import clock as clocks
from ledger.errors import IntegrityBroken, InvalidInput
from ledger.periods import SECOND
from ledger.proof import seals
from ledger.proof.nodes import Nodes
from ledger.proof.notes import COSIGNATURE, BadNote, Checkpoint, read_base64, write_base64
from ledger.proof.proofs import Consistency, continues
from ledger.quoting import plural
from projections.answers.proving import Witnessed

if TYPE_CHECKING:
    from pathlib import Path

    from cli.bootstrap import Session


@click.command("witness")
@click.argument("checkpoint")
@click.option("--proof", "proof_file", metavar="FILE", help="A consistency proof; needs no ledger.")
@output_option("Write the cosigned checkpoint.")
@key_option
@policy_option
@tally_command()
def command(
    session: Session, output: Output, *, checkpoint: str, proof_file: str | None,
    target: Target | None, key_place: str | None, policy_place: str | None,
) -> None:  # fmt: skip
    """Cosign a checkpoint that continues the last one this key has seen.

    The last checkpoint seen is stored beside the key (KEY.seen). From then on the log's key
    alone cannot rewrite what was cosigned.

    \b
    Examples:
      tally witness 2025-03.checkpoint --key lin.key -o 2025-03.cosigned
      tally witness new.checkpoint --proof since.proof --trust their.policy
    """
    key = read_key(session.location, key_place)
    if key.algorithm != COSIGNATURE:
        msg = f"{key.name} is the key of a log"
        raise InvalidInput(msg, hint="make a witness's key: tally keys new --witness --name NAME")
    policy = read_policy(session.location, policy_place, key_place)
    policy.quorum = "none"  # the quorum is what comes about here
    accepted = policy.accept(read_checkpoint_text(checkpoint))
    new = accepted.checkpoint
    key_path = key_file(session.location, key_place)
    seen_file = key_path.with_name(f"{key_path.name}{SEEN}")
    seen = _seen(seen_file)
    size, root = seen.get(new.origin, (0, ""))
    old = Checkpoint(new.origin, size, read_base64(root)) if size else seals.empty_checkpoint(
        new.origin
    )
    _check(session, old, new, proof_file=proof_file)
    time = clocks.system_now() // SECOND
    cosigned = seals.cosign(accepted.note, key, time=time)
    # Seen is noted first: better a checkpoint that is not cosigned than two that fork.
    seen[new.origin] = (new.size, write_base64(new.root))
    noted = Target(str(seen_file))
    noted.check(place for place in kept_places(session.location) if place.path != seen_file)
    noted.write(json.dumps(seen, sort_keys=True) + "\n")
    if target is not None:
        target.write(cosigned)
    answer = Witnessed(
        origin=new.origin, size=new.size, root=write_base64(new.root), seen_before=old.size,
        witness=key.name, time=time, checkpoint=cosigned,
        file=None if target is None else str(target),
    )  # fmt: skip
    if not output.answered(answer):
        events = plural(new.size, "event")
        write(f"cosigned {events} of {new.origin} as {key.name}; seen before: {old.size}")
        write_lines(f"  written to {target}" if target else f"\n{cosigned.rstrip()}")


def _seen(path: Path) -> dict[str, tuple[int, str]]:
    """Read what the key has cosigned: for each log how many events, and their root."""
    if not path.exists():
        return {}
    text = read_text(str(path), "what this key has cosigned")
    try:
        found = {name: (int(size), str(root)) for name, (size, root) in json.loads(text).items()}
        for _, root in found.values():
            read_base64(root)
    except (ValueError, TypeError, AttributeError, RecursionError, BadNote):
        msg = f"{str(path)!r} does not record what this key has cosigned"
        hint = "restore it from a backup, or cosign with a new key"
        raise InvalidInput(msg, hint=hint) from None
    return found


def _check(
    session: Session, old: Checkpoint, new: Checkpoint, *, proof_file: str | None
) -> None:
    """Refuse what does not continue what was seen. Raises: IntegrityBroken."""
    if old.size > new.size:
        msg = f"the checkpoint covers {plural(new.size, 'event')}, this key has seen {old.size}"
        raise IntegrityBroken(msg, kind="truncated", position=new.size + 1)
    if old.size == 0:
        return
    if old.size == new.size:
        hashes: tuple[bytes, ...] = ()
    elif proof_file is not None:
        proof = read_proof_file(proof_file)
        if not isinstance(proof, Consistency) or proof.old != old.size:
            msg = f"the proof must begin at size {old.size}, which this key has seen"
            raise InvalidInput(msg, hint="make it with: tally prove --consistency OLD")
        hashes = proof.hashes
    else:
        hashes = tuple(Nodes(session.reader.connection).consistency(old.size, new.size))
    if not continues(old, new, hashes):
        msg = f"the checkpoint does not continue the {old.size} events that this key has seen"
        raise IntegrityBroken(msg, kind="forked")
