"""``tally projections``: the stored views, and rebuilding them beside the live ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.errors import DONE, FOUND
from cli.groups import Commands
from cli.options import Output, tally_command
from cli.progress import Progress
from cli.render import point_line, table, write
from ledger.errors import NoSuchThing
from ledger.policy import did_you_mean
from projections.answers.keeping import Rebuilt, ViewList, ViewListed, view_difference
from projections.projection import VIEWS
from projections.runner import Views
from projections.stored import PROJECTIONS

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from projections.history.points import Point

_NAMES = [projection.name for projection in PROJECTIONS]


def _complete_name(_ctx: click.Context, _parameter: click.Parameter, text: str) -> list[str]:
    return [name for name in VIEWS.names() if name.startswith(text)]


@click.group("projections", cls=Commands)
def command() -> None:
    """List, check or rebuild the stored views.

    \b
    Examples:
      tally projections status
      tally projections rebuild
      tally projections rebuild balances --shadow
    """


@command.command("list")
@tally_command(rows=True)
def list_(_session: Session, output: Output) -> None:
    """List the views, their versions and columns.

    \b
    Example:
      tally projections list
    """
    found = ViewList(rows=[
        ViewListed(name=one.name, version=one.version, columns=[name for name, _ in one.columns])
        for one in PROJECTIONS
    ])  # fmt: skip
    if not output.answered(found):
        rows = [(one.name, one.version, f"{len(one.columns)} columns") for one in PROJECTIONS]
        table(("view", "version", "columns"), rows)


@command.command("show")
@click.argument("name", shell_complete=_complete_name)
@tally_command(rows=True, point=True)
def show(session: Session, output: Output, *, name: str, when: Point | None) -> None:
    """Show a view's rows at a point, folded from events.

    A view of an installed package has a name too. Amounts are minor units,
    instants microseconds since 1970.

    \b
    Examples:
      tally projections show bills --at 2025-03-31
      tally projections show overdue --csv
    """
    answer = session.rows(name, session.at(when))
    if not output.answered(answer):
        write(point_line(answer.point))
        table(answer.columns, [[row[column] for column in answer.columns] for row in answer.rows])


@command.command("status", short_help="Show how far each view has read the log.")
@tally_command(rows=True)
def status(session: Session, output: Output) -> int:
    """Show how far each view has read the log; exit 1 if one cannot be trusted.

    \b
    Examples:
      tally projections status
      tally projections status --json
    """
    views = Views(session.reader).status()
    found = ViewList(rows=[ViewListed(**view._asdict()) for view in views])
    if not output.answered(found):
        table(
            ("view", "version", "position", "lag", "state"),
            [(view.name, view.version, view.position, view.lag, view.state) for view in views],
        )
    return FOUND if any(view.state in ("foreign", "outdated") for view in views) else DONE


@command.command("rebuild", short_help="Build views again beside the live ones, and swap.")
@click.argument("name", required=False, shell_complete=_complete_name)
@click.option("--shadow", is_flag=True, help="Build and compare only; keep the live view.")
@tally_command()
def rebuild(session: Session, output: Output, *, name: str | None, shadow: bool) -> int:
    """Build views beside the live ones from the whole log, compare, swap.

    The live views stay in use meanwhile; an interrupted rebuild continues where it stopped.
    Exits with status 1 if a live view differed.

    \b
    Examples:
      tally projections rebuild
      tally projections rebuild balances --shadow
    """
    if name is not None and name not in _NAMES:
        raise NoSuchThing(
            f"no view {name!r}", hint=did_you_mean(name, _NAMES) or "views: " + " ".join(_NAMES)
        )
    views = Views(session.store.reader, session.store)
    with Progress("rebuild") as progress:
        difference = views.rebuild(name, shadow=shadow, progress=progress)
    names = _NAMES if name is None else [name]
    answer = Rebuilt(
        views=names, shadow=shadow, equal=difference is None,
        first_difference=view_difference(difference),
    )  # fmt: skip
    if not output.answered(answer):
        write(f"{'compared' if shadow else 'rebuilt and swapped'}: {', '.join(names)}")
        if difference is not None:
            write(f"view {difference.view} had drifted, first at account {difference.account}")
    return DONE if difference is None else FOUND
