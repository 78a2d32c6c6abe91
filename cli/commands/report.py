"""``tally report``: pages that are read off the books, each command made of what its report says.

Invariant: with ``-o`` the file is written whole or not at all, and holds to the byte what stdout
would have shown. This module must not know any report.
"""

from __future__ import annotations

import shlex
import sys
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from msgspec import UNSET

from cli.errors import DONE, FOUND
from cli.groups import Commands
from cli.options import Output, account_argument, engine_option, tally_command
from cli.outputs import output_option, printed
from cli.pages import as_page, source_of
from cli.progress import Progress
from cli.render import point_line, write, write_page
from cli.restatements import say_restated
from ledger.errors import InvalidInput
from ledger.periods import format_instant, read_period
from projections.history.points import Point
from projections.pages import page_of
from projections.reports import REPORTS, Question, Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from msgspec import UnsetType

    from cli.bootstrap import Session
    from projections.answers.terms import Answer, Restated
    from projections.html.page import Source


def _sections() -> dict[str, dict[str, str]]:
    others = {name: REPORTS.said(name) for name in REPORTS.others()}
    ours = {name: one.said for name, one in REPORTS.own.items()}
    return {"Reports": ours, **({"Of installed packages": others} if others else {})}


def _load(name: str) -> click.Command | None:
    return command_of(name, REPORTS.load(name)) if name in REPORTS else None


@click.group("report", cls=Commands, noun="report", sections=_sections, load=_load)
def command() -> None:
    """Print a report: a page, --json, --ndjson, --csv or --html, on stdout or -o to a file.

    \b
    Examples:
      tally report trial-balance --at 2025-03-31
      tally report statement a-1 --period 2025-03
      tally report overdue --csv -o overdue.csv
      tally report timeline a-1 --html -o a-1.html
    """


def command_of(name: str, report: Report) -> click.Command:
    """Make a command: [ARGUMENT] [ACCOUNT] [POINT] --json|--ndjson|--csv|--html [-o FILE]."""

    def run(session: Session, output: Output, **options: Any) -> int:
        target = options.pop("target")
        if options.pop("as_html"):
            output = as_page(output)
        question = _question(session, options)
        if question.account is not None:
            session.state(question.account, question.point)  # or say that there is none
        session.note_what_is_due()
        asked = _Asked(session, name, report, question)
        return printed(target, lambda: asked.print(output))

    made: Any = run
    for option in reversed(_of_its_own(report)):
        made = option(made)
    made = tally_command(rows=True, point=True)(made)
    for option in reversed(_of_reports(report)):
        made = option(made)
    said = [cleandoc(report.said)]
    if report.examples:
        said.append("\n  ".join(("\b\nExamples:", *report.examples)))
    return click.command(name, help="\n\n".join(said))(made)


def _of_its_own(report: Report) -> list[Callable[[Any], Any]]:
    return [
        engine_option if one.kind == "engine"
        else click.option(
            one.spelled or f"--{one.name}", one.name, is_flag=one.kind == "flag", help=one.said
        )
        for one in report.options if one.kind != "argument"
    ]  # fmt: skip


def _of_reports(report: Report) -> list[Callable[[Any], Any]]:
    made = [
        click.argument(option.name, metavar=option.spelled or None)
        for option in report.options if option.kind == "argument"
    ]  # fmt: skip
    if report.account != "none":
        made.append(account_argument(required=report.account == "required"))
    if report.span:
        made += [
            click.option("--period", "month", metavar="PERIOD", help="A month, like 2025-03."),
            click.option(
                "--from", "starts", metavar="T", help="From T on; a date is its beginning."
            ),
        ]
    return [
        *made,
        click.option("--html", "as_html", is_flag=True, help="One page that needs no network."),
        output_option("Write a file instead of stdout."),
    ]


def _question(session: Session, options: dict[str, Any]) -> Question:
    """Read what is asked; what is left of the options is the report's. Raises: InvalidInput."""
    when: Point = options.pop("when") or Point()
    account, starts = options.pop("account", None), options.pop("starts", None)
    month = options.pop("month", None)
    if month is not None:
        if starts is not None or when.at is not None or when.as_of is not None:
            msg = "--period already sets the beginning and the end"
            raise InvalidInput(msg, hint="omit --from, --at and --as-of")
        period = read_period(month, session.offset)
        # A month that is not over is shown up to now.
        last = min(period.last, session.now) if period.starts <= session.now else period.last
        point = session.at(when._replace(at=format_instant(last, session.offset)))
        return Question(point, account, period.starts, options=options)
    point = session.at(when)
    since = None if starts is None else session.instant(starts)
    if since is not None and since > point.at:
        msg = f"--from {starts} lies after the point"
        raise InvalidInput(msg, hint="give --from an instant before --at")
    return Question(point, account, since, options=options)


class _Asked(NamedTuple):
    """A report that is asked for."""

    session: Session
    name: str
    report: Report
    question: Question

    def print(self, output: Output) -> int:
        """Print it in a form; return the exit code."""
        session, report, question = self.session, self.report, self.question
        flat, drawn = report.flat, report.drawn
        if drawn is not None and output.form == "html":
            sys.stdout.write(drawn(session, question, self._made_of(self._restated())))
            return DONE
        if flat is not None and output.form in flat.forms:
            rows = flat.rows(session, question)
            output.rows(rows, like=flat.columns, restated=self._restated())
            return DONE
        with Progress("books") as progress:
            found = report.figures(session, question._replace(progress=progress))
        if output.form == "html" or not output.answered(found, report.rows):
            self._show(output, found)
        return FOUND if report.holds and not getattr(found, report.holds) else DONE

    def _restated(self) -> Restated | UnsetType:
        return self.session.restated(self.name, self.question.point, self.question.account)

    def _show(self, output: Output, found: Answer) -> None:
        session, name, report, question = self
        page = report.page(found) if report.page else page_of(getattr(found, "rows", ()))
        restated: Restated | UnsetType = getattr(found, "restated", UNSET)
        title, about = report.title or name, question.account or " ".join(self._arguments())
        of = f" of {about}" if about else ""
        since = "" if question.starts is None else format_instant(question.starts, session.offset)
        if output.form == "html":
            from projections.html.sheets import sheets_page  # noqa: PLC0415 - for --html alone

            made = self._made_of(restated)
            sys.stdout.write(sheets_page(title.capitalize() + of, since, page, made))
            return
        write(title + of)
        if since:
            write(f"from {since[:19].replace('T', ' ')}")
        write(point_line(session.shown(question.point)))
        say_restated(restated, gap=False)
        write()
        write_page(page)

    def _arguments(self) -> list[str]:
        given = self.question.options
        return [str(given[one.name]) for one in self.report.options if one.kind == "argument"]

    def _made_of(self, restated: Restated | UnsetType) -> Source:
        """Return what a page is made of: the command that makes it again, the point, the root."""
        session, name, report, question = self
        point, account = question.point, question.account
        named = [] if account is None else [shlex.quote(account)]
        hidden = account is not None and account.startswith("-")  # it would be an option
        words = ["tally", "report", name, *map(shlex.quote, self._arguments())]
        words += [] if hidden else named
        if question.starts is not None:
            words += ["--from", format_instant(question.starts, session.offset)]
        exact = session.reader.position_known_at(point.known_at) == point.position
        # What is recorded later in the same second must not change a page of a closed period (R64).
        placed = restated is not UNSET or not exact
        after = ["--position", str(point.position)] if placed else []
        for one in report.options:
            told = question.options[one.name]
            if one.kind in ("flag", "text") and told:
                after.append(one.spelled or f"--{one.name}")
                after += [shlex.quote(str(told))] if one.kind == "text" else []
        after += ["--html", *(["--", *named] if hidden else [])]
        return source_of(session, words, point, after, restated)
