"""``tally tag``: name a point in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.groups import Commands
from cli.options import Output, tally_command
from cli.points import PointCommand
from cli.render import table, write
from ledger import clock as clocks
from ledger.errors import InvalidInput
from projections.answers.closing import Tags
from projections.history.tags import read_tags, tag_shown
from projections.pages import short

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.history.points import Point


@click.group("tag", cls=Commands)
def command() -> None:
    """Name a point in time. To close a period: tally close.

    \b
    Examples:
      tally tag add before-migration 2025-03
      tally tag list
      tally state a-1 --as-of tag:close-2025-03
      tally diff tag:close-2025-03 2025-03 --bridge
    """


@command.command("add", cls=PointCommand)
@click.argument("name")
@click.argument("named", metavar="[POINT]", required=False)
@click.option("--seal", is_flag=True, help="The older form of tally close.")
@click.option("--actor", help="Who adds it.")
@click.option("--reason", help="Why.")
@tally_command(point=True)
def add(
    session: Session, output: Output, *, name: str, named: str | None, seal: bool,
    actor: str | None, reason: str | None, when: Point | None,
) -> None:  # fmt: skip
    """Name a point (default: now).

    \b
    Examples:
      tally tag add before-the-import
      tally tag add before-migration 2025-03 --actor ops/lin
    """
    from ledger.decisions.tagging import add_tag  # noqa: PLC0415 - as above
    from ledger.events import TagAdded  # noqa: PLC0415 - recording alone needs the write side

    if session.config.clock == clocks.SYSTEM:
        session.ledger.advance()  # what is due belongs to the period that is named
    if named is not None and when is not None:
        msg = "POINT and the point options exclude each other"
        raise InvalidInput(msg, hint="choose one")
    point = session.at(named if when is None else when)
    tag = TagAdded(
        name=name, at=point.at, known_at=point.known_at, known_position=point.position,
        sealed=seal,
    )  # fmt: skip
    recorded = add_tag(session.ledger, tag, actor=actor, reason=reason)
    written = tag_shown(read_tags(session.reader)[name], session.offset)
    if not output.answered(written):
        sealed = "sealed" if seal else "tagged"
        at = short(written.point.at)
        write(f"{sealed} {name}: at {at} · @{point.position} [@{recorded.position}]")
        write(f"  see it with: tally state ACCOUNT --as-of tag:{name}")


@command.command("list")
@tally_command(rows=True)
def list_(session: Session, output: Output) -> None:
    """List the tags, in the order in which they were added.

    \b
    Examples:
      tally tag list
      tally tag list --csv
    """
    found = Tags(
        rows=[tag_shown(tag, session.offset) for tag in read_tags(session.reader).values()]
    )
    if output.answered(found):
        return
    if found.rows:
        table(
            ("tag", "at", "known", "sealed", "added by"),
            [(row.name, row.point.at, f"@{row.point.position}", row.sealed, row.actor)
             for row in found.rows],
        )  # fmt: skip
    else:
        write("no tags; add one with: tally tag add NAME [POINT] [--seal]")
