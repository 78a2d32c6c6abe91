"""``tally verify-pack``: an evidence pack verified with our own code, without a ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.errors import BROKEN, DONE, FOUND
from cli.groups import Renamed
from cli.options import Output, tally_command
from cli.progress import Progress
from cli.render import write

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.command("verify-pack")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--trust", "policy_place", cls=Renamed, old=("--policy",), metavar="FILE",
              help="Accept these keys, not those that the pack names itself.")  # fmt: skip
@tally_command()
def command(session: Session, output: Output, *, file: Path, policy_place: str | None) -> int:
    """Verify an evidence pack as its own verify.py does, by making it again from its events.

    No ledger is needed and nothing is unpacked. Compare the printed key with the one you
    were given, or pass yours with --trust. Exits with 5 when the pack fails, with 1 when
    only the signature of the manifest is missing.

    \b
    Examples:
      tally verify-pack pack-2025-03.zip
      tally verify-pack pack-2025-03.zip --trust ours.policy --json
    """
    from cli.trusting import read_policy  # noqa: PLC0415 - loaded when needed
    from projections.evidence.again import (  # noqa: PLC0415 - loaded when needed
        MANIFEST_SIGNED,
        verify_pack,
    )

    policy = None if policy_place is None else read_policy(session.location, policy_place)
    with Progress("verify") as progress:
        answer = verify_pack(file, policy=policy, progress=progress)
    bad = [check.name for check in answer.checks if not check.ok]
    unsigned = bad == [MANIFEST_SIGNED] and answer.signed is False
    code = DONE if answer.ok else FOUND if unsigned else BROKEN
    if output.answered(answer):
        return code
    for key in answer.keys:
        write(f"accepted key: {key}")
    for one in answer.checks:
        write(f"{'ok' if one.ok else 'NO'}  {one.name}: {one.said}")
    write()
    if code == BROKEN:
        write("This pack does not hold.")
        return code
    write("All holds but the manifest's signature." if unsigned else "All holds.")
    write("Not shown:")
    for said in answer.cannot_show:
        write(f"  - {said}")
    return code
