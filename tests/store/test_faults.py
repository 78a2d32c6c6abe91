"""What may go wrong with a file: nothing recorded is lost, nothing half recorded, a clear error."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ledger.errors import InvalidInput
from ledger.store import create_store, open_reader, open_store
from ledger.store.errors import (
    DiskFull,
    LedgerBusy,
    LedgerDamaged,
    LedgerNotFound,
    NotALedger,
    StoreError,
)
from ledger.store.journal import standing
from ledger.store.rows import Row

ROOT = Path(__file__).parents[2]


def rows(first: int, count: int, *, body: bytes = b"x" * 200) -> list[Row]:
    """Make consecutive rows of one stream."""
    return [Row(p, "account:a", p, "T/1", 100, 100, body) for p in range(first, first + count)]


@pytest.fixture
def location(tmp_path: Path) -> str:
    """Make a ledger file with some rows."""
    path = str(tmp_path / "log.db")
    create_store(path)
    store = open_store(path)
    with store.writing() as writer:
        writer.append_rows(rows(1, 500))
    store.close()
    return path


def test_a_full_disk_refuses_the_batch_and_keeps_what_was_recorded(location: str) -> None:
    store = open_store(location)
    with pytest.raises(DiskFull, match="nothing of this batch"), store.writing() as writer:
        (pages,) = writer.connection.execute("PRAGMA page_count").fetchone()
        writer.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        writer.append_rows(rows(501, 2000))
    store.close()
    again = open_store(location)
    assert again.reader.head().position == 500
    with again.writing() as writer:
        writer.append_rows(rows(501, 10))
    assert again.reader.head().position == 510
    again.close()


def test_a_file_system_limit_is_a_full_disk_too(location: str) -> None:
    """The operating system refuses the write itself (RLIMIT_FSIZE), in a process of its own."""
    program = textwrap.dedent(
        """
        import resource, signal, sys
        from ledger.store import open_store
        from ledger.store.errors import StoreError
        from tests.store.test_faults import rows
        store = open_store(sys.argv[1])
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        try:
            with store.writing() as writer:
                writer.append_rows(rows(501, 20_000))
        except StoreError as error:
            print(error.code)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, location],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "DISK_FULL"
    assert open_reader(location).head().position == 500


def test_a_second_writer_waits_and_then_says_that_the_ledger_is_busy(location: str) -> None:
    from ledger.store.sqlite import FileStore  # noqa: PLC0415 - loaded when needed

    one, two = open_store(location), FileStore(location, busy_seconds=1)
    with one.writing() as writer:
        writer.append_rows(rows(501, 1))
        with pytest.raises(LedgerBusy), two.writing():
            pass
    with two.writing() as other:
        assert other.head.position == 501
    one.close()
    two.close()


def test_two_processes_interleave_without_losing_an_event(location: str) -> None:
    program = textwrap.dedent(
        """
        import sys
        from ledger.store import open_store
        from tests.store.test_faults import rows
        store = open_store(sys.argv[1])
        for _ in range(60):
            with store.writing() as writer:
                writer.append_rows(rows(writer.head.position + 1, 3))
        """
    )
    command = [sys.executable, "-c", program, location]
    both = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    found = [(row.position, row.version) for row in open_reader(location).rows()]
    assert found == [(p, p) for p in range(1, 500 + 2 * 60 * 3 + 1)]


@pytest.mark.parametrize("keep", [0, 50, 99, 100, 4096, 10_000, 60_000])
def test_a_file_cut_short_is_a_clear_error_never_a_wrong_answer(location: str, keep: int) -> None:
    path = Path(location)
    whole = path.read_bytes()
    assert len(whole) > 100_000
    path.write_bytes(whole[:keep])
    with pytest.raises((LedgerDamaged, NotALedger)) as caught:
        reader = open_reader(location)
        list(reader.bodies())
    assert isinstance(caught.value, StoreError)
    assert location in str(caught.value)
    assert caught.value.hint


def test_a_page_overwritten_is_noticed(location: str) -> None:
    path = Path(location)
    connection = sqlite3.connect(location)
    (page,) = connection.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = 'stored_events'"
    ).fetchone()
    connection.close()
    whole = bytearray(path.read_bytes())
    whole[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    path.write_bytes(bytes(whole))
    with pytest.raises((LedgerDamaged, NotALedger)):
        list(open_reader(location).bodies())


def test_what_is_no_ledger_is_named_as_such(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.db"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    text = tmp_path / "notes.txt"
    text.write_text("not a database at all, but long enough to be read as one " * 40)
    for path in (foreign, text):
        with pytest.raises(NotALedger):
            open_reader(str(path))
        with pytest.raises(NotALedger):
            open_store(str(path))
    with pytest.raises(InvalidInput, match="is a folder"):
        open_reader(str(tmp_path))
    with pytest.raises(LedgerNotFound, match="no ledger"):
        open_reader(str(tmp_path / "nothing.db"))
    assert not (tmp_path / "nothing.db").exists()


def test_a_reader_and_a_writer_do_not_disturb_each_other(location: str) -> None:
    reader = open_reader(location)
    bodies = reader.bodies()
    next(bodies)
    store = open_store(location)
    with store.writing() as writer:
        writer.append_rows(rows(501, 10))
    assert sum(1 for _ in bodies) == 499
    assert reader.head().position == 510
    store.close()


HOLDS = """
import fcntl, sys
with open(sys.argv[1], "rb+") as index:
    for first, count in ((120, 1), (123, 6)):  # the writer's place, and those of readers and all
        try:
            fcntl.lockf(index, fcntl.LOCK_EX | fcntl.LOCK_NB, count, first)
        except OSError:
            print(first)
"""


def test_to_look_at_the_journal_gives_up_no_lock_on_the_ledger(location: str) -> None:
    """SQLite holds its locks by process: whoever closes its index loses them all (POSIX)."""
    index = f"{location}-shm"

    def held() -> str:
        run = [sys.executable, "-c", HOLDS, index]
        return subprocess.run(run, capture_output=True, check=True, text=True).stdout

    store, looking = open_store(location), open_reader(location)
    with store.writing() as writer:
        writer.append_rows(rows(501, 10))
    assert held() == "123\n"
    with store.writing() as writer:
        writer.append_rows(rows(511, 10))
        found = standing(store.reader)
        assert found is not None
        assert found.state == "needed"
        assert held() == "120\n123\n"
    open_store(location).close()  # a second writer of the same process looks as well
    assert held() == "123\n"
    looking.close()
    store.close()
