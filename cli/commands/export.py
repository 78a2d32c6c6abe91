"""``tally export``: the books or the log, in a format that others read."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from cli.groups import Registered
from cli.options import Output, tally_command
from cli.outputs import output_option
from cli.progress import Progress
from cli.render import write
from ledger.errors import InvalidInput
from projections.answers.keeping import Exported
from projections.exports import EXPORTS, write_export

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.outputs import Target
    from projections.exports import Export, Pieces
    from projections.history.points import Point

EDITIONS = ("1.2", "1.3")


@click.command("export")
@click.option(
    "--format", "form", required=True, type=Registered(EXPORTS.own, EXPORTS), metavar="FORMAT",
    help="; ".join(f"{name}: {one.said}" for name, one in EXPORTS.own.items()),
)  # fmt: skip
@output_option("Write a file instead of stdout.")
@click.option("--ndjson", "as_ndjson", is_flag=True, help="events: one JSON object a line.")
@click.option("--parquet", "as_parquet", is_flag=True, help="focus: Parquet in place of CSV.")
@click.option(
    "--focus-version", type=click.Choice(EDITIONS), help="focus: the edition (default: 1.2)."
)
@tally_command(point=True)
def command(
    session: Session, output: Output, *, form: str, target: Target | None, when: Point | None,
    **options: Any,
) -> None:
    """Write an export at a point. The same log and point give the same bytes.

    Journals begin with the log's size and root, the point, and a hash: see tally verify-export.

    \b
    Examples:
      tally export --format beancount -o books.beancount
      tally export --format hledger --at 2025-03-31 -o q1.journal
      tally export --format hledger | hledger -f - check -s
      tally export --format events --ndjson --position 1000 -o log.ndjson
      tally export --format focus --as-of 2025-03-31 -o march.csv
    """
    version = options.pop("focus_version") or ""
    if version and form != "focus":
        raise InvalidInput("--focus-version applies only to --format focus")
    export = EXPORTS.load(form)
    pieces = _pieces(form, export, options)
    point = session.at(when)
    session.note_what_is_due()
    if target is None and not output.human:
        msg = "--json describes the file that is written"
        raise InvalidInput(msg, hint="name it with -o PATH")
    with Progress("export") as progress:
        write_to = partial(
            write_export, session, pieces, point, version=version, progress=progress
        )
        if target is None:
            write_to(sys.stdout.buffer)
            return
        with target.opened() as file:
            done = write_to(file)
    if output.human:
        write(f"wrote {target}: {form}, {done.bytes} bytes, @{point.position}")
        if export.headed:
            write("  check it with: tally verify-export")
        return
    output.object(
        Exported(
            format=form, file=str(target), bytes=done.bytes, point=session.shown(point),
            rows=done.rows, size=point.position, root=session.root(point.position),
            sha256=done.sha256,
        )
    )  # fmt: skip


def _pieces(form: str, export: Export, options: dict[str, Any]) -> Pieces:
    """Return the writer that is asked for. Raises: InvalidInput."""
    asked = [name for name in ("ndjson", "parquet") if options.pop(f"as_{name}")]
    if len(asked) > 1:
        raise InvalidInput("--ndjson and --parquet exclude each other", hint="choose one")
    name = "".join(asked)
    if name and name not in export.spelled:
        takes = [one for one in EXPORTS.own if name in EXPORTS.load(one).spelled]
        raise InvalidInput(
            f"--{name} cannot be combined with --format {form}",
            hint=f"use it with --format {', '.join(takes)}",
        )
    return export.spelled.get(name, export.pieces)
