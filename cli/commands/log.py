"""``tally log``: events, in the order they were recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import points
from cli.event_lines import event_line, write_graph
from cli.options import Output, account_argument, point_options, tally_command
from cli.render import flush, write
from ledger import codec
from ledger.errors import InvalidInput, NoSuchThing
from ledger.events import ACCOUNT_PREFIX, EVENT_TYPES, RecordedEvent, type_name
from ledger.policy import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cli.bootstrap import Session
    from projections.currencies import Currencies
    from projections.point import Point

_TYPES = {type_name(event_type): event_type for event_type in EVENT_TYPES}
_FOLLOW_SECONDS = 0.5


def _complete_type(_ctx: click.Context, _parameter: click.Parameter, text: str) -> list[str]:
    return [name for name in _TYPES if name.startswith(text)]


@click.command("log")
@account_argument(required=False)
@click.option("--instance", metavar="I", help="Only events of this instance.")
@click.option("--from", "start", metavar="T", help="Effective at or after T.")
@click.option("--to", "end", metavar="T", help="Effective before T.")
@click.option("--type", "types", multiple=True, shell_complete=_complete_type, metavar="TYPE",
              help="Only this type of event; repeatable.")  # fmt: skip
@click.option("--late", is_flag=True, help="Only events recorded after they were effective.")
@click.option("-n", "most", type=int, help="Only the last N.")
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
    **options: Any,
) -> None:
    """Show events, in the order they were recorded.

    \b
    Examples:
      tally log a-1 --type OverdueStarted --type OverdueCleared
      tally log --late --from 2025-03-01 --to 2025-04-01 --ndjson
      tally log a-1 --instance i-1 --follow
      tally log a-1 --graph -n 20
    """
    point = points.asked(session, **point_options(options))
    if account is not None and not session.reader.stream_bodies(ACCOUNT_PREFIX + account):
        raise session.no_account(account)
    for name in types:
        if name not in _TYPES:
            hint = did_you_mean(name, list(_TYPES)) or "see: tally log --help"
            raise InvalidInput(f"no event type {name!r}", hint=hint)
    span = _span(session, start, end)
    _check_instance(session, account, instance)
    kinds = {_TYPES[name] for name in types}
    if most is not None and most < 0:
        raise InvalidInput(f"-n {most} is no number of events", hint="give 0 or more")
    session.note_what_is_due()

    def wanted(recorded: RecordedEvent) -> bool:
        return (
            (instance is None or getattr(recorded.event, "instance", None) == instance)
            and (span[0] is None or recorded.effective_at >= span[0])
            and (span[1] is None or recorded.effective_at < span[1])
            and (not kinds or type(recorded.event) in kinds)
            and (not late or recorded.effective_at < recorded.recorded_at)
            and (point.everything or recorded.effective_at <= point.at)
        )

    currencies = session.currencies
    shown: Iterable[RecordedEvent] = filter(wanted, _events(session, account, point))
    if most is not None:
        from collections import deque  # noqa: PLC0415 - loaded when needed

        shown = iter(deque(shown, maxlen=min(most, point.position)))
    rows = (currencies.event(one) for one in shown)
    if output.form == "json":
        output.object({"schema": "tally.log/1", "rows": list(rows)})
        return
    if graph and output.human:
        write_graph(rows)
    else:
        _print(output, rows)
    if follow:
        _follow(session, output, account, point, wanted, currencies)


def _span(
    session: Session, start: str | None, end: str | None
) -> tuple[int | None, int | None]:
    """Read --from and --to. Raises: InvalidInput, where nothing can lie between them."""
    since = None if start is None else points.read_from(session, start)
    until = None if end is None else points.read_from(session, end)
    if since is not None and until is not None and since > until:
        msg = f"--from {start} lies after --to {end}"
        raise InvalidInput(msg, hint="--to is not included: give a later one")
    return since, until


def _check_instance(session: Session, account: str | None, instance: str | None) -> None:
    """Refuse an instance that no event ever named. Raises: NoSuchThing."""
    if instance is None:
        return
    reader = session.reader
    bodies = reader.bodies() if account is None else reader.stream_bodies(ACCOUNT_PREFIX + account)
    names = set()
    for recorded in codec.decode_all(bodies):
        name = getattr(recorded.event, "instance", None)
        if name == instance:
            return
        if isinstance(name, str):
            names.add(name)
    of = f" in account {account!r}" if account is not None else ""
    hint = did_you_mean(instance, sorted(names)) or "list them with: tally instances"
    raise NoSuchThing(f"no instance {instance!r}{of}", hint=hint)


def _events(session: Session, account: str | None, point: Point) -> Iterator[RecordedEvent]:
    if account is None:
        return codec.decode_all(session.reader.bodies(until=point.position))
    stream = ACCOUNT_PREFIX + account
    return codec.decode_all(session.reader.stream_bodies(stream, until_position=point.position))


def _print(output: Output, rows: Iterator[dict[str, Any]]) -> None:
    if not output.human:
        output.rows(rows)
        return
    for row in rows:
        write(event_line(row))


def _follow(
    session: Session,
    output: Output,
    account: str | None,
    point: Point,
    wanted: Any,
    currencies: Currencies,
) -> None:
    position = point.position
    while True:
        flush()
        session.reader.wait(_FOLLOW_SECONDS)
        for body in session.reader.bodies(after=position):
            recorded = codec.decode(body)
            position = recorded.position
            if account is not None and recorded.stream != ACCOUNT_PREFIX + account:
                continue
            if wanted(recorded):
                _print(output, iter([currencies.event(recorded)]))
