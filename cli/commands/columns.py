"""``tally columns``: the log as typed Parquet segments beside the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.errors import DONE, FOUND
from cli.groups import Commands
from cli.options import Output, tally_command
from cli.progress import Progress
from cli.render import table, write
from ledger.quoting import plural
from projections.answers.keeping import ColumnsShown, SegmentShown
from projections.columns.segments import MISSING, TRUSTED, Columns

if TYPE_CHECKING:
    from cli.bootstrap import Session


@click.group("columns", cls=Commands)
def command() -> None:
    """Copy the log into columns, for questions about the whole ledger.

    They are built from the log, and used only while they match it; deleting them
    loses nothing. Read commands for past points use them automatically.

    \b
    Examples:
      tally columns build
      tally columns status --json
      tally balances --as-of 2025-03-31
      tally columns drop
    """


@command.command("build", short_help="Copy new events into the columns.")
@tally_command()
def build(session: Session, output: Output) -> None:
    """Copy new events into the columns, or all events if the columns are of another log.

    \b
    Example:
      tally columns build
    """
    columns = Columns(session.reader)
    with Progress("columns") as progress:
        copied = columns.build(progress)
    _answer(columns, output, done="built", events=copied)


@command.command("status", short_help="Show and check the columns.")
@tally_command()
def status(session: Session, output: Output) -> int:
    """Show the state of the columns, every hash checked; exit 1 if they are not trusted.

    \b
    Examples:
      tally columns status
      tally columns status --json
    """
    return _answer(Columns(session.reader), output, done="status")


@command.command("drop")
@tally_command()
def drop(session: Session, output: Output) -> None:
    """Delete the columns; the log keeps everything.

    \b
    Example:
      tally columns drop
    """
    columns = Columns(session.reader)
    _answer(columns, output, done="dropped", freed=columns.drop())


def _answer(
    columns: Columns, output: Output, *, done: str, events: int = 0, freed: int = 0
) -> int:
    standing = columns.standing(whole=True)
    found = ColumnsShown(
        done=done, state=standing.state, position=standing.position, lag=standing.lag,
        events=events, bytes=freed or sum(segment.bytes for segment in standing.segments),
        folder=str(columns.folder), said=standing.said,
        segments=[
            SegmentShown(
                file=one.lines.file, first=one.first, last=one.last, rows=one.lines.rows,
                bytes=one.bytes, sha256=one.lines.sha256, root=one.root,
            )
            for one in standing.segments
        ],
    )  # fmt: skip
    if not output.answered(found):
        _page(found)
    return DONE if standing.state in (*TRUSTED, MISSING) else FOUND


def _page(found: ColumnsShown) -> None:
    if found.done == "built":
        write(f"copied {plural(found.events, 'event')}")
    if found.done == "dropped":
        write(f"dropped, {found.bytes} bytes freed")
    else:
        rows = [(one.first, one.last, one.rows, one.bytes) for one in found.segments]
        table(("first", "last", "rows", "bytes"), rows)
    said = f": {found.said}" if found.said else ""
    write(f"{found.state}{said}; up to @{found.position}, {found.lag} behind")
