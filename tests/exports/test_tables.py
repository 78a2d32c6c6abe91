"""Parquet: the cells of the log and of the CSV, typed; and the message where pyarrow is missing."""

from __future__ import annotations

import csv
import io
import sys
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.exports.test_events_stream import as_ndjson, stored

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.program import World

pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow (tallystick[parquet]) is missing")


def test_the_table_holds_the_log(year: World, tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    said = year.json("export", "--format", "parquet", "-o", path)
    table = pq.read_table(path)
    found, shown = table.to_pylist(), as_ndjson(year)
    assert said["rows"] == table.num_rows == len(shown)
    assert [row["body"] for row in found] == stored(year)
    for row, event in zip(found, shown, strict=True):
        assert row["type"] == event["type"]
        assert row["effective_at"] == datetime.fromisoformat(event["effective_at"])
        amount = event["data"].get("amount")
        assert (row["data_amount"] is None) == (amount is None)
        if amount is not None:
            assert row["data_amount"] == Decimal(amount)


def test_focus_says_the_same_either_way(year: World, tmp_path: Path) -> None:
    path = tmp_path / "focus.parquet"
    year.done("export", "--format", "focus", "--parquet", "--focus-version", "1.3", "-o", path)
    text = year.done("export", "--format", "focus", "--focus-version", "1.3").out
    lines = list(csv.DictReader(io.StringIO(text)))
    found = pq.read_table(path).to_pylist()
    assert list(found[0]) == list(lines[0])
    for row, line in zip(found, lines, strict=True):
        for name, cell in row.items():
            if isinstance(cell, Decimal):
                assert cell == Decimal(line[name])
            elif isinstance(cell, datetime):
                assert cell == datetime.fromisoformat(line[name])
            else:
                assert ("" if cell is None else str(cell)) == line[name]


def test_tables_are_the_same_bytes_again(hard: World, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.parquet" for n in range(2)]
    for path in paths:
        hard.done("export", "--format", "parquet", "-o", path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_point_without_events_is_an_empty_table(hard: World, tmp_path: Path) -> None:
    path = tmp_path / "none.parquet"
    hard.done("export", "--format", "parquet", "--at", "2020-01-01", "-o", path)
    assert pq.read_table(path).num_rows == 0


def test_without_pyarrow_there_is_one_clear_error(
    hard: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = hard.run("export", "--format", "parquet", "-o", tmp_path / "x.parquet")
    assert (done.code, done.out) == (2, "")
    assert "pip install 'tallystick[parquet]'" in done.err
    assert not list(tmp_path.iterdir())
