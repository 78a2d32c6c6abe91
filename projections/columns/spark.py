"""The same SQL text on Spark: another engine over the same segments.

Invariant: the text of a view is the one that DuckDB gets, letter by letter. pyspark is the extra
``spark`` and needs Java; both are looked for only when this engine is asked for.
This module must not know what a view means.
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ledger.errors import ExtraMissing, InvalidInput
from ledger.quoting import address
from projections.columns.asking import bound
from projections.columns.segments import Columns, write_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ledger.store import Reader
    from projections.point import Point
    from projections.projection import ViewRow

EXTRA: Final = "spark"
LOCAL: Final = "local[2]"
_QUIET: Final = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.log.level": "OFF",
}


def require() -> None:
    """Refuse where the engine cannot run. Raises: ExtraMissing."""
    for name in ("pyarrow", "pyspark"):
        if importlib.util.find_spec(name) is None:
            raise ExtraMissing(package=name, extra=EXTRA)
    if shutil.which("java") is None:
        raise ExtraMissing(package="java 17", extra=EXTRA)


class Spark:
    """One view ``log`` in a Spark session: trusted segments, and newer events from the store."""

    def __init__(self, reader: Reader, *, until: int, master: str = LOCAL) -> None:
        """Open up to a position. Raises: ExtraMissing."""
        require()
        sql = importlib.import_module("pyspark.sql")
        building: Any = sql.SparkSession.builder.master(master).appName("tally")
        for name, setting in _QUIET.items():
            building = building.config(name, setting)
        refusals = (
            importlib.import_module("py4j.protocol").Py4JError,
            importlib.import_module("pyspark.errors").PySparkException,
        )
        try:
            self._session = building.getOrCreate()
        except refusals as error:
            said = str(error).strip().partition("\n")[0].replace(master, address(master))
            msg = f"Spark does not start at {address(master)!r}: {said}"
            raise InvalidInput(msg, hint="try --engine spark, or --engine sql") from None
        self._beside = tempfile.TemporaryDirectory(prefix="tally-")
        columns = Columns(reader)
        segments, after = columns.upto(until)
        newer = write_between(reader, after, until, Path(self._beside.name))
        paths = [*map(Path, columns.paths(segments)), *newer]
        log = self._session.read.parquet(*(path.absolute().as_uri() for path in paths))
        log.createOrReplaceTempView("log")

    def rows(self, view: str, point: Point) -> Iterator[ViewRow]:
        """Yield the rows of a view at a point, by account and id."""
        for row in self._session.sql(bound(view, point)).toLocalIterator():
            yield tuple(row)

    def close(self) -> None:
        """Stop the engine and remove what was written for it."""
        self._session.stop()
        self._beside.cleanup()
