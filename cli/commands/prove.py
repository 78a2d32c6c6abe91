"""``tally prove``: one event with its proof, or that an older checkpoint still holds."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click
from msgspec import UNSET

from cli.options import Output, tally_command
from cli.outputs import output_option
from cli.render import write, write_lines
from cli.trusting import EVENT_SUFFIX, policy_option, read_checkpoint_text, read_policy
from ledger.errors import InvalidInput, NoSuchThing, PointInTheFuture
from ledger.proof import seals
from ledger.proof.notes import write_base64
from ledger.proof.proofs import Consistency, Inclusion
from projections.answers.proving import Proved
from projections.history.points import read_position

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.outputs import Target


@click.command("prove")
@click.argument("position", required=False)
@click.option("--consistency", metavar="OLD", help="Prove that this older checkpoint holds.")
@output_option("Write the proof there.")
@output_option("The event's bytes (default: -o's .event).", "--event", "event_target")
@policy_option
@tally_command()
def command(
    session: Session, output: Output, *, position: str | None, consistency: str | None,
    target: Target | None, event_target: Target | None, policy_place: str | None,
) -> None:  # fmt: skip
    """Prove that an event is in the sealed log, or that the log continues an older checkpoint.

    \b
    Examples:
      tally prove 17 -o 17.proof        and the event's bytes in 17.proof.event
      tally prove --consistency spring.checkpoint -o since-spring.proof
    """
    if (position is None) == (consistency is None):
        msg = "give a position, or --consistency and an older checkpoint"
        raise InvalidInput(msg, hint="e.g. tally prove 17")
    proof: Inclusion | Consistency
    body = b""
    if consistency is not None:
        policy = read_policy(session.location, policy_place)
        old = policy.accept(read_checkpoint_text(consistency)).checkpoint
        proof = seals.prove_consistency(session.reader.connection, old)
    else:
        proof, body = _event(session, str(position))
        if event_target is None and target is not None and not target.stdout:
            event_target = target.derived(EVENT_SUFFIX)
    with nullcontext() if event_target is None else event_target.opened() as file:
        if file is not None:
            file.write(body)
        if target is not None:
            target.write(str(proof))  # the event gets its name when its proof has one
    answer = Proved(
        kind="inclusion" if consistency is None else "consistency",
        old=proof.old if isinstance(proof, Consistency) else UNSET,
        position=proof.leaf_index + 1 if isinstance(proof, Inclusion) else UNSET,
        event=write_base64(body) if consistency is None else UNSET,
        proof=str(proof), file=None if target is None else str(target),
        event_file=None if event_target is None else str(event_target),
    )  # fmt: skip
    if not output.answered(answer):
        write_lines(f"written to {target}" if target else str(proof).rstrip())
        if event_target is not None:
            write(f"  its event's bytes to {event_target}")


def _event(session: Session, text: str) -> tuple[Inclusion, bytes]:
    head = session.reader.head().position
    number = read_position(text, head)
    row = session.reader.row(number)
    if number > head:
        raise PointInTheFuture(point=f"@{number}", now=f"head @{head}")
    if row is None:
        msg = f"there is no event @{number}"
        raise NoSuchThing(msg, hint=f"positions count from 1 to {head}")
    return seals.prove(session.reader.connection, number), row.body
