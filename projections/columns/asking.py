"""Asking the columns: one plain SQL text a view, at any point on both axes.

Invariant: segments and what is newer in the store are one table ``log`` to the text, and the text
is the same for every engine. The bounds are integers, written into the text.
This module must not know evolve: rows are what the SQL says.
"""

from __future__ import annotations

import re
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ledger.state import AccountState, Instance
from ledger.store.beside import disk_full, is_full
from ledger.store.errors import ColumnsDamaged, StoreError
from projections.columns import arrow
from projections.columns.segments import (
    SEGMENT_EVENTS,
    TRUSTED,
    Columns,
    Standing,
    table_between,
    write_between,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.store import Reader
    from projections.point import Point
    from projections.projection import ViewRow

VIEWS: Final = ("balances", "coupons", "instances", "overdue", "trial_balance")
# The part of the log that segments must cover, in tenths, before they are used automatically.
MOST_TENTHS: Final = 9
MEMORY: Final = "768MB"

_BOUND = re.compile(r":(at|known_at|position|seen_at)\b")


class Rebuilt(NamedTuple):
    """An instance as the columns tell it, in a state that holds nothing else."""

    account: AccountState
    instance: Instance


@cache
def text_of(view: str) -> str:
    """Read the SQL text of a view."""
    return files("projections").joinpath("sql", f"{view}.sql").read_text(encoding="utf-8")


def bound(view: str, point: Point) -> str:
    """Return a view's text with the bounds of a point."""
    return _BOUND.sub(lambda found: str(getattr(point, found[1])), text_of(view))


def pays(reader: Reader, point: Point) -> bool:
    """Return whether a question about the whole ledger is cheaper here than by folding."""
    columns = Columns(reader)
    if not columns.folder.exists() or not arrow.available():
        return False
    standing = columns.standing()
    covered = min(standing.position, point.position)
    return standing.state in TRUSTED and 10 * covered >= MOST_TENTHS * point.position


class Asking:
    """One table ``log`` in DuckDB: the trusted segments, and the newer events from the store."""

    def __init__(self, reader: Reader, *, until: int, built: bool = True) -> None:
        """Open up to a position; ``built`` says whether to use segments at all.

        Raises: ExtraMissing.
        """
        self._engine = arrow.package("duckdb")
        self._connection = opened(self._engine)
        columns = Columns(reader)
        self._place = str(columns.folder)
        standing = columns.standing() if built else Standing("missing", 0, 0, ())
        trusted = standing.state in TRUSTED
        segments = tuple(s for s in standing.segments if s.first <= until) if trusted else ()
        after = min(segments[-1].last, until) if segments else 0
        paths, parts = columns.paths(segments), list[str]()
        self._beside: tempfile.TemporaryDirectory[str] | None = None
        if until - after <= SEGMENT_EVENTS:
            self._connection.register("tail", table_between(reader, after, until))
            parts.append("SELECT * FROM tail")
        else:  # more than is wanted in memory at once
            self._beside = tempfile.TemporaryDirectory(prefix="tally-")
            paths += map(str, write_between(reader, after, until, Path(self._beside.name)))
        if paths:
            names = ", ".join(map(_quoted, paths))
            parts.append(f"SELECT * FROM read_parquet([{names}])")
        try:
            self._connection.execute(f"CREATE VIEW log AS {' UNION ALL BY NAME '.join(parts)}")
        except self._engine.Error as error:
            raise self._meant(error) from None

    def rows(self, view: str, point: Point) -> Iterator[ViewRow]:
        """Yield the rows of a view at a point, by account and id."""
        try:
            answer = self._connection.execute(bound(view, point))
            while batch := answer.fetchmany(4096):
                yield from batch
        except self._engine.Error as error:
            raise self._meant(error) from None

    def instances(self, point: Point) -> Iterator[Rebuilt]:
        """Yield the instances at a point, ready for what the calendar says of them."""
        for row in self.rows("instances", point):
            yield rebuilt(row)

    def _meant(self, error: BaseException) -> StoreError:
        if is_full(error):
            return disk_full(tempfile.gettempdir())
        return ColumnsDamaged(self._place, why=_first_line(error))

    def close(self) -> None:
        """Close the engine, and of what was written for it."""
        self._connection.close()
        if self._beside is not None:
            self._beside.cleanup()


def rebuilt(row: ViewRow) -> Rebuilt:
    """Make an instance of one row of ``instances.sql``."""
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
    return Rebuilt(account, instance)


def opened(engine: Any) -> Any:  # noqa: ANN401 - an extra without types where it is missing
    """Open DuckDB in memory, bounded (SPEED, memory); it spills to the temporary directory.

    It would draw its own progress bar on stdout, into our answer.
    """
    bounds = {"memory_limit": MEMORY, "temp_directory": tempfile.gettempdir()}
    connection = engine.connect(":memory:", config=bounds)
    connection.execute("SET enable_progress_bar = false")
    return connection


def _quoted(path: str) -> str:
    """Write a path as SQL; what would be a pattern stands for itself."""
    plain = re.sub(r"[\[*?]", lambda found: f"[{found[0]}]", path)
    return "'" + plain.replace("'", "''") + "'"


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
