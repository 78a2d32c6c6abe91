"""Reports of the books from columns: every figure is that of the fold, at points of both axes."""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from ledger.periods import HOUR, format_instant
from ledger.store import open_reader
from projections.columns import segments
from tests.cli.program import World
from tests.history.histories import clock, lived

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

FROM = "2025-03-02"
REPORTS = (
    ("rollforward",), ("rollforward", "--from", FROM), ("deferred",), ("coupons",),
    ("trial-balance",),
)  # fmt: skip


def _points(path: Path, count: int, seed: int) -> list[tuple[str, ...]]:
    dice = random.Random(seed)
    with closing(open_reader(str(path))) as reader:
        first = reader.row(1)
        assert first is not None
        span = (first.recorded_at, clock(reader))
    drawn = [
        [format_instant(dice.randint(*span), 8 * HOUR) for _ in range(2)] for _ in range(count)
    ]
    return [(), *(("--at", at, "--known-at", known) for at, known in drawn)]


@pytest.mark.parametrize("seed", [3, 11])
def test_reports_of_columns_are_those_of_the_fold(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World.at(lived(tmp_path / "tally.db", accounts=6, seed=seed))
    points = _points(world.path, 6, seed)

    def told() -> list[object]:
        answers = [
            world.json("report", *report, *point)
            for report in REPORTS
            for point in points
            if report[-1] != FROM or not point or point[1] > FROM  # a span ends after it begins
        ]
        return [{key: answer[key] for key in answer if key != "derivation"} for answer in answers]

    folded = told()
    monkeypatch.setattr(segments, "SEGMENT_EVENTS", 300)
    world.json("columns", "build")
    assert world.json("report", "trial-balance", *points[1])["derivation"] == "sql"
    assert told() == folded
