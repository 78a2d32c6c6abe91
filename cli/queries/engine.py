"""The engine that answers: DuckDB in memory, filled with what a query names, then closed.

Invariant: from the first word of a query on there is no file, no network, no extension and no
setting to change; time and memory are bounded. This module must not know what a relation means.
"""

from __future__ import annotations

import json
import tempfile
import threading
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from cli.queries.reading import read_query
from cli.queries.relations import MONEY, RELATIONS, decimals
from ledger.errors import InvalidInput
from ledger.periods import HOUR, MINUTE, format_instant
from ledger.store.beside import disk_full, is_full
from projections.columns import arrow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cli.bootstrap import Session
    from cli.queries.reading import Call
    from cli.queries.relations import Relation, Row
    from projections.point import Point

ROWS: Final = 20_000  # rows in memory at once, on the way in and out
_CLOSED: Final = (
    "SET autoload_known_extensions = false", "SET autoinstall_known_extensions = false",
    "SET allow_community_extensions = false", "SET python_enable_replacements = false",
    "SET enable_external_access = false", "SET lock_configuration = true",
)  # fmt: skip
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - Arrow gives UTC without saying so


class QueryFailed(InvalidInput):
    """The engine refuses a query, or a limit ended it (exit 2)."""

    code = "QUERY_FAILED"


class Database:
    """One closed database for one query."""

    def __init__(self, session: Session, *, memory: str, seconds: int) -> None:
        """Open the database, still empty. Raises: ExtraMissing, InvalidInput."""
        self._duckdb = arrow.package("duckdb")
        self._session = session
        self._seconds = seconds
        self._spill = tempfile.TemporaryDirectory(prefix="tally-sql-")
        try:
            self._connection = self._duckdb.connect(
                ":memory:", config={"memory_limit": memory, "temp_directory": self._spill.name}
            )
        except self._duckdb.Error as error:
            self._spill.cleanup()
            msg = f"{memory!r} is not an amount of memory: {_first_line(error)}"
            raise InvalidInput(msg, hint="write it like 512MB") from None
        self._connection.execute("SET enable_progress_bar = false")
        self._connection.execute(f"SET TimeZone = '{_zone(session.offset)}'")

    def close(self) -> None:
        """Close the database and remove what it spilled."""
        self._connection.close()
        self._spill.cleanup()

    def ask(self, text: str, point: Point, points: dict[Call, Point]) -> SqlRows:
        """Run one SELECT. Raises: InvalidInput, QueryFailed."""
        query = read_query(text, RELATIONS)
        self._check_one_select(query.text)
        scale = decimals(self._session, point)
        with self._explained():
            for name in sorted(query.relations):
                self._fill(name, RELATIONS[name], point, scale)
            for call in query.calls:
                self._fill(query.table_of(call), RELATIONS[call.relation], points[call], scale)
            self._declare(query.relations)
            for setting in _CLOSED:
                self._connection.execute(setting)
        return SqlRows(self, query.text)

    def _check_one_select(self, text: str) -> None:
        try:
            statements = self._connection.extract_statements(text)
        except self._duckdb.Error as error:
            raise QueryFailed(_first_line(error), hint=_HINT) from None
        if len(statements) != 1 or statements[0].type != self._duckdb.StatementType.SELECT:
            msg = "one SELECT is allowed, and nothing else"
            raise InvalidInput(msg, hint="WITH, VALUES and FROM begin one too")

    def _fill(self, table: str, relation: Relation, point: Point, scale: int) -> None:
        """Make a table of a relation's rows at a point, some rows at a time."""
        types = {
            name: kind.replace(MONEY, f"DECIMAL(38, {scale})")
            for name, kind in relation.columns.items()
        }
        columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
        self._connection.execute(f'CREATE TABLE "{table}" ({columns})')
        rows = relation.rows(self._session, point)
        pyarrow = arrow.package("pyarrow")
        while batch := list(islice(rows, ROWS)):
            held = pyarrow.table(
                {name: pyarrow.array([_given(row.get(name)) for row in batch], pyarrow.string())
                 for name in types}
            )  # fmt: skip
            self._connection.register("given", held)
            cells = ", ".join(_cast(name, kind) for name, kind in types.items())
            copy = f'INSERT INTO "{table}" SELECT {cells} FROM given'  # noqa: S608 - our own names
            self._connection.execute(copy)
            self._connection.unregister("given")

    def _declare(self, filled: frozenset[str]) -> None:
        """Make the relations that are not named, empty, so that the engine can suggest them."""
        for name, relation in RELATIONS.items():
            if name not in filled:
                columns = ", ".join(
                    f'"{column}" {kind.replace(MONEY, "DECIMAL(38, 2)")}'
                    for column, kind in relation.columns.items()
                )
                self._connection.execute(f'CREATE TABLE "{name}" ({columns})')

    @contextmanager
    def bounded(self) -> Iterator[Any]:
        """Interrupt what takes too long, and say an engine's error in one line."""
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._connection.interrupt()

        timer = threading.Timer(self._seconds, stop)
        timer.start()
        try:
            with self._explained(late):
                yield self._connection
        finally:
            timer.cancel()

    @contextmanager
    def _explained(self, late: threading.Event | None = None) -> Iterator[None]:
        """Turn an engine's error into one line. Raises: QueryFailed, DiskFull."""
        try:
            yield
        except self._duckdb.Error as error:
            if late is not None and late.is_set():
                msg = f"the query took longer than {self._seconds} s"
                raise QueryFailed(msg, hint="ask for less, or raise --timeout") from None
            if is_full(error):
                raise disk_full(self._spill.name) from None
            few = isinstance(error, self._duckdb.OutOfMemoryException)
            hint = "ask for less, or raise --memory" if few else _HINT
            raise QueryFailed(_first_line(error), hint=hint) from None


class SqlRows:
    """The rows of a query, read some at a time.

    Attributes:
        columns: (name, type) of each column; a name that stands twice is numbered.

    """

    def __init__(self, engine: Database, text: str) -> None:
        """Run the query. Raises: QueryFailed."""
        self._engine = engine
        self._offset = engine._session.offset  # noqa: SLF001 - the two are one mechanism
        with engine.bounded() as connection:
            relation = connection.sql(text)
            self._names = _distinct(relation.columns)
            self.columns = list(zip(self._names, map(str, relation.types), strict=True))
            self.reader = relation.to_arrow_reader(ROWS)

    def batches(self) -> Iterator[Any]:
        """Yield the rows as Arrow batches. Raises: QueryFailed."""
        while True:
            with self._engine.bounded():
                batch = next(iter(self.reader), None)
            if batch is None:
                return
            yield batch

    def rows(self) -> Iterator[Row]:
        """Yield the rows as JSON has them: exact decimals, instants in the ledger's offset."""
        kinds = [field.type for field in self.reader.schema]
        for batch in self.batches():
            columns = [
                [_plain(cell, kind, self._offset) for cell in _cells(column)]
                for column, kind in zip(batch.columns, kinds, strict=True)
            ]
            for cells in zip(*columns, strict=True):
                yield dict(zip(self._names, cells, strict=True))


_HINT: Final = "relations: " + ", ".join(RELATIONS)


def _zone(offset: int) -> str:
    hours, rest = divmod(abs(offset), HOUR)
    return f"GMT{'-' if offset < 0 else '+'}{hours:02d}:{rest // MINUTE:02d}"


def _first_line(error: BaseException) -> str:
    return " ".join(str(error).split("\n\n")[0].split())[:400]


def _given(cell: object) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    return json.dumps(cell, ensure_ascii=False)


def _cast(name: str, kind: str) -> str:
    nested = kind.startswith("STRUCT") or kind.endswith("[]")
    return f'CAST(CAST("{name}" AS JSON) AS {kind})' if nested else f'CAST("{name}" AS {kind})'


def _distinct(names: Sequence[str]) -> list[str]:
    """Number names that stand twice."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found


def _cells(column: Any) -> list[Any]:
    pyarrow = arrow.package("pyarrow")
    return list(column.cast(_naive(column.type, pyarrow)).to_pylist())


def _naive(kind: Any, pyarrow: Any) -> Any:
    """Remove the zone from instants, however deep: Python's own zones may be missing."""
    types = pyarrow.types
    if types.is_timestamp(kind):
        return pyarrow.timestamp("us")
    if types.is_list(kind):
        return pyarrow.list_(_naive(kind.value_type, pyarrow))
    if types.is_struct(kind):
        return pyarrow.struct([(field.name, _naive(field.type, pyarrow)) for field in kind])
    return kind


def _plain(cell: Any, kind: Any, offset: int) -> Any:  # noqa: PLR0911 - cells of any type
    if cell is None or isinstance(cell, bool | int | str):
        return cell
    if isinstance(cell, Decimal):
        return format(cell, "f")
    if isinstance(cell, datetime):
        if kind.tz is None:
            return cell.isoformat()
        return format_instant((cell - _EPOCH) // timedelta(microseconds=1), offset)
    if isinstance(cell, float):
        return cell if cell - cell == 0 else None  # JSON has no NaN and no infinity
    if isinstance(cell, list):
        inner = getattr(kind, "value_type", None)
        return [_plain(one, inner, offset) for one in cell]
    if isinstance(cell, dict):
        return {field.name: _plain(cell[field.name], field.type, offset) for field in kind}
    return cell.hex() if isinstance(cell, bytes) else _text(cell)


def _text(cell: object) -> str:
    return cell.isoformat() if isinstance(cell, date) else str(cell)
