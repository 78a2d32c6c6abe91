"""What every report shares: an optional account, a point, a span, and ``-o FILE``.

Invariant: with ``-o`` the file is written whole or not at all, and holds to the byte what stdout
would have shown.
"""

from __future__ import annotations

import functools
import shlex
import sys
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from msgspec import UNSET, UnsetType

from cli import points
from cli.options import Output, account_argument, point_options, tally_command
from cli.outputs import output_option
from cli.render import WIDTH, note, point_line, table, write
from cli.restatements import restated_line, say_restated
from ledger.errors import InvalidInput
from ledger.periods import format_instant, read_period
from ledger.proof.nodes import Nodes
from ledger.proof.notes import write_base64
from projections.answers.terms import Instant, Restated
from projections.history.restated import MOVES
from projections.html.page import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.bootstrap import Session
    from ledger.periods import Period
    from projections.point import Point


class Sheet(NamedTuple):
    """A table of a report: its first ``text`` columns are words, the others figures."""

    header: list[str]
    rows: list[list[str]]
    text: int


class Span(NamedTuple):
    """What a report is about: up to a point, from an instant or from the beginning."""

    point: Point
    starts: int | None
    restated: Restated | UnsetType = UNSET

    def since(self, offset: int) -> Instant | None:
        """Return from when, as answers hold it."""
        return None if self.starts is None else Instant.at(self.starts, offset)


def report_command(
    name: str, *, account: bool | None = False, span: bool = False,
    argument: tuple[str, str] | None = None,
) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a report a click command: ACCOUNT [POINT] --json|--ndjson|--csv|--html [-o FILE].

    The body is called with the account (None for all) and the span that is asked for. ``account``
    says whether one must be named; None where a report is about no account. ``argument`` is
    another one (its name here and as it is shown), which the body is called with too.
    """

    def decorate(body: Callable[..., int | None]) -> click.Command:
        @functools.wraps(body)
        def run(session: Session, output: Output, **options: Any) -> int | None:
            target = options.pop("target")
            if options.pop("as_html", False):
                output = as_page(output)
            who = options.pop("account", None)
            asked = _span(session, options)
            if who is not None:
                session.state(who, asked.point)
            if name in MOVES:
                asked = asked._replace(restated=session.restated(name, asked.point, who))
            session.note_what_is_due()
            if target is None:
                return body(session, output, who, asked, **options)
            page = StringIO()
            with redirect_stdout(page):
                code = body(session, output, who, asked, **options)
            target.write(page.getvalue())
            note(f"wrote {target}")
            return code

        made = tally_command(rows=True, point=True)(run)
        made = output_option("Write a file instead of stdout.")(made)
        made = click.option("--html", "as_html", is_flag=True,
                            help="One page that needs no network.")(made)  # fmt: skip
        for option in reversed(_span_options() if span else []):
            made = option(made)
        return click.command(name)(_arguments(made, account, argument))

    return decorate


def _arguments(
    made: Callable[..., None], account: bool | None, argument: tuple[str, str] | None  # noqa: FBT001 - as report_command takes it
) -> Callable[..., None]:
    if account is not None:
        made = account_argument(required=account)(made)
    if argument is not None:
        made = click.argument(argument[0], metavar=argument[1])(made)
    return made


def as_page(output: Output) -> Output:
    """Return the form of a page. Raises: InvalidInput where another form is asked for too."""
    if not output.human:
        raise InvalidInput(f"--html and --{output.form} exclude each other", hint="choose one")
    return Output("html")


def source(
    title: str, session: Session, span: Span, account: str | None, *more: str
) -> Source:
    """Return what a page is made of: a command that makes the same page again, the point, the root.

    ``more`` are options of the report's own.
    """
    offset, point = session.offset, span.point
    at, known_at = (format_instant(one, offset) for one in (point.at, point.known_at))
    named = [] if account is None else [shlex.quote(account)]
    ahead, behind = ([], ["--", *named]) if account and account.startswith("-") else (named, [])
    words = ["tally", "report", title, *ahead]
    if span.starts is not None:
        words += ["--from", format_instant(span.starts, offset)]
    words += ["--at", at, "--known-at", known_at]
    exact = session.reader.position_known_at(point.known_at) == point.position
    # What is recorded later in the same second must not change a page of a closed period (R64).
    if span.restated is not UNSET or not exact:
        words += ["--position", str(point.position)]
    words += [*more, "--html", *behind]
    root = write_base64(Nodes(session.reader.connection).root(point.position))
    said = restated_line(span.restated) if span.restated is not UNSET else None
    return Source(" ".join(words), at, known_at, point.position, root, said)


def _span_options() -> list[Callable[[Any], Any]]:
    return [
        click.option("--period", metavar="PERIOD", help="A month, like 2025-03."),
        click.option("--from", "starts", metavar="T", help="From T on; a date is its beginning."),
    ]


def _span(session: Session, options: dict[str, Any]) -> Span:
    given = point_options(options)
    period, starts = options.pop("period", None), options.pop("starts", None)
    if period is not None:
        if starts is not None or given["at"] is not None or given["as_of"] is not None:
            msg = "--period already sets the beginning and the end"
            raise InvalidInput(msg, hint="omit --from, --at and --as-of")
        month = read_period(period, session.offset)
        given["at"] = format_instant(_end_of(month, session), session.offset)
        return Span(points.asked(session, **given), month.starts)
    point = points.asked(session, **given)
    since = None if starts is None else session.instant(starts)
    if since is not None and since > point.at:
        msg = f"--from {starts} lies after the point"
        raise InvalidInput(msg, hint="give --from an instant before --at")
    return Span(point, since)


def _end_of(month: Period, session: Session) -> int:
    """A month that is not over is shown up to now."""
    return min(month.last, session.now) if month.starts <= session.now else month.last


def heading(title: str, session: Session, span: Span, account: str | None = None) -> None:
    """Print what the page is and at which point it holds."""
    write(title if account is None else f"{title} of {account}")
    if span.starts is not None:
        write(f"from {format_instant(span.starts, session.offset)[:19].replace('T', ' ')}")
    write(point_line(session.shown(span.point)))
    say_restated(span.restated, human=True, gap=False)
    write()


def show(
    output: Output, session: Session, span: Span, account: str | None, parts: list[Sheet | str],
    *, name: str, title: str, more: tuple[str, ...] = (),
) -> None:  # fmt: skip
    """Print the parts of a report for a person, or write them as a page."""
    if output.form == "html":
        from projections.html.sheets import sheets_page  # noqa: PLC0415 - for --html alone

        named = title.capitalize() if account is None else f"{title.capitalize()} of {account}"
        since = "" if span.starts is None else format_instant(span.starts, session.offset)
        made = source(name, session, span, account, *more)
        sys.stdout.write(sheets_page(named, since, parts, made))
        return
    heading(title, session, span, account)
    for place, part in enumerate(parts):
        if place and not (isinstance(part, str) and isinstance(parts[place - 1], str)):
            write()
        if isinstance(part, str):
            write(part)
        else:
            table(part.header, part.rows, words=part.text, page=WIDTH)
