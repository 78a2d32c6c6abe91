"""``tally log``: events, in the order they were recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.event_lines import event_line, write_graph
from cli.options import Output, account_argument, tally_command
from cli.render import flush, write
from ledger import codec
from ledger.errors import InvalidInput
from ledger.events import ACCOUNT_PREFIX
from projections.answers.events import Event, Log
from projections.selecting import TYPES, Wanted, kinds_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.bootstrap import Session
    from projections.point import Point
    from projections.view import When

_FOLLOW_SECONDS = 0.5


def _complete_type(_ctx: click.Context, _parameter: click.Parameter, text: str) -> list[str]:
    return [name for name in TYPES if name.startswith(text)]


@click.command("log")
@account_argument(required=False)
@click.option("--instance", metavar="I", help="Only events of this instance.")
@click.option("--from", "start", metavar="T", help="Effective at or after T.")
@click.option("--to", "end", metavar="T", help="Effective before T.")
@click.option("--type", "types", multiple=True, shell_complete=_complete_type, metavar="TYPE",
              help="Only this type of event; repeatable.")  # fmt: skip
@click.option("--late", is_flag=True, help="Only events recorded after they were effective.")
@click.option("-n", "most", type=click.IntRange(min=0), metavar="N", help="Only the last N.")
@click.option("--follow", is_flag=True, help="Keep printing new events.")
@click.option("--graph", is_flag=True, help="Each event under its cause, with who asked for it.")
@tally_command(rows=True, point=True)
def command(  # noqa: PLR0913 - one option a parameter
    session: Session,
    output: Output,
    *,
    account: str | None,
    instance: str | None,
    start: str | None,
    end: str | None,
    types: tuple[str, ...],
    late: bool,
    most: int | None,
    follow: bool,
    graph: bool,
    when: When,
) -> None:
    """Show events, in the order they were recorded.

    \b
    Examples:
      tally log a-1 --type OverdueStarted --type OverdueCleared
      tally log --late --from 2025-03-01 --to 2025-04-01 --ndjson
      tally log a-1 --instance i-1 --follow
      tally log a-1 --graph -n 20
    """
    point = session.at(when)
    span = _span(session, start, end)
    wanted = Wanted(account, instance, *span, kinds_of(types), late)
    session.require(wanted)
    if most is not None and most < 0:
        raise InvalidInput(f"-n {most} is not a number of events", hint="give 0 or more")
    session.note_what_is_due()

    rows = map(session.currencies.event, wanted.events(session.reader, point, last=most))
    if output.form == "json":
        output.object(Log(rows=list(rows)))
        return
    if graph and output.human:
        write_graph(rows)
    else:
        _print(output, rows)
    if follow:
        _follow(session, output, point, wanted)


def _span(
    session: Session, start: str | None, end: str | None
) -> tuple[int | None, int | None]:
    """Read --from and --to. Raises: InvalidInput, where nothing can lie between them."""
    since = None if start is None else session.instant(start)
    until = None if end is None else session.instant(end)
    if since is not None and until is not None and since > until:
        msg = f"--from {start} lies after --to {end}"
        raise InvalidInput(msg, hint="--to is exclusive: give a later instant")
    return since, until


def _print(output: Output, rows: Iterable[Event]) -> None:
    if not output.human:
        output.rows(rows, like=Event)
        return
    for row in rows:
        write(event_line(row))


def _follow(session: Session, output: Output, point: Point, wanted: Wanted) -> None:
    position = point.position
    while True:
        flush()
        session.reader.wait(_FOLLOW_SECONDS)
        for body in session.reader.bodies(after=position):
            recorded = codec.decode(body)
            position = recorded.position
            account = wanted.account
            if account is not None and recorded.stream != ACCOUNT_PREFIX + account:
                continue
            if wanted.takes(recorded, point):
                _print(output, [session.currencies.event(recorded)])
