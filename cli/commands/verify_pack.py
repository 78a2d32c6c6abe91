"""``tally verify-pack``: an evidence pack verified with our own code, without a ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.errors import BROKEN, DONE
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

    No ledger is needed and nothing is unpacked. Compare the key that it names with the
    one you were given, or give that with --trust. Leaves with 5 when it does not hold.

    \b
    Examples:
      tally verify-pack pack-2025-03.zip
      tally verify-pack pack-2025-03.zip --trust ours.policy --json
    """
    from cli.trusting import read_policy  # noqa: PLC0415 - loaded when needed
    from projections.evidence.again import judge  # noqa: PLC0415 - loaded when needed

    policy = None if policy_place is None else read_policy(session.location, policy_place)
    with Progress("verify") as progress:
        answer = judge(file, policy=policy, progress=progress)
    if not output.human:
        output.object(answer)
        return DONE if answer["ok"] else BROKEN
    for key in answer["keys"]:
        write(f"accepted key: {key}")
    for one in answer["checks"]:
        write(f"{'ok' if one['ok'] else 'NO'}  {one['name']}: {one['said']}")
    write()
    write("All holds." if answer["ok"] else "This pack does not hold.")
    if answer["ok"]:
        write("Not shown:")
        for said in answer["cannot_show"]:
            write(f"  - {said}")
    return DONE if answer["ok"] else BROKEN
