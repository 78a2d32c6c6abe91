"""``tally export``: the books or the log, in a format that others read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import click

from cli import points
from cli.exports import FORMATS, JOURNALS, Choice, load
from cli.groups import Registered
from cli.options import Output, point_options, tally_command
from cli.outputs import output_option
from cli.render import write
from ledger.errors import InvalidInput
from projections.answers.keeping import Exported
from projections.exports import EXPORTS

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.outputs import Target

EDITIONS = ("1.2", "1.3")


@click.command("export")
@click.option(
    "--format", "form", required=True, type=Registered(FORMATS, EXPORTS), metavar="FORMAT",
    help="; ".join(f"{name}: {said}" for name, said in FORMATS.items()),
)  # fmt: skip
@output_option("Write a file instead of stdout.")
@click.option("--ndjson", "as_ndjson", is_flag=True, help="events: one JSON object a line.")
@click.option("--parquet", "as_parquet", is_flag=True, help="focus: Parquet in place of CSV.")
@click.option(
    "--focus-version", type=click.Choice(EDITIONS), help="focus: the edition (default: 1.2)."
)
@tally_command(point=True)
def command(
    session: Session, output: Output, *, form: str, target: Target | None, **options: Any
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
    choice = _choice(form, options)
    point = points.asked(session, **point_options(options))
    session.note_what_is_due()
    if target is None:
        if not output.human:
            msg = "--json describes the file that is written"
            raise InvalidInput(msg, hint="name it with -o PATH")
        load(form).write(session, point, form=form, into=sys.stdout.buffer, choice=choice)
        return
    with target.opened() as file:
        into = Counted(file)
        done = load(form).write(session, point, form=form, into=into, choice=choice)
    if output.human:
        write(f"wrote {target}: {form}, {into.size} bytes, @{point.position}")
        if form in JOURNALS:
            write("  check it with: tally verify-export")
        return
    output.object(
        Exported(
            format=form, file=str(target), bytes=into.size,
            point=session.shown(point), rows=done.rows, **cast("Any", done.more),
        )
    )  # fmt: skip


class Counted:
    """Passes an export on and counts its bytes."""

    def __init__(self, file: BinaryIO) -> None:
        """Write into a file."""
        self._file = file
        self.size = 0

    def write(self, piece: bytes, /) -> object:
        """Write the next bytes."""
        self.size += len(piece)
        return self._file.write(piece)


def _choice(form: str, options: dict[str, Any]) -> Choice:
    """Read how a format is to be written. Raises: InvalidInput."""
    asked = [name for name in ("ndjson", "parquet") if options.pop(f"as_{name}")]
    version = options.pop("focus_version")
    if len(asked) > 1:
        raise InvalidInput("--ndjson and --parquet exclude each other", hint="choose one")
    if version and form != "focus":
        raise InvalidInput("--focus-version applies only to --format focus")
    return Choice("".join(asked), version or "")
