"""``tally export``: the books or the log, in a format that others read."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import points
from cli.exports import FORMATS, load
from cli.options import Output, point_options, tally_command
from cli.render import write
from ledger.errors import InvalidInput
from projections.answers import point_json

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.command("export")
@click.option(
    "--format", "form", required=True, type=click.Choice(list(FORMATS)),
    help="; ".join(f"{name}: {said}" for name, (_, said) in FORMATS.items()),
)  # fmt: skip
@click.option("-o", "--output", "target", metavar="PATH", help="Write a file instead of stdout.")
@tally_command(point=True)
def command(
    session: Session, output: Output, *, form: str, target: str | None, **options: Any
) -> None:
    """Write an export at a point. The same log and point give the same bytes.

    Journals begin with the log's size and root, the point, and a hash: see tally verify-export.

    \b
    Examples:
      tally export --format beancount -o books.beancount
      tally export --format hledger --at 2025-03-31 -o q1.journal
      tally export --format hledger | hledger -f - check -s
    """
    point = points.asked(session, **point_options(options))
    session.note_what_is_due()
    if target is None:
        if not output.human:
            msg = "--json describes the file that is written"
            raise InvalidInput(msg, hint="name it with -o PATH")
        load(form).write(session, point, form=form, into=sys.stdout.buffer)
        return
    path = Path(target)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as into:
            done = load(form).write(session, point, form=form, into=into)
        size = part.stat().st_size
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    if output.human:
        write(f"wrote {os.fspath(path)}: {form}, {size} bytes, @{point.position}")
        if "sha256" in done.more:
            write("  check it with: tally verify-export")
        return
    output.object(
        {
            "schema": "tally.export/1", "format": form, "file": os.fspath(path), "bytes": size,
            "point": point_json(point, session.offset), "rows": done.rows, **done.more,
        }
    )  # fmt: skip
