"""``tally close``: close a period, after its checklist, and sign and pack what it was.

What has to be there for that (a key, a place to write to) is asked for before anything is recorded.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click
from msgspec import UNSET
from msgspec.structs import asdict

from cli.commands.pack import pack_target, write_pack
from cli.errors import DONE, FOUND
from cli.options import Output, tally_command
from cli.outputs import output_option
from cli.progress import Progress
from cli.querying import rows_of
from cli.release import release
from cli.render import write
from cli.trusting import read_key
from ledger.closes import check_ended
from ledger.decisions import closing
from ledger.decisions.checklist import CheckLine
from ledger.errors import WrongState
from ledger.periods import months_of, read_period
from ledger.proof.notes import write_base64
from ledger.quoting import plural
from ledger.releases import seal as sign
from ledger.verification.indexes import require_sound_now
from projections.answers.closing import Check, Checklist, CheckpointKept, Closed, MonthClosed
from projections.evidence.closing import Derivation
from projections.history.closes import read_closes
from projections.runner import Views

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cli.bootstrap import Session
    from cli.outputs import Target
    from ledger.periods import Period

ORDER = "months close in order"


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
    term = read_period(period, session.offset)
    require_sound_now(session.reader)  # the digests are signed for
    if check:
        return _check(session, output, term)
    if target is not None and not pack:
        raise click.UsageError("-o names the pack; add --pack")
    if seal or pack:
        read_key(session.location, None)
    if pack:
        target = pack_target(session, term, target)
    with Progress("close") as progress:
        views = Views(session.store.reader, session.store)
        derived = Derivation(views, partial(rows_of, session), progress)
        closed = closing.close(session.ledger, term, derived, release=release(), **who)
    checkpoint = _seal(session) if seal or pack else UNSET
    if pack and target is not None:
        write_pack(session, term, target)
    answer = _answer(term, closed, checkpoint=checkpoint, pack=str(target) if pack else UNSET)
    if not output.answered(answer):
        _page(answer)
    return DONE


def _check(session: Session, output: Output, period: Period) -> int:
    with Progress("checklist") as progress:
        checks = _shown(_checklist(session, period, progress))
    answer = Checklist(period=period.name, ok=all(check.ok for check in checks), checks=checks)
    if not output.answered(answer):
        _lines(checks)
        write()
        write(f"{period.name} {'can be closed' if answer.ok else 'has open points'}")
    return DONE if answer.ok else FOUND


def _checklist(session: Session, period: Period, progress: Progress) -> list[CheckLine]:
    """Return the checklist of a close as of now; nothing is recorded. Raises: NoSuchThing."""
    offset = session.offset
    check_ended(period, now=session.now, offset=offset)
    order = CheckLine(ORDER, ok=True, figure=period.name)
    try:
        read_closes(session.reader).check_close(period, months_of(period, offset))
    except WrongState as error:
        order = CheckLine(ORDER, ok=False, figure=str(error))
    derivation = Derivation(session.views(), partial(rows_of, session), progress)
    with session.reader.snapshot():
        return [order, *derivation.figures(session.reader, period).checklist]


def _shown(lines: Iterable[CheckLine]) -> list[Check]:
    return [Check(name=line.name, ok=line.ok, figure=line.figure) for line in lines]


def _answer(period: Period, closed: closing.CloseRecorded, **more: Any) -> Closed:
    """Return the last month's figures, and a row for every month."""
    months = [
        MonthClosed(
            period=getattr(recorded.event, "period", ""), position=recorded.position,
            known_position=getattr(recorded.event, "known_position", 0),
            restatements=getattr(recorded.event, "restatements", ()), **digests._asdict(),
        )
        for recorded, digests in zip(closed.events, closed.digests, strict=True)
    ]  # fmt: skip
    return Closed(
        **{**asdict(months[-1]), "period": period.name}, months=months,
        actor=closed.events[0].actor,
        open_points=[line.name for line in closed.checklist if not line.ok],
        checks=_shown(closed.checklist), **more,
    )  # fmt: skip


def _seal(session: Session) -> CheckpointKept:
    """Sign a checkpoint of the log, kept in the ledger. Raises: NoSuchThing."""
    key = read_key(session.location, None)
    with session.store.writing() as writer:
        sealed = sign(writer, (key,), origin=key.name, release=release())
    return CheckpointKept(
        number=sealed.number, origin=key.name, size=sealed.size,
        root=write_base64(sealed.root), checkpoint=sealed.note,
    )  # fmt: skip


def _lines(checks: Sequence[Check]) -> None:
    width = max(len(line.name) for line in checks)
    for line in checks:
        write(f"{'ok  ' if line.ok else 'OPEN'}  {line.name.ljust(width)}  {line.figure}")


def _page(answer: Closed) -> None:
    for month in answer.months:
        said = f"{plural(month.accounts, 'account')}, {plural(month.instances, 'instance')}"
        write(f"closed {month.period} [@{month.position}]: {said}")
        for name in ("trial_balance", "balances", "instance_states"):
            write(f"{name.replace('_', ' '):<15} {getattr(month, name)}")
        if month.restatements:
            named = " ".join(f"@{position}" for position in month.restatements)
            write(f"  restated since it was closed before: {named}")
    _lines(answer.checks)
    sealed = answer.checkpoint
    if sealed is not UNSET:
        write(f"sealed: {plural(sealed.size, 'event')}, {sealed.root}")
    if answer.pack is not UNSET:
        write(f"packed: {answer.pack}")
    elif sealed is UNSET:
        write("next: tally seal")
