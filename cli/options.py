"""What all commands share: where the ledger is, how to print, which point is asked for."""

from __future__ import annotations

import functools
import json
import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click
from msgspec import UNSET

from cli.bootstrap import Session
from cli.errors import DONE, EXPECTED, INTERRUPTED, error_line, error_shown, exit_code
from cli.render import note
from cli.settings import DEFAULT, ledger_option, ledger_setting
from ledger.errors import InvalidInput, LedgerError
from projections.answers.terms import Part, columns_of
from projections.history.points import Point
from projections.printable import csv_cell

if TYPE_CHECKING:
    import csv
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from msgspec import UnsetType

    from projections.answers.terms import Answer, Restated

P = ParamSpec("P")
R = TypeVar("R")
# JSON allows these as they are, but many readers end a line at them.
_LINE_ENDS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Output:
    """How a command prints: a page for people, one JSON object, rows as NDJSON or CSV.

    stdout carries the answer and nothing else.
    """

    def __init__(self, form: str) -> None:
        """Choose among text, json, ndjson, csv."""
        self.form = form
        self._table: csv.DictWriter[str] | None = None

    @property
    def human(self) -> bool:
        """Whether a person reads."""
        return self.form == "text"

    def object(self, answer: Answer) -> None:
        """Print one JSON object."""
        sys.stdout.write(json_line(answer))

    def answered(self, answer: Answer, rows: str = "rows") -> bool:
        """Print an answer, or its rows, where a program reads; return whether one does."""
        if self.form not in ("json", "ndjson", "csv"):  # a page, if only as HTML
            return False
        if self.form == "json":
            self.object(answer)
            return True
        self.rows(
            getattr(answer, rows), like=self._header(type(answer), rows),
            restated=getattr(answer, "restated", UNSET),
        )  # fmt: skip
        return True

    @contextmanager
    def object_with(self, answer: Answer) -> Iterator[Callable[[Any], None]]:
        """Print an answer whose last field is an empty list, and its entries as they are given."""
        begun = json_line(answer)
        sys.stdout.write(begun[: -len("]}\n")])
        first = True

        def give(row: Any) -> None:
            nonlocal first
            sys.stdout.write(("" if first else ", ") + json_line(row).rstrip("\n"))
            first = False

        yield give
        sys.stdout.write("]}\n")

    def rows(
        self, rows: Iterable[Part | dict[str, Any]], *, like: type[Part] | Sequence[str] = (),
        restated: Restated | UnsetType = UNSET,
    ) -> None:  # fmt: skip
        """Print rows, one per line, as NDJSON or CSV; rows may come in several calls.

        ``like`` is what a row is, or its columns: the header of a CSV without rows. A note on
        stderr says what has ``restated`` them (R64).
        """
        for row in rows:
            if self.form == "csv":
                cells = _plain(row).items()
                flat = {name: csv_cell(cell) for name, cell in cells if name != "schema"}
                self._table_with(list(flat)).writerow(flat)
            else:
                sys.stdout.write(json_line(row))
        if self.form == "csv" and like:
            self._table_with(columns_of(like) if isinstance(like, type) else like)
        if restated is not UNSET:
            from cli.restatements import restated_line  # noqa: PLC0415 - in closed periods alone

            note(f"note: {restated_line(restated)}")

    def _header(self, kind: type[Answer], rows: str) -> Sequence[str]:
        if self.form != "csv":
            return ()
        from projections.answers.schemas import header_of  # noqa: PLC0415 - only for --csv

        return header_of(kind, rows)

    def _table_with(self, columns: Sequence[str]) -> csv.DictWriter[str]:
        """Return the table, begun with its header if it is the first time."""
        if self._table is None:
            import csv  # noqa: PLC0415 - only for --csv

            self._table = csv.DictWriter(
                sys.stdout, columns, extrasaction="ignore", lineterminator="\n"
            )
            self._table.writeheader()
        return self._table


def json_line(answer: Part | dict[str, Any]) -> str:
    """Write one JSON object as one line, whatever its reader takes for the end of a line."""
    return json.dumps(_plain(answer), ensure_ascii=False).translate(_LINE_ENDS) + "\n"


def _plain(shown: Part | dict[str, Any]) -> dict[str, Any]:
    return shown.plain() if isinstance(shown, Part) else shown


def fail(error: BaseException, *, as_json: bool) -> None:
    """Print an error as a person or a program reads it, and leave with its exit code."""
    try:
        if as_json:
            Output("json").object(error_shown(error))
        sys.stdout.flush()
    except OSError:  # stdout is what failed, so stderr has to say it
        close_quietly()
        as_json = False
    if not as_json:
        note(error_line(error))
    sys.exit(exit_code(error))


def tally_command(
    *, rows: bool = False, point: bool = False
) -> Callable[[Callable[..., int | None]], Callable[..., None]]:
    """Return a click callback the shared options, a session, an output, and errors that end well.

    The callback gets what the point options say as ``when`` (None for everything), and returns its
    exit code (None for 0).
    """

    def decorate(body: Callable[..., int | None]) -> Callable[..., None]:
        @functools.wraps(body)
        def run(*arguments: Any, **options: Any) -> None:
            as_json = options["as_json"]
            forms = ("csv", "ndjson", "json") if rows else ("json",)
            asked = [form for form in forms if options.pop(f"as_{form}")]
            form = next(iter(asked), "text")
            if point:
                options["when"] = _point(options)
            given, one_object = options.pop("ledger"), as_json and not rows
            try:
                ledger = ledger_setting(given, click.get_current_context())
                place = str(ledger.value)
                with (
                    Session(place, default=ledger.source == DEFAULT) as session,
                    _clear_stdout(place, options, one_object),
                    _paged(options, human=form == "text"),
                ):
                    code = body(session, Output(form), *arguments, **options)
                sys.stdout.flush()
            except KeyboardInterrupt:
                note("interrupted; nothing recorded is lost")
                sys.exit(INTERRUPTED)
            except BrokenPipeError:
                close_quietly()
                sys.exit(DONE)
            except EXPECTED as error:
                fail(error, as_json=as_json)
            except _database_error() as error:
                fail(_explained(given, error), as_json=as_json)
            else:
                sys.exit(code or DONE)

        for option in reversed(_shared(rows=rows, point=point)):
            run = option(run)
        return run

    return decorate


@contextmanager
def _clear_stdout(
    location: str, options: dict[str, Any], one_object: bool,  # noqa: FBT001 - read with the line
) -> Iterator[None]:  # fmt: skip
    """Check what the command is to write; where that is stdout, messages go to stderr."""
    if "cli.outputs" not in sys.modules:  # no command that writes a file was loaded
        yield
        return
    from cli.outputs import check_targets  # noqa: PLC0415 - as above

    if not check_targets(location, options):
        yield
    elif one_object:
        msg = "--json and the output cannot both go to stdout"
        raise InvalidInput(msg, hint="name a file with -o, or omit --json")
    else:
        with redirect_stdout(sys.stderr):
            yield


@contextmanager
def _paged(options: dict[str, Any], *, human: bool) -> Iterator[None]:
    """Page what a person reads on a terminal."""
    if not human or not sys.stdout.isatty():
        yield
        return
    from cli.paging import paged  # noqa: PLC0415 - for a terminal alone

    with paged(click.get_current_context(), options, human=human):
        yield


def _database_error() -> type[Exception]:
    import sqlite3  # noqa: PLC0415 - loaded when needed

    return sqlite3.Error


def _explained(given: str | None, error: BaseException) -> LedgerError:
    """Translate a database error that no module has explained into one of our errors."""
    from ledger.store.files import explain  # noqa: PLC0415 - only on the way to an error

    return explain(str(ledger_setting(given, click.get_current_context()).value), error)


def close_quietly() -> None:
    """Close an stdout that takes nothing more, so that leaving ends without a traceback."""
    import os  # noqa: PLC0415 - loaded when needed

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _shared(*, rows: bool, point: bool) -> list[Callable[[Any], Any]]:
    shared: list[Callable[[Any], Any]] = [
        ledger_option("The ledger (or TALLY_LEDGER, tally.toml; else ./tally.db)."),
        click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout."),
    ]  # fmt: skip
    if rows:
        shared += [
            click.option("--ndjson", "as_ndjson", is_flag=True, help="One JSON row a line."),
            click.option("--csv", "as_csv", is_flag=True, help="Rows as CSV."),
        ]
    if point:
        shared += [
            click.option("--at", metavar="T", help="As it was true at T (effective time)."),
            click.option("--known-at", metavar="T", help="As the ledger knew it at T."),
            click.option("--position", metavar="N", help="As of the log's first N events."),
            click.option("--as-of", metavar="T", help="Both --at T and --known-at T."),
        ]
    return shared


def account_argument(**options: Any) -> Callable[[Any], Any]:
    """Return the ACCOUNT argument."""
    return click.argument("account", **options)


class EngineChoice(click.Choice[str]):
    """How a question about the whole ledger is answered; docs/SCALE.md says when which."""

    def __init__(self) -> None:
        """Offer what runs on this machine."""
        super().__init__(("fold", "sql"))

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Take ``spark`` and ``spark=URL`` as well. Raises: click.BadParameter."""
        given = str(value)
        if given == "spark" or given.startswith("spark="):
            return given
        return super().convert(value, param, ctx)


def engine_option(body: Callable[..., Any]) -> Callable[..., Any]:
    """Return the option that chooses how a question about the whole ledger is answered."""
    return click.option(
        "--engine", type=EngineChoice(),
        help="Fold events or query the columns (default: the cheaper one).",
    )(body)  # fmt: skip


def _point(options: dict[str, Any]) -> Point | None:
    """Take the point out of a command's options: what the four say, None for everything."""
    said = [options.pop(name) for name in Point._fields]
    return None if all(text is None for text in said) else Point(*said)
