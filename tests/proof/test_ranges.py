"""The ranges of a log: looked at in any order, by one process or two, with one answer."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.measure import commands, fill, new_ledger
from ledger.proof.nodes import WIDTH, Nodes
from ledger.store import create_store, open_reader, open_store
from ledger.store.copying import copy
from ledger.verification import sharing
from ledger.verification.log import check_log
from ledger.verification.ranges import Joined, Whole, look, spans
from ledger.verification.sharing import Ranges
from tests.cli.program import ROOT, environment
from tests.proof.worlds import rebuild_tree, rewrite, tampered

LEVEL = WIDTH.bit_length() - 1  # the least: a row of the tree never crosses a range


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Import commands with tokens and payments; there are five ranges and a rest."""
    path = tmp_path_factory.mktemp("ranges") / "t.db"
    ledger = new_ledger(path)
    fill(ledger, commands(500, accounts=20))
    ledger.store.close()
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """Copy it."""
    return Path(shutil.copy(made, tmp_path / "t.db"))


def whole(path: Path, *, location: str | None = None) -> tuple[Whole | None, int]:
    """Look at all ranges; return what came of it, and how many events the second process saw."""
    with closing(open_reader(str(path))) as reader, reader.snapshot():
        ranges = Ranges(reader, reader.head().position, LEVEL)
        with ranges.helped(location):
            return ranges.whole(), ranges.helped_with


def test_the_ranges_of_a_log_give_its_root(path: Path) -> None:
    reader = open_reader(str(path))
    size = reader.head().position
    assert size > 5 << LEVEL
    assert size % (1 << LEVEL)
    found, _ = whole(path)
    assert found is not None
    assert found.root == Nodes(reader.connection).root(size)
    assert found.recorded_at == reader.head().recorded_at
    stored = reader.connection.execute("SELECT COUNT(*) FROM requests").fetchone()
    assert (found.requests,) == stored


def test_ranges_join_in_their_order_alone(path: Path) -> None:
    reader = open_reader(str(path))
    seen = [look(reader, span, lambda _: None) for span in spans(reader.head().position, LEVEL)]
    joined = Joined(Nodes(reader.connection), LEVEL)
    assert seen[0] is not None
    assert seen[1] is not None
    assert not joined.take(seen[1])
    assert Joined(Nodes(reader.connection), LEVEL).take(seen[0])
    first = seen[0]
    for odd in (
        {"recorded_at": (-1, first.recorded_at[1])}, {"peaks": {LEVEL: bytes(32)}},
        {"streams": {**first.streams, "account:more": (1, 2)}},
    ):  # fmt: skip
        fields = {name: getattr(first, name) for name in first.__struct_fields__}
        assert not Joined(Nodes(reader.connection), LEVEL).take(type(first)(**{**fields, **odd}))
    assert joined.end(0) is None, "there are stored nodes"


EDGE = 2 << LEVEL  # the last position of the second range
REQUEST = "(SELECT max(first_position) FROM requests)"
EDITS = {
    "bytes": "UPDATE stored_events SET state = CAST(state || x'00' AS BLOB) "
             f"WHERE position = {EDGE}",
    "bytes of no event": f"UPDATE stored_events SET state = x'c0' WHERE position = {EDGE + 1}",
    "column": f"UPDATE stored_events SET effective_at = 1 WHERE position = {EDGE + 1}",
    "name": f"UPDATE stored_events SET topic = 'T/1' WHERE position = {EDGE}",
    "event deleted": f"DELETE FROM stored_events WHERE position = {EDGE}",
    "tail deleted": f"DELETE FROM stored_events WHERE position > {EDGE}",
    "before the first": "UPDATE stored_events SET position = 0 WHERE position = 1",
    "request": f"UPDATE requests SET digest = x'00' WHERE first_position = {REQUEST}",
    "its end": f"UPDATE requests SET last_position = 1 WHERE first_position = {REQUEST}",
    "request deleted": f"DELETE FROM requests WHERE first_position = {REQUEST}",
    "request added": "INSERT INTO requests VALUES ('tokens:a', 'more', x'00', 5, 5)",
    "leaf": "UPDATE tree_nodes SET hashes = zeroblob(length(hashes)) WHERE level = 0 AND start = "
            f"{EDGE}",
    "leaves deleted": f"DELETE FROM tree_nodes WHERE level = 0 AND start = {EDGE}",
    "node": "UPDATE tree_nodes SET hashes = zeroblob(length(hashes)) WHERE level = 3",
    "top node": "UPDATE tree_nodes SET hashes = zeroblob(32) WHERE level = 10",
    "node twice": "INSERT INTO tree_nodes SELECT 5, 90, hashes FROM tree_nodes WHERE level = 9",
    "node of no leaf": "INSERT INTO tree_nodes VALUES (0, 99999, zeroblob(32))",
    "node left of all": "INSERT INTO tree_nodes VALUES (2, -1, zeroblob(32))",
    "level of no tree": "INSERT INTO tree_nodes VALUES (64, 0, zeroblob(32))",
}
REWRITTEN: dict[str, dict[str, Any]] = {
    "version": {"version": 9999}, "clock": {"recorded_at": 1}, "position": {"position": 7},
    "another event": {"event": {"type": "AccountOpened/1"}},
}  # fmt: skip


def found(path: Path | str) -> list[tuple[str, str | None, int | None]]:
    """Check the log; return what fails, with kind and position."""
    with closing(open_reader(str(path))) as reader, reader.snapshot():
        ranges = Ranges(reader, reader.head().position, LEVEL)
        log = check_log(reader, Nodes(reader.connection), ranges)
    return [(one.name, one.fault.kind, one.fault.position) for one in log.checks if one.fault]


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_wrong_in_any_range_is_named_as_in_one_pass(path: Path, edit: str) -> None:
    assert found(path) == []
    tampered(path, EDITS[edit])
    assert whole(path)[0] is None or edit == "request added"
    assert found(path), "the count of requests is compared outside the ranges"


@pytest.mark.parametrize("change", REWRITTEN)
@pytest.mark.parametrize("at", [EDGE, EDGE + 1, EDGE + 9])
def test_so_is_what_whoever_owns_the_file_hashed_again(path: Path, change: str, at: int) -> None:
    rewrite(path, at, **REWRITTEN[change])
    rebuild_tree(path)
    assert whole(path)[0] is None
    assert any(position == at for _, _, position in found(path))


# --- a second process -----------------------------------------------------------------------------

GONE = "import sys; sys.stdin.buffer.read(60)"  # it takes a range, and is killed
BEGIN = "import sys; sys.path[:] = sys.argv[1:]; from ledger.verification import sharing; "


def with_two(
    path: Path | str, monkeypatch: pytest.MonkeyPatch, location: Path | str
) -> tuple[Whole | None, int]:
    """Let a second process do all that it does before this one begins."""
    monkeypatch.setattr(sharing, "LARGE", 1)
    monkeypatch.setattr(sharing, "_two_can_work", lambda: True)
    with closing(open_reader(str(path))) as reader, reader.snapshot():
        ranges = Ranges(reader, reader.head().position, LEVEL)
        with ranges.helped(str(location)):
            assert ranges._second is not None
            ranges._second.join()
            return ranges.whole(), ranges.helped_with


def test_a_second_process_finds_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, helped = whole(path)
    assert alone is not None
    assert helped == 0
    size = open_reader(str(path)).head().position
    assert with_two(path, monkeypatch, path) == (alone, size)
    tampered(path, EDITS["column"])
    assert with_two(path, monkeypatch, path)[0] is None


def test_a_server_is_looked_at_by_two_as_well(
    made: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a connection of its own; what is recorded meanwhile comes after both."""
    create_store(database)
    store = open_store(database)
    with closing(open_reader(str(made))) as reader:
        size = copy(reader, store).events
    store.close()
    alone, _ = whole(made)
    assert with_two(database, monkeypatch, database) == (alone, size)
    assert found(database) == []
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE stored_events DISABLE TRIGGER ALL")
        connection.execute("UPDATE stored_events SET topic = 'T/1' WHERE position = %s", (EDGE,))
    assert with_two(database, monkeypatch, database)[0] is None
    assert found(database)[0] == ("columns", "modified", EDGE)


@pytest.mark.parametrize("program", [GONE, "raise SystemExit", f"{BEGIN}sharing.open_reader('x')"])
def test_what_a_second_process_leaves_is_done_here(
    path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    alone, _ = whole(path)
    monkeypatch.setattr(sharing, "_SERVE", program)
    assert with_two(path, monkeypatch, path) == (alone, 0)


def test_a_second_process_that_sees_another_ledger_is_not_believed(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody moved a file there meanwhile: every range of it is whole, and none is of this."""
    other = tmp_path / "other.db"
    shutil.copy(path, other)
    rewrite(other, EDGE, actor="nobody")
    rebuild_tree(other)
    assert with_two(path, monkeypatch, other)[0] is None
    assert found(path) == []


INTERRUPTED = """
import sys, time
from ledger.verification import sharing
sharing.LARGE = 1
sharing._two_can_work = lambda: True
sharing._SERVE = "import time; print(); time.sleep(60)"
whole = sharing.Ranges.whole
def late(ranges, progress=None):
    time.sleep(1)  # by then the second one has its range
    return whole(ranges, progress)
sharing.Ranges.whole = late
from cli.main import main
sys.argv = ["tally", "verify", "--ledger", sys.argv[1]]
main()
"""


def test_ctrl_c_ends_both_quietly(path: Path) -> None:
    """The second one has a range and does not answer: the first waits for it."""
    begun = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(path)], cwd=ROOT, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    children = Path(f"/proc/{begun.pid}/task/{begun.pid}/children")
    deadline = time.monotonic() + 30
    while not (second := children.read_text().split()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert second
    begun.send_signal(signal.SIGINT)
    out, err = begun.communicate(timeout=30)
    assert (begun.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    deadline = time.monotonic() + 30  # whoever waits for it may come to that late
    while _runs(second[0]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(second[0])


def _runs(process: str) -> bool:
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
