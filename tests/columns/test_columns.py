"""Segments against everything that can happen to a file, and the commands over them."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from ledger.store import open_reader
from projections.columns import arrow, compare, segments
from projections.columns import asking as askings
from projections.columns.asking import VIEWS, Asking, bound, opened, text_of
from projections.columns.segments import MANIFEST, Columns
from projections.point import Point
from tests.cli.program import World, small, tally_process
from tests.history.histories import at, lived

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated ledger."""
    return lived(tmp_path_factory.mktemp("lived") / "tally.db", accounts=6, seed=3)


def lines(world: World) -> list[Path]:
    """Name the files of lines; beside each lie its sums."""
    files = Path(f"{world.path}.columns").glob("*.parquet")
    return [file for file in files if ".sums." not in file.name]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return small(tmp_path / "tally.db")


def test_columns_made_in_memory_answer_alike(ledger: Path) -> None:
    reader = open_reader(str(ledger))
    asking = Asking(reader, until=reader.head().position, built=False)
    rows, differs = compare.compare(reader, asking, at(reader))
    assert rows > 0
    assert differs is None


def test_what_no_segment_holds_is_not_all_in_memory(
    ledger: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in (segments, askings):
        monkeypatch.setattr(module, "SEGMENT_EVENTS", 400)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    reader = open_reader(str(ledger))
    asking = Asking(reader, until=reader.head().position, built=False)
    assert len(list(tmp_path.glob("tally-*/*.parquet"))) > 2
    assert compare.compare(reader, asking, at(reader))[1] is None
    asking.close()
    assert not list(tmp_path.glob("tally-*"))


def test_the_text_holds_no_window_and_only_integers_are_put_into_it() -> None:
    for view in VIEWS:
        assert " over " not in text_of(view).lower()
        text = bound(view, Point(11, 22, 33, everything=False))
        assert "effective_at <= 11 and recorded_at <= 22 and position <= 33" in text


def test_the_engine_draws_no_bar_into_an_answer() -> None:
    asked = opened(duckdb).execute("SELECT current_setting('enable_progress_bar')")
    assert asked.fetchone() == (False,)


def test_who_owes_is_found_in_columns_and_folded(tmp_path: Path) -> None:
    world = World.at(lived(tmp_path / "l.db", accounts=12, seed=9))
    points = [(how, f"2025-0{month}-20") for month in range(3, 8) for how in ("--as-of", "--at")]
    folded = [world.json("report", "overdue", *point) for point in points]
    assert sum(len(report["rows"]) for report in folded) > len(points) // 2
    world.json("columns", "build")
    assert [world.json("report", "overdue", *point) for point in points] == folded


def test_build_is_incremental_and_asks_by_itself(world: World) -> None:
    built = world.json("columns", "build")
    assert (built["done"], built["state"], built["events"]) == ("built", "fresh", 38)
    assert world.json("columns", "build")["events"] == 0
    past = ("balances", "--as-of", "2025-02-01")
    asked = world.json(*past)
    folded = world.json(*past, "--engine", "fold")
    assert (asked.pop("derivation"), folded.pop("derivation")) == ("sql", "fold")
    assert asked == folded
    assert world.json("balances")["derivation"] == "view"
    assert world.json("instances", "--as-of", "2025-02-01")["derivation"] == "sql"
    world.record(
        "top-up", "--account", "a-1", "--amount", "5.00", "--channel", "bank", "--serial", "new-1"
    )
    standing = world.json("columns", "status")
    assert (standing["state"], standing["position"]) == ("behind", 38)
    head = world.json("balances", "--engine", "sql")
    assert head["rows"] == world.json("balances", "--engine", "fold")["rows"]
    more = world.json("columns", "build")
    assert more["events"] == standing["lag"] > 0
    # What was short is joined with what is new: many small builds leave one segment.
    assert [(segment["first"], segment["last"]) for segment in more["segments"]] == [(1, 39)]
    assert world.json("balances", "--engine", "sql")["rows"] == head["rows"]


def test_a_segment_whose_sums_could_be_too_large_has_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = ("balances", "--as-of", "2025-02-01")
    folded = world.json(*past)["rows"]
    monkeypatch.setattr(arrow, "_LARGEST", 10)
    world.json("columns", "build")
    assert len(list(Path(f"{world.path}.columns").glob("*.parquet"))) == len(lines(world)) == 1
    for engine in ((), ("--engine", "sql")):
        assert world.json(*past, *engine)["rows"] == folded
    monkeypatch.undo()
    world.json("columns", "drop")
    world.json("columns", "build")
    assert len(list(Path(f"{world.path}.columns").glob("*.parquet"))) == 2


@pytest.mark.parametrize("engine", [(), ("--engine", "sql")])
def test_a_segment_of_the_same_size_is_not_believed_before_its_hash_is_checked(
    world: World, engine: tuple[str, ...]
) -> None:
    """Its size is right, and it reads: only its hash tells."""
    world.json("columns", "build")
    past = ("balances", "--as-of", "2025-02-01")
    told = world.json(*past)["rows"]
    (segment,) = lines(world)
    raw = bytearray(segment.read_bytes())
    raw[len(raw) // 2] ^= 1
    segment.write_bytes(bytes(raw))
    assert world.json(*past, *engine)["rows"] == told
    assert world.json("columns", "status", code=1)["state"] == "damaged"


def test_a_build_waits_for_another_one_and_for_a_drop(ledger: Path) -> None:
    """It would sweep away what the other has written and not named yet."""

    def build() -> None:
        with closing(open_reader(str(ledger))) as reader:
            Columns(reader).build()

    with closing(open_reader(str(ledger))) as reader:
        columns, second = Columns(reader), threading.Thread(target=build)
        with columns._alone():
            written = columns.folder / "segment.parquet"
            written.write_bytes(b"not named yet")
            second.start()
            second.join(0.3)
            assert second.is_alive()
            assert written.exists()
            shutil.rmtree(columns.folder)  # as a drop does
        second.join(20)
        assert columns.standing().state == "fresh"
        columns.drop()


def test_dropped_columns_leave_no_trace(world: World) -> None:
    world.json("columns", "build")
    folder = Path(f"{world.path}.columns")
    assert folder.is_dir()
    dropped = world.json("columns", "drop")
    assert (dropped["done"], dropped["state"]) == ("dropped", "missing")
    assert dropped["bytes"] > 0
    assert not folder.exists()
    assert world.json("balances", "--as-of", "2025-02-01")["derivation"] == "fold"
    assert world.json("columns", "drop")["bytes"] == 0


def test_columns_of_another_ledger_are_not_believed(world: World, tmp_path: Path) -> None:
    other = World(tmp_path / "other.db")
    for number in range(30):
        other.record("open-account", "--account", f"a-{number}", "--token", f"t-{number}")
    other.json("columns", "build")
    shutil.copytree(f"{other.path}.columns", f"{world.path}.columns")
    standing = world.json("columns", "status", code=1)
    assert standing["state"] == "foreign"
    assert "root" in standing["said"]
    assert world.json("balances", "--as-of", "2025-02-01")["derivation"] == "fold"
    assert world.json("columns", "build")["events"] == 38


@pytest.mark.parametrize("harm", ["cut", "flip", "lose", "garble", "outdate"])
def test_harmed_columns_are_noticed_and_built_anew(world: World, harm: str) -> None:
    world.json("columns", "build")
    folder = Path(f"{world.path}.columns")
    (segment,) = lines(world)
    content = segment.read_bytes()
    manifest = (folder / MANIFEST).read_text()
    if harm == "cut":
        segment.write_bytes(content[:-9])
    elif harm == "flip":
        segment.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
    elif harm == "lose":
        segment.unlink()
    elif harm == "garble":
        (folder / MANIFEST).write_text(manifest[:20])
    else:
        (folder / MANIFEST).write_text(manifest.replace('"format":3', '"format":2'))
    expected = "outdated" if harm == "outdate" else "damaged"
    assert world.json("columns", "status", code=1)["state"] == expected
    checks = world.json("verify", "--deep", code=1)["checks"]
    assert [check["name"] for check in checks if not check["ok"]] == ["derivations"]
    assert world.json("columns", "build")["events"] == 38
    assert world.json("verify", "--deep")["ok"]


def test_what_a_killed_build_left_is_swept_away(world: World) -> None:
    folder = Path(f"{world.path}.columns")
    folder.mkdir()
    (folder / "beside-x").write_bytes(b"half")
    (folder / "000000000001-000000000038.parquet").write_bytes(b"named by no manifest")
    assert world.json("columns", "status")["state"] == "missing"
    assert world.json("balances", "--as-of", "2025-02-01")["derivation"] == "fold"
    world.json("columns", "build")
    assert {path.suffix for path in folder.iterdir()} == {".parquet", ".json"}


def test_verify_finds_a_fold_and_sql_that_disagree(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = text_of("balances")
    monkeypatch.setattr(
        "projections.columns.asking.text_of",
        lambda view: text.replace("sum(cash)", "sum(cash) + 1") if view == "balances"
        else text_of(view),
    )  # fmt: skip
    (found,) = [
        check for check in world.json("verify", "--deep", code=1)["checks"] if not check["ok"]
    ]
    assert found["name"] == "derivations"
    assert "balances of account a-1" in found["said"]


def test_a_path_with_the_signs_of_a_pattern_is_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "it's [a]*?"
    folder.mkdir()
    world = small(folder / "tally.db")
    world.json("columns", "build")
    assert world.json("balances", "--as-of", "2025-02-01")["derivation"] == "sql"


def test_nothing_is_imported_before_it_is_needed(world: World) -> None:
    world.json("columns", "build")
    for command in (("balances",), ("state", "a-1"), ("columns", "status")):
        told = tally_process(
            *command, "--ledger", world.path, PYTHONPROFILEIMPORTTIME="1"
        )
        assert told.code == 0
        loaded = {line.rpartition("|")[2].strip() for line in told.err.splitlines()}
        assert "click" in loaded
        assert loaded.isdisjoint({"duckdb", "pyarrow"})


def test_a_missing_package_is_one_clear_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    error = world.json("balances", "--engine", "sql", code=2)
    assert error["code"] == "EXTRA_MISSING"
    assert "tallystick[columns]" in error["hint"]


def test_the_log_is_not_touched(world: World) -> None:
    def log() -> list[tuple[object, ...]]:
        connection = sqlite3.connect(world.path)
        rows = connection.execute("SELECT * FROM stored_events ORDER BY position").fetchall()
        connection.close()
        return rows

    before = log()
    world.json("columns", "build")
    world.json("columns", "drop")
    assert log() == before
