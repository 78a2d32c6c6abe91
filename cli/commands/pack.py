"""``tally pack``: the evidence pack of a period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import Output, tally_command
from cli.outputs import Target, kept_places, output_option
from cli.progress import Progress
from cli.render import write
from cli.trusting import key_option, log_key_of, policy_option, read_policy
from ledger.errors import InvalidInput, NoSuchThing
from ledger.proof.notes import write_base64
from ledger.proof.seals import last_seal
from ledger.quoting import plural
from projections.answers.proving import CheckpointIn, PackWritten

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from ledger.periods import Period
    from ledger.proof.seals import Seal
    from projections.evidence.pack import WrittenPack

SAMPLE_SIZE = 25


def pack_target(
    session: Session, period: Period, target: Target | None, policy_place: str | None = None
) -> Target:
    """Return where a pack goes, checked. Raises: InvalidInput."""
    if target is None:
        target = Target(f"pack-{period.name}.zip")
        target.check(kept_places(session.location, None, policy_place))
        if target.path.exists():  # evidence that somebody may have handed over already
            msg = f"{str(target)!r} exists"
            raise InvalidInput(msg, hint="name the new pack with -o; nothing was written")
    return target


def write_pack(
    session: Session, period: Period, target: Target, *,
    seed: str | None = None, sample_size: int = SAMPLE_SIZE, policy_place: str | None = None,
    key_place: str | None = None,
) -> tuple[WrittenPack, Seal, bool]:  # fmt: skip
    """Write the pack of a period as known at the last checkpoint, and say whether it is signed.

    Raises: NoSuchThing.
    """
    from projections.evidence.pack import PackTerms, make_pack  # noqa: PLC0415 - loaded when needed

    seal = last_seal(session.reader.connection)
    if seal is None:
        msg = "there is no checkpoint to bind a pack to"
        raise NoSuchThing(msg, hint="sign one with: tally seal")
    policy = read_policy(session.location, policy_place)
    origin = policy.accept(seal.note).checkpoint.origin
    key = log_key_of(session.location, key_place, policy, origin)
    terms = PackTerms(
        period, session.offset, session.config.currency, str(policy),
        seed or write_base64(seal.root), sample_size,
    )  # fmt: skip
    with Progress("pack") as progress, target.opened() as file:
        pack = make_pack(
            session.reader, seal, terms, into=file, progress=progress,
            sign=None if key is None else key.sign,
        )  # fmt: skip
    return pack, seal, key is not None


@click.command("pack")
@click.option("--period", required=True, metavar="PERIOD", help="Like 2025-03.")
@output_option("Default: pack-MONTH.zip.")
@click.option("--seed", help="Seed of the sample (default: the checkpoint's root).")
@click.option("--sample", "sample_size", metavar="N", type=click.IntRange(0, 10_000),
              default=SAMPLE_SIZE,
              show_default=True, help="Number of events to draw.")  # fmt: skip
@key_option
@policy_option
@tally_command()
def command(
    session: Session, output: Output, *, period: str, target: Target | None, seed: str | None,
    sample_size: int, policy_place: str | None, key_place: str | None,
) -> None:  # fmt: skip
    """Write a zip that an auditor verifies offline, without this program.

    It holds the log up to the last checkpoint and the reports of the period, as known there.

    \b
    Examples:
      tally pack --period 2025-03
      tally pack --period 2025-03 -o q1.zip --seed "dice: 4 2 6"
    """
    from ledger.closes import check_ended  # noqa: PLC0415 - loaded when needed
    from ledger.periods import read_period  # noqa: PLC0415 - loaded when needed

    month = read_period(period, session.offset)
    check_ended(month, now=session.now, offset=session.offset)
    target = pack_target(session, month, target, policy_place)
    pack, seal, signed = write_pack(
        session, month, target, seed=seed, sample_size=sample_size, policy_place=policy_place,
        key_place=key_place,
    )  # fmt: skip
    found = PackWritten(
        file=str(target), bytes=pack.bytes, period=month.name,
        files=len(pack.manifest["files"]) + 1 + signed,
        unsealed=session.reader.head().position - seal.size, signed=signed,
        checkpoint=CheckpointIn(**pack.manifest["checkpoint"]),
    )  # fmt: skip
    if not output.answered(found):
        _page(found)


def _page(found: PackWritten) -> None:
    write(f"wrote {found.file}: {plural(found.files, 'file')}, {found.bytes} bytes")
    write(f"  {plural(found.checkpoint.size, 'event')} of {found.checkpoint.origin}")
    if found.unsealed:
        write(f"  {plural(found.unsealed, 'event')} since the last seal left out; tally seal first")
    if not found.signed:
        write("  the log's key is not here: nobody signed the manifest, and who verifies the")
        write("  pack is told so (exit 1); name the key with --key")
    write(f"  without an installation: python3 verify.py {found.file} (it is in the zip)")
