"""``tally sql``: one SELECT over the ledger at any point."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from cli.options import Output, tally_command
from cli.outputs import output_option
from cli.render import point_line, table, write
from cli.restatements import say_restated
from ledger.errors import InvalidInput
from ledger.quoting import plural
from projections.answers.keeping import ColumnShown, Queried
from projections.history.points import Point as Asked
from projections.pages import Figure, cell

if TYPE_CHECKING:
    from cli.bootstrap import Session
    from cli.outputs import Target
    from cli.queries.engine import SqlRows
    from projections.point import Point
    from projections.view import When

SHOWN_MAX = 1000  # rows of a page for people
_TEXT_MAX = 1 << 20
_FIGURES = ("DECIMAL", "BIGINT", "INTEGER", "HUGEINT", "DOUBLE", "UBIGINT")  # types to the right


@click.command("sql")
@click.argument("query", required=False)
@click.option("-f", "--file", "file", metavar="FILE", help="Read the query from FILE.")
@click.option("--shell", is_flag=True, help="Open an interactive prompt.")
@click.option("--views", is_flag=True, help="Print views for a server's own SQL (for psql).")
@click.option("--reader", metavar="ROLE", help="With --views: the role that may read them.")
@output_option("Write the rows as Parquet.", "--parquet", "parquet")
@click.option("--timeout", type=click.IntRange(min=1), default=60, show_default=True,
              metavar="SECONDS", help="Stop a query that takes longer.")  # fmt: skip
@click.option("--memory", default="512MB", show_default=True, metavar="SIZE",
              help="Memory a query may take.")  # fmt: skip
@tally_command(rows=True, point=True)
def command(  # noqa: PLR0913 - one option a parameter
    session: Session, output: Output, *, query: str | None, file: str | None, shell: bool,
    parquet: Target | None, timeout: int, memory: str, when: When,
    **options: Any,
) -> None:  # fmt: skip
    """Query the ledger in SQL (DuckDB) at any point: one SELECT.

    Relations: events, accounts, balances, instances, coupons, bills, overdue, postings,
    lots, breaks. Each has a function that takes its own point:
    balances_at('2025-03-31', '2025-04-02') is what was true on 31 March as known on
    2 April. docs/SQL.md has recipes.

    \b
    Examples:
      tally sql "SELECT currency, sum(cash) FROM balances GROUP BY ALL"
      tally sql "FROM overdue WHERE days > 30" --as-of 2025-03-31
      tally sql -f month-end.sql --csv
      tally sql --shell
      tally sql --views --reader auditor --ledger postgresql://server/db | psql
    """
    views, reader = options.pop("views"), options.pop("reader")
    if views or reader is not None:
        _views(session, query or file or shell, reader, views=views)
        return
    from cli.queries.engine import Database  # noqa: PLC0415 - an extra

    point = session.at(when)
    if shell:
        from cli.queries.shell import converse  # noqa: PLC0415 - for --shell alone

        converse(session, point, lambda: Database(session, memory=memory, seconds=timeout), _page)
        return
    text = _text(query, file)
    engine = Database(session, memory=memory, seconds=timeout)
    try:
        answer = engine.ask(text, point, points_of(session, text))
        if parquet is not None:
            _write_parquet(parquet, answer)
        else:
            _print(session, output, point, answer)
    finally:
        engine.close()


def _views(session: Session, other: object, reader: str | None, *, views: bool) -> None:
    """Print the statements that make views on a server. Raises: InvalidInput."""
    if other or not views:
        msg = "--views prints statements, and --reader goes with it" if not other else (
            "--views and a query are two questions"
        )
        raise InvalidInput(msg, hint="tally sql --views --reader ROLE | psql DATABASE")
    from cli.queries.server_views import statements  # noqa: PLC0415 - for --views alone

    sys.stdout.write(statements(session, reader=reader))


def points_of(session: Session, text: str) -> dict[Any, Point]:
    """Resolve the points that a query writes out. Raises: InvalidInput, PointInTheFuture."""
    from cli.queries.reading import read_query  # noqa: PLC0415 - an extra
    from cli.queries.relations import RELATIONS  # noqa: PLC0415 - the same

    return {
        call: session.at(Asked(at=call.at, known_at=call.known_at))
        for call in read_query(text, RELATIONS).calls
    }


def _text(query: str | None, file: str | None) -> str:
    """Return the query. Raises: InvalidInput, OSError."""
    if (query is None) == (file is None):
        msg = "no query is given" if query is None else "give either a query or --file, not both"
        raise InvalidInput(msg, hint='tally sql "SELECT ..." or tally sql -f FILE')
    if query == "-" or file == "-":
        return sys.stdin.read(_TEXT_MAX)
    if file is None:
        assert query is not None  # noqa: S101 - one of the two is given
        return query
    from cli.backtesting import read_text  # noqa: PLC0415 - for a file alone

    return read_text(file)


def _print(session: Session, output: Output, point: Point, answer: SqlRows) -> None:
    if output.form in ("ndjson", "csv"):
        output.rows(answer.rows(), restated=session.restated("sql", point))
    elif output.human:
        write(point_line(session.shown(point)))
        _page(answer)
        say_restated(session.restated("sql", point))
    else:
        output.object(
            Queried(
                point=session.shown(point),
                columns=[ColumnShown(name=name, type=kind) for name, kind in answer.columns],
                rows=list(answer.rows()), restated=session.restated("sql", point),
            )
        )  # fmt: skip


def _page(answer: SqlRows) -> None:
    """Print the rows as a table; figures to the right."""
    rows = answer.rows()
    shown = [list(row.values()) for _, row in zip(range(SHOWN_MAX), rows, strict=False)]
    more = sum(1 for _ in rows)
    figures = [kind.startswith(_FIGURES) for _, kind in answer.columns]
    table(
        [name for name, _ in answer.columns],
        [
            [
                Figure(cell(content)) if figure and content is not None else content
                for figure, content in zip(figures, row, strict=True)
            ]
            for row in shown
        ],
    )
    said = plural(len(shown) + more, "row")
    write(said if not more else f"{said}, the first {SHOWN_MAX} shown; --csv prints all")


def _write_parquet(target: Target, answer: SqlRows) -> None:
    from projections.columns import arrow  # noqa: PLC0415 - an extra

    parquet = arrow.package("pyarrow.parquet")
    with (
        target.opened() as file,
        parquet.ParquetWriter(file, answer.reader.schema, compression="zstd") as writer,
    ):
        for batch in answer.batches():
            writer.write_batch(batch)

