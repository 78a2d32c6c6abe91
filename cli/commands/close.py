"""``tally close``: close a period, after its checklist, and sign and pack what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.errors import DONE, FOUND
from cli.options import Output, tally_command
from cli.outputs import output_option
from cli.progress import Progress
from cli.render import write
from ledger.quoting import plural
from projections.answers.closing import Check, Checklist

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.bootstrap import Session
    from cli.outputs import Target
    from ledger.checklist import CheckLine
    from ledger.closing import Closed
    from ledger.periods import Period


@click.command("close")
@click.argument("period")
@click.option("--check", is_flag=True, help="Only print the checklist.")
@click.option("--override", is_flag=True, help="Close it although its checklist is open.")
@click.option("--seal", is_flag=True, help="Sign a checkpoint, kept in the ledger.")
@click.option("--pack", is_flag=True, help="Write the evidence pack too.")
@output_option("File of the pack (default: pack-PERIOD.zip).")
@click.option("--actor", help="Who closes it.")
@click.option("--reason", help="Why.")
@tally_command()
def command(
    session: Session, output: Output, *, period: str, check: bool, seal: bool, pack: bool,
    target: Target | None, **who: Any,
) -> int:  # fmt: skip
    """Close a month, quarter or year; later facts about it are restatements.

    Months close in order. The event keeps the digests of trial balance, balances
    and instance states at its end; tally verify --deep derives them again.
    With --check, exits with status 1 if a line of the checklist is open.

    \b
    Examples:
      tally close 2025-03 --check
      tally close 2025-03 --actor ops/lin
      tally close 2025-03 --seal --pack -o march.zip --actor ops/lin
    """
    from ledger.periods import read_period  # noqa: PLC0415 - loaded when needed
    from ledger.verification.indexes import require_sound_now  # noqa: PLC0415 - as above

    term = read_period(period, session.offset)
    require_sound_now(session.reader)  # the digests are signed for
    if check:
        return _check(session, output, term)
    if target is not None and not pack:
        raise click.UsageError("-o names the pack; add --pack")
    from cli import closing  # noqa: PLC0415 - loads the write side
    from cli.commands.pack import pack_target, write_pack  # noqa: PLC0415 - as above
    from cli.trusting import read_key  # noqa: PLC0415 - as above

    if seal or pack:  # before anything is recorded
        read_key(session.location, None)
    if pack:
        target = pack_target(session, term, target)
    with Progress("close") as progress:
        closed = closing.close(session, term, progress, **who)
    answer = closing.closed_json(term, closed)
    if seal or pack:
        answer["checkpoint"] = closing.seal(session)
    if pack and target is not None:
        write_pack(session, term, target)
        answer["pack"] = str(target)
    if output.human:
        _page(term, closed, answer)
    else:
        output.object(answer)
    return DONE


def _check(session: Session, output: Output, period: Period) -> int:
    from cli import closing  # noqa: PLC0415 - derives the books

    with Progress("checklist") as progress:
        lines = closing.checklist(session, period, progress)
    ok = all(line.ok for line in lines)
    if output.human:
        _lines(lines)
        write()
        said = "can be closed" if ok else "has open points"
        write(f"{period.name} {said}")
    else:
        output.object(
            Checklist(
                period=period.name, ok=ok,
                checks=[
                    Check(name=line.name, ok=line.ok, figure=line.figure) for line in lines
                ],
            )
        )  # fmt: skip
    return DONE if ok else FOUND


def _lines(lines: Sequence[CheckLine]) -> None:
    width = max(len(line.name) for line in lines)
    for line in lines:
        write(f"{'ok  ' if line.ok else 'OPEN'}  {line.name.ljust(width)}  {line.figure}")


def _page(period: Period, closed: Closed, answer: dict[str, Any]) -> None:
    for recorded, digests in zip(closed.events, closed.digests, strict=True):
        month = getattr(recorded.event, "period", period.name)
        said = f"{plural(digests.accounts, 'account')}, {plural(digests.instances, 'instance')}"
        write(f"closed {month} [@{recorded.position}]: {said}")
        for name in ("trial_balance", "balances", "instance_states"):
            write(f"{name.replace('_', ' '):<15} {getattr(digests, name)}")
        facts = getattr(recorded.event, "restatements", ())
        if facts:
            named = " ".join(f"@{position}" for position in facts)
            write(f"  restated since it was closed before: {named}")
    _lines(closed.checklist)
    if "checkpoint" in answer:
        sealed = answer["checkpoint"]
        write(f"sealed: {plural(sealed['size'], 'event')}, {sealed['root']}")
    if "pack" in answer:
        write(f"packed: {answer['pack']}")
    elif "checkpoint" not in answer:
        write("next: tally seal")
