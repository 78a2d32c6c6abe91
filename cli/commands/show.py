"""``tally show``: one event whole: what, why, what followed, what it changed, its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.event_lines import origin_of
from cli.options import Output, tally_command
from cli.render import strong, write
from cli.trees import flow_lines
from projections.pages import cell, short

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.answers.events import Show


@click.command("show")
@click.argument("position")
@tally_command()
def command(session: Session, output: Output, position: str) -> None:
    """Show one event: payload, cause, effects, hash of its bytes, state before and after.

    \b
    Examples:
      tally show 17
      tally show @17 --json
    """
    answer = session.show(position)
    if not output.answered(answer):
        page(answer)


def page(answer: Show) -> None:
    """Write an event as a page."""
    write(strong(f"@{answer.position} {answer.type}  {answer.account or ''}"))
    write(f"  effective {short(answer.effective_at)} · recorded {short(answer.recorded_at)}")
    actor = f" by {answer.actor}" if answer.actor else ""
    why = f", because {answer.reason}" if answer.reason else ""
    write(f"  from {origin_of(answer)}{actor}{why}")
    for name, content in answer.data.items():
        if content not in (None, [], ()):
            write(f"    {name:<20} {cell(content)}")
    if answer.caused_by:
        write(f"  caused by @{answer.caused_by.position} {answer.caused_by.type}")
    for effect in answer.effects:
        write(f"  led to @{effect.position} {effect.type}")
    for change in answer.changes:
        write(f"  {change.field}: {cell(change.before)} -> {cell(change.after)}")
    for said, parts in flow_lines(answer):
        write(f"  {said} {parts}")
    write(f"  stored as {answer.stored.type}, {answer.stored.bytes} bytes")
    write(f"  sha256 {answer.stored.sha256}")
