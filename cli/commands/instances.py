"""``tally instances``: every instance's state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from cli.options import Output, engine_option, tally_command
from cli.render import point_line, table, write
from cli.restatements import say_restated
from projections.answers.state import InstanceRow, InstanceState
from projections.history.points import read_start

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.history.points import Point



@click.command("instances")
@click.option("--state", type=click.Choice(get_args(InstanceState)),
              help="Only instances in this state.")  # fmt: skip
@click.option("--expiring-before", metavar="T", help="Only terms that end before T.")
@engine_option
@tally_command(rows=True, point=True)
def command(
    session: Session,
    output: Output,
    *,
    state: str | None,
    expiring_before: str | None,
    engine: str | None,
    when: Point | None,
) -> None:
    """Show every instance's state, one row each.

    \b
    Examples:
      tally instances --state stopped_overdue
      tally instances --expiring-before 2025-07-01
      tally instances --as-of 2025-03-31 --ndjson
    """
    point = session.at(when)
    before = None
    if expiring_before is not None:
        before = read_start(expiring_before, session.offset)
    session.note_what_is_due()
    wanted: dict[str, Any] = {"state": state, "before": before}
    if output.form in ("ndjson", "csv"):  # a row at a time
        derivation = session.derivation(point, engine)
        restated = session.restated("instances", point)
        found = session.each_instance(point, derivation, **wanted)
        output.rows(found, like=InstanceRow, restated=restated)
        return
    answer = session.instances(point, engine=engine, **wanted)
    if output.answered(answer):
        return
    write(point_line(answer.point))
    table(
        ("account", "instance", "kind", "state", "expires", "releases"),
        [
            (row.account, row.instance, row.kind, row.state, row.expires_at, row.releases_at)
            for row in answer.rows
        ],
    )
    say_restated(answer.restated)
