"""Every derivation gives the same rows: stored views, the fold, SQL in DuckDB, SQL in Spark.

A hundred points on each of three generated ledgers, drawn on both axes apart from each other, so
that many of them see late facts from one side only. The seeds are written down: a point that fails
can be asked again.
"""

from __future__ import annotations

import random
import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from ledger.store import open_reader
from projections.columns import arrow, compare, segments
from projections.columns.asking import VIEWS, Asking
from projections.columns.segments import Columns
from projections.runner import Views
from tests.application.worlds import reopen
from tests.history.histories import at, clock, lived

if TYPE_CHECKING:
    from ledger.store import Reader
    from projections.point import Point

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

SEEDS = (3, 11, 29)
POINTS = 100
SPARK_POINTS = 1  # each view is a job of its own there, whatever the size


@pytest.fixture(scope="module", params=SEEDS)
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated ledger of a seed, with columns in several segments and events after them."""
    return _built(tmp_path_factory.mktemp("lived"), request.param)


def _built(folder: Path, seed: int) -> Path:
    path = lived(folder / "tally.db", accounts=6, seed=seed)
    with pytest.MonkeyPatch.context() as patch, closing(open_reader(str(path))) as reader:
        patch.setattr(segments, "SEGMENT_EVENTS", 300)
        columns = Columns(reader)
        columns.build()
        # The last segment is taken away again: what it held is read from the log.
        last = columns.standing().segments[-1]
        manifest = columns.folder / segments.MANIFEST
        kept = segments.Manifest(arrow.FORMAT, columns.standing().segments[:-1])
        manifest.write_bytes(msgspec.json.encode(kept))
        standing = columns.standing(whole=True)
        assert standing.state == segments.BEHIND
        assert standing.position == last.first - 1
        assert len(standing.segments) > 1
    return path


def points(reader: Reader, count: int, seed: int = 7) -> list[Point]:
    """Draw points on both axes, over all of the ledger's time."""
    dice = random.Random(seed)
    first = reader.row(1)
    assert first is not None
    span = (first.recorded_at, clock(reader))
    return [
        at(reader, at=dice.randint(*span), known_at=dice.randint(*span)) for _ in range(count)
    ]


def test_the_fold_and_sql_agree_at_a_hundred_points(ledger: Path) -> None:
    reader = open_reader(str(ledger))
    with closing(Asking(reader, until=reader.head().position)) as asking:
        counted = 0
        for point in [at(reader), *points(reader, POINTS)]:
            rows, differs = compare.compare(reader, asking, point)
            assert differs is None, str(differs)
            counted += rows
    assert counted > 10 * POINTS
    reader.close()


def test_stored_views_and_sql_agree_at_the_head(ledger: Path) -> None:
    store = reopen(ledger).store
    Views(store.reader, store).catch_up()
    head = at(store.reader)
    with closing(Asking(store.reader, until=head.position)) as asking:
        stored = list(Views(store.reader).rows("balances"))
        assert stored == list(asking.rows("balances", head))
        coupons = list(Views(store.reader).rows("coupons"))
        assert coupons == list(asking.rows("coupons", head))
    store.close()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
@pytest.mark.filterwarnings("ignore")  # the package's own
def test_spark_agrees_too(tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    from projections.columns.spark import Spark  # noqa: PLC0415 - an extra

    for seed in SEEDS[:1]:
        folder = tmp_path / str(seed)
        folder.mkdir()
        reader = open_reader(str(_built(folder, seed)))
        head = reader.head().position
        with (
            closing(Asking(reader, until=head)) as asking,
            closing(Spark(reader, until=head)) as spark,
        ):
            for point in points(reader, SPARK_POINTS, seed):
                for view in VIEWS:
                    assert list(spark.rows(view, point)) == list(asking.rows(view, point)), view
        reader.close()
