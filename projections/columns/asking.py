"""Asking the columns: one plain SQL text a view, at any point on both axes.

Invariant: segments and what is newer in the store are one table ``log`` to the text, and the text
is the same for every engine. The bounds are integers, written into the text.
This module must not know evolve: rows are what the SQL says.
"""

from __future__ import annotations

import re
import tempfile
import threading
from collections import OrderedDict
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ledger.certain import certain
from ledger.state import AccountState, Instance
from ledger.store.beside import disk_full, is_full
from ledger.store.errors import ColumnsDamaged, StoreError
from projections.columns import arrow
from projections.columns.segments import (
    SEGMENT_EVENTS,
    TRUSTED,
    Columns,
    table_between,
    write_between,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.store import Reader
    from projections.point import Point
    from projections.projection import ViewRow

VIEWS: Final = (
    "balances", "coupons", "early_parts", "instances", "moved", "overdue", "terms",
)  # fmt: skip
# The part of the log that segments must cover, in tenths, before they are used automatically.
MOST_TENTHS: Final = 9
MEMORY: Final = "768MB"

_BOUND = re.compile(r":(at|known_at|position|seen_at)\b")
_SELECTED: Final = ":selected"
_LOG: Final = re.compile(r"\bfrom log\b")
_TAILS: Final = 2  # how many tables of newer events a process keeps
_KEPT_ROWS: Final = 60_000  # how many rows of answers it keeps


@cache
def text_of(view: str) -> str:
    """Read the SQL text of a view."""
    return files("projections").joinpath("sql", f"{view}.sql").read_text(encoding="utf-8")


def bound(view: str, point: Point, selected: str | None = None) -> str:
    """Return a view's text with the bounds of a point; ``selected`` is what lines must meet."""
    text = text_of(view).replace(_SELECTED, _EVERY if selected is None else selected)
    return _BOUND.sub(lambda found: str(getattr(point, found[1])), text)


_EVERY: Final = "effective_at <= :at and recorded_at <= :known_at and position <= :position"


class LatestInstants(NamedTuple):
    """The latest instants of a table, on each axis."""

    at: int
    known_at: int
    position: int

    def selected(self, point: Point) -> str:
        """Return what lines must meet, without the bounds that all of them meet anyhow."""
        wanted = [
            one for one, end, there in zip(_EVERY.split(" and "), self, point[:3], strict=True)
            if end > there
        ]  # fmt: skip
        return " and ".join(wanted) or "true"


def pays(reader: Reader, point: Point) -> bool:
    """Return whether a question about the whole ledger is cheaper here than by folding."""
    columns = Columns(reader)
    if not columns.folder.exists() or not arrow.available():
        return False
    standing = columns.standing()
    covered = min(standing.position, point.position)
    return standing.state in TRUSTED and 10 * covered >= MOST_TENTHS * point.position


class Asking:
    """One table ``log`` in DuckDB: the trusted segments, and the newer events from the store.

    Of a segment that a point selects whole the sums are asked, which say the same in fewer lines.
    """

    def __init__(self, reader: Reader, *, until: int, built: bool = True) -> None:
        """Open up to a position; ``built`` says whether to use segments at all.

        Raises: ExtraMissing.
        """
        self._engine = arrow.package("duckdb")
        self._connection = cursor()
        columns = self._columns = Columns(reader)
        segments, after = columns.upto(until) if built else ((), 0)
        self._segments = segments
        self._newer: list[str] = []
        self._beside: tempfile.TemporaryDirectory[str] | None = None
        self._tail = until > after or not segments
        if until - after > SEGMENT_EVENTS:  # more than is wanted in memory at once
            self._tail, self._beside = False, tempfile.TemporaryDirectory(prefix="tally-")
            folder, before = Path(self._beside.name), columns.paths(segments)
            self._newer = [*map(str, write_between(reader, after, until, folder, before))]
        elif self._tail:
            tail = _newer(reader, after, until, columns.paths(segments))
            self._connection.register("tail", tail)
        row = reader.row(until)
        # What is asked: which log, by its last event, through which files.
        files = tuple(segment.lines.sha256 for segment in segments)
        self._of = (reader.location, until, None if row is None else row.body, files)
        # No event is effective after it was recorded.
        self._last = 0 if row is None else row.recorded_at

    def rows(self, view: str, point: Point) -> Iterator[ViewRow]:
        """Yield the rows of a view at a point, by account and id."""
        key = (self._of, bound(view, point))
        if (kept := _answers.get(key)) is not None:
            yield from kept
            return
        rows: list[ViewRow] = []
        try:
            log, selected = self._log(point)
            text = _LOG.sub(lambda _: f"from ({log}) as log", bound(view, point, selected))
            answer = self._connection.execute(text)
            while batch := answer.fetchmany(4096):
                if len(rows) <= _KEPT_ROWS:
                    rows += batch
                yield from batch
        except self._engine.Error as error:
            raise self._meant(error) from None
        _keep(key, rows)

    def _log(self, point: Point) -> tuple[str, str]:
        """Return the table for a point, and what its lines must still meet.

        The table stands in the text itself: a view of it would be read again.
        """
        ends = LatestInstants(0, 0, 0)
        paths: list[str] = []
        for segment in self._segments:
            if segment.first > point.position or segment.earliest > point.at:
                continue
            end = LatestInstants(segment.latest, segment.recorded, segment.last)
            whole = end.selected(point) == "true" and segment.sums is not None
            paths.append(self._columns.path(certain(segment.sums) if whole else segment.lines))
            ends = LatestInstants(*map(max, ends, end))
        if self._tail or self._newer:
            paths += self._newer
            ends = LatestInstants(self._last, self._last, point.position + 1)
        parts = ["SELECT * FROM tail"] if self._tail or not paths else []
        if not self._tail and not paths:
            self._connection.register("tail", arrow.table_of(()))
        if paths:
            parts.append(f"SELECT * FROM read_parquet([{', '.join(map(_quoted, paths))}])")
        return " UNION ALL BY NAME ".join(parts), ends.selected(point)

    def _meant(self, error: BaseException) -> StoreError:
        if is_full(error):
            return disk_full(tempfile.gettempdir())
        return ColumnsDamaged(str(self._columns.folder), why=_first_line(error))

    def close(self) -> None:
        """Close the engine, and of what was written for it."""
        self._connection.close()
        if self._beside is not None:
            self._beside.cleanup()


def rebuilt(row: ViewRow) -> AccountState:
    """Make an instance of one row of ``instances.sql``, in a state that holds nothing else."""
    cells: tuple[Any, ...] = tuple(row)
    name, kind, state = cells[1], cells[2], cells[3]
    instance = Instance(name, kind, 0, 0, 0)
    instance.state = state
    instance.sku, instance.expires_at, instance.released_at = cells[4:7]
    instance.restoring_since, instance.restored_at = cells[7:9]
    instance.auto_enabled, instance.auto_months = bool(cells[9]), cells[10]
    instance.slots_from, instance.slot_last = cells[11], cells[12]
    if cells[13] is not None:  # the term that runs was renewed automatically at its end (R34)
        instance.auto_renewed.append(cells[13])
    account = AccountState(cells[0])
    account.instances[name] = instance
    return account


def opened(engine: Any) -> Any:  # noqa: ANN401 - an extra without types where it is missing
    """Open DuckDB in memory, bounded (SPEED, memory); it spills to the temporary directory.

    It would draw its own progress bar on stdout, into our answer.
    """
    bounds = {"memory_limit": MEMORY, "temp_directory": tempfile.gettempdir()}
    connection = engine.connect(":memory:", config=bounds)
    connection.execute("SET enable_progress_bar = false")
    return connection


@cache
def _engine_of_process() -> Any:  # noqa: ANN401 - an extra without types where it is missing
    return opened(arrow.package("duckdb"))


def cursor() -> Any:  # noqa: ANN401 - as above
    """Return a connection of its own to the one engine of this process, which keeps its bounds."""
    return _engine_of_process().cursor()


_answers: OrderedDict[tuple[object, ...], list[ViewRow]] = OrderedDict()
_keeping = threading.Lock()


def _keep(key: tuple[object, ...], rows: list[ViewRow]) -> None:
    """Keep an answer for questions that share it, such as two parts of a page, if it is small."""
    if len(rows) > _KEPT_ROWS:
        return
    with _keeping:
        _answers[key] = rows
        while sum(map(len, _answers.values())) > _KEPT_ROWS:
            _answers.popitem(last=False)


_tails: OrderedDict[tuple[object, ...], Any] = OrderedDict()


def _newer(
    reader: Reader, after: int, until: int, before: list[str]
) -> Any:  # noqa: ANN401 - a pyarrow.Table
    """Make the table of what is newer than the segments, or return it where it was made before."""
    row = reader.row(until)
    key = (reader.location, after, until, None if row is None else row.body)
    table = _tails.get(key)
    if table is None:
        table = table_between(reader, after, until, before)
        with _keeping:
            _tails[key] = table
            while len(_tails) > _TAILS:
                _tails.popitem(last=False)
    return table


def _quoted(path: str) -> str:
    """Write a path as SQL; what would be a pattern stands for itself."""
    plain = re.sub(r"[\[*?]", lambda found: f"[{found[0]}]", path)
    return "'" + plain.replace("'", "''") + "'"


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
