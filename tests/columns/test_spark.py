"""One SQL text, two engines: Spark gives the rows that DuckDB gives, row by row."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from ledger.store import open_reader
from projections.columns import segments
from projections.columns.asking import VIEWS, Asking
from projections.columns.segments import Columns
from projections.columns.spark import Spark
from tests.cli.program import World, small, tally_process
from tests.history.histories import at, clock, lived

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pyspark")
pytest.importorskip("duckdb")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java"),
    pytest.mark.filterwarnings("ignore"),  # the package's own
]


def test_spark_and_duckdb_agree_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "SEGMENT_EVENTS", 300)
    reader = open_reader(str(lived(tmp_path / "tally.db", accounts=4, months=4)))
    Columns(reader).build()
    head = reader.head().position
    asking = Asking(reader, until=head)
    spark = Spark(reader, until=head)
    first = reader.row(1)
    assert first is not None
    middle = (first.recorded_at + clock(reader)) // 2
    for point in (at(reader), at(reader, at=middle), at(reader, known_at=middle)):
        for view in VIEWS:
            assert list(spark.rows(view, point)) == list(asking.rows(view, point)), view
    assert list(spark.rows("balances", at(reader)))
    spark.close()


def test_the_command_asks_spark(tmp_path: Path) -> None:
    world: World = small(tmp_path / "tally.db")
    past = ("--as-of", "2025-02-01", "--json", "--ledger", world.path)
    asked = tally_process("balances", *past, "--engine", "spark", "--master", "local[1]")
    assert asked.code == 0, asked.err
    folded = tally_process("balances", *past, "--engine", "fold")
    assert asked.json["derivation"] == "spark"
    assert asked.json["rows"] == folded.json["rows"]
