"""One suite for every store: what is appended stays, in order, whole, and refuses the rest."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from typing import TYPE_CHECKING

import pytest
from eventsourcing.persistence import StoredEvent

from ledger.store import create_store, open_store
from ledger.store.errors import LedgerExists, PositionConflict, StreamConflict
from ledger.store.postgres import PostgresStore
from ledger.store.rows import Request, Row
from ledger.store.sqlite import FileStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ledger.store import Store


@pytest.fixture(params=["file", "memory", "server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Open an empty store of each kind."""
    location = ":memory:"
    if request.param == "file":
        location = str(tmp_path / "log.db")
        create_store(location)
    elif request.param == "server":
        location = request.getfixturevalue("database")
        create_store(location)
    opened = open_store(location)
    yield opened
    opened.close()


def row(position: int, stream: str = "account:a", version: int = 0, at: int = 100) -> Row:
    """Make a row; late ones are effective before they are recorded."""
    effective = at - 50 if position % 3 == 0 else at
    return Row(position, stream, version or position, "T/1", at, effective, b"b%d" % position)


def append(store: Store, *rows: Row) -> None:
    """Append rows in one transaction."""
    with store.writing() as writer:
        writer.append_rows(rows)


def test_an_empty_log_has_an_empty_head(store: Store) -> None:
    assert store.reader.head() == (0, 0, b"")
    assert store.reader.position_known_at(10**18) == 0
    assert store.reader.row(1) is None


def test_what_is_appended_is_read_back_in_order(store: Store) -> None:
    rows = [row(1), row(2, "account:b", 1), row(3, at=130)]
    append(store, *rows)
    reader = store.reader
    assert list(reader.rows()) == rows
    assert list(reader.bodies(after=1)) == [b"b2", b"b3"]
    assert list(reader.bodies(until=2)) == [b"b1", b"b2"]
    assert reader.head() == (3, 130, hashlib.sha256(b"b3").digest())
    assert reader.streams() == ["account:a", "account:b"]
    assert sorted(reader.streams_touched(after=1, until=2)) == ["account:b"]
    assert reader.row(2) == rows[1]


def test_a_stream_is_bounded_on_every_axis_and_ordered_by_either(store: Store) -> None:
    append(store, row(1, version=1), row(2, version=2, at=120), row(3, version=3, at=130))
    read = store.reader.stream_bodies
    assert read("account:a") == [b"b1", b"b2", b"b3"]
    assert read("account:a", order="effective") == [b"b3", b"b1", b"b2"]
    assert read("account:a", until_position=2) == [b"b1", b"b2"]
    assert read("account:a", at=100, order="effective") == [b"b3", b"b1"]
    assert read("account:a", types=["T/1"]) == [b"b1", b"b2", b"b3"]
    assert read("account:a", types=["Other/1"]) == []
    assert store.reader.stream_version("account:a", until=2) == 2
    assert store.reader.position_known_at(129) == 2


@pytest.mark.parametrize(
    "rows",
    [
        [row(2)],
        [row(1), row(3)],
        [row(1), row(1)],
        [row(1, at=100), row(2, at=99)],
    ],
    ids=["gap at the head", "gap inside", "same position", "clock backwards"],
)
def test_rows_that_do_not_continue_the_log_are_refused_whole(
    store: Store, rows: list[Row]
) -> None:
    with pytest.raises(PositionConflict):
        append(store, *rows)
    assert store.reader.head().position == 0


def test_a_version_that_exists_is_refused_and_nothing_is_kept(store: Store) -> None:
    append(store, row(1, version=1))
    with pytest.raises(StreamConflict):
        append(store, row(2, "account:b", 1), row(3, version=1))
    assert store.reader.head().position == 1


def test_an_exception_rolls_everything_back(store: Store) -> None:
    with pytest.raises(RuntimeError), store.writing() as writer:
        writer.append_rows([row(1)])
        writer.set_meta("k", "v")
        writer.put_requests({("s", "k"): Request(b"d", 1, 1)})
        raise RuntimeError
    assert store.reader.head().position == 0
    assert store.reader.meta("k") is None
    assert store.reader.request("s", "k") is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stored_events SET effective_at = 1",
        "DELETE FROM stored_events",
        "INSERT OR REPLACE INTO stored_events VALUES (1, 'x', 1, 'T', x'00', 1, 1)",
        "INSERT OR REPLACE INTO stored_events VALUES (2, 'account:a', 1, 'T', x'00', 1, 1)",
        "UPDATE requests SET first_position = 2",
        "DELETE FROM requests",
    ],
)
def test_the_database_itself_refuses_to_change_what_is_recorded(
    store: Store, statement: str
) -> None:
    """R55: not by the program alone."""
    if isinstance(store, PostgresStore):
        statement = statement.replace("INSERT OR REPLACE", "INSERT").replace("x'00'", "''")
        statement += " ON CONFLICT (position) DO UPDATE SET effective_at = 1" * (
            "INSERT" in statement
        )
    with store.writing() as writer:
        writer.append_rows([row(1)])
        writer.put_requests({("s", "k"): Request(b"d", 1, 1)})
    with pytest.raises(Exception, match="append-only"), store.writing() as writer:
        writer.connection.execute(statement)
    assert list(store.reader.bodies()) == [b"b1"]


def test_keys_and_settings_are_remembered(store: Store) -> None:
    with store.writing() as writer:
        writer.append_rows([row(1)])
        writer.put_requests({("payment", "a/1"): Request(b"d", 1, 1)})
        writer.set_meta("clock", "5")
        writer.set_meta("clock", "6")
        assert writer.request("payment", "a/1") == (b"d", 1, 1)
    assert store.reader.request("payment", "a/1") == (b"d", 1, 1)
    assert store.reader.meta("clock") == "6"


def test_hooks_run_in_the_transaction_of_the_append(store: Store) -> None:
    seen: list[int] = []
    store.after_append.append(lambda _, rows: seen.extend(one.position for one in rows))
    append(store, row(1), row(2))
    assert seen == [1, 2]


def test_the_library_reads_and_writes_our_table(store: Store) -> None:
    """The recorder is eventsourcing's: its own calls work on the same rows."""
    append(store, row(1, version=1), row(2, version=2))
    assert isinstance(store, (FileStore, PostgresStore))
    recorder = store.recorder
    assert recorder.max_notification_id() == 2
    assert [one.state for one in recorder.select_events("account:a", gt=1)] == [b"b2"]
    notes = recorder.select_notifications(start=1, limit=10)
    assert [(note.id, note.originator_version) for note in notes] == [(1, 1), (2, 2)]
    event = StoredEvent("account:a", 3, "T/1", b"b3")
    assert recorder.insert_events([event]) == [3]
    last = store.reader.row(3)
    assert last is not None
    assert (last.version, last.body) == (3, b"b3")
    assert last.recorded_at == last.effective_at > 100


def test_a_new_ledger_overwrites_nothing(tmp_path: Path) -> None:
    location = str(tmp_path / "log.db")
    create_store(location)
    with pytest.raises(LedgerExists):
        create_store(location)


def test_positions_are_explicit_durable_and_survive_a_vacuum(tmp_path: Path) -> None:
    location = str(tmp_path / "log.db")
    create_store(location)
    opened = open_store(location)
    append(opened, row(1), row(2))
    opened.close()
    plain = sqlite3.connect(location)
    assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    plain.execute("VACUUM")
    assert plain.execute("SELECT position FROM stored_events").fetchall() == [(1,), (2,)]
    table = plain.execute("SELECT sql FROM sqlite_master WHERE name = 'stored_events'").fetchone()
    assert "AUTOINCREMENT" in table[0]
    plain.close()
    again = open_store(location)
    with again.writing() as writer:
        assert writer.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    again.close()


def test_accounts_are_listed_once_whatever_stands_beside_them(store: Store) -> None:
    assert store.reader.accounts() == []
    names = [
        "policy", "account:b", "account:a", "account:b", "accounts:c", "tags", "account:\u4e2d",
    ]  # fmt: skip
    seen: dict[str, int] = {}
    with store.writing() as writer:
        for position, name in enumerate(names, 1):
            seen[name] = seen.get(name, 0) + 1
            writer.append_rows([row(position, name, seen[name])])
    assert store.reader.accounts() == ["a", "b", "\u4e2d"]
    assert [f"account:{one}" for one in store.reader.accounts()] == store.reader.streams()
    asked = [*dict.fromkeys(names), "account:", "account:c", "polic"]
    assert [one for one in asked if store.reader.has_stream(one)] == asked[:-3]


KEYS = ["x\0y", "\0", "k" * 5000, "\u4e2d" * 1000, "\x01sha256:" + "0" * 64, "plain", "k" * 1200]


def test_every_key_is_kept_and_found_again_whatever_is_in_it(store: Store) -> None:
    """A server's text holds no NUL, and its index nothing long."""
    with store.writing() as writer:
        for number, key in enumerate(KEYS, 1):
            writer.put_requests({("token:a", key): Request(b"d", number, number)})
    for number, key in enumerate(KEYS, 1):
        assert store.reader.request("token:a", key) == (b"d", number, number)
        assert store.reader.request("token:b", key) is None
    assert store.reader.request("token:a", "x") is None


def test_many_keys_are_kept_and_one_that_is_used_keeps_none(store: Store) -> None:
    many = {("s", str(number)): Request(b"d", number, number) for number in range(1, 504)}
    with store.writing() as writer:
        writer.put_requests(many)
    assert all(store.reader.request(*key) == one for key, one in many.items())
    used = re.compile("the key is used|duplicate key")
    with pytest.raises(Exception, match=used), store.writing() as writer:
        writer.put_requests({("s", "new"): Request(b"d", 1, 1), ("s", "9"): Request(b"d", 1, 1)})
    assert store.reader.request("s", "new") is None


def test_a_key_that_an_earlier_version_kept_as_it_is_is_found(tmp_path: Path) -> None:
    location = str(tmp_path / "log.db")
    create_store(location)
    opened = open_store(location)
    with opened.writing() as writer:
        for key in KEYS:
            writer.connection.execute(
                "INSERT INTO requests VALUES ('token:a', ?, x'00', 1, 1)", (key,)
            )
    assert all(opened.reader.request("token:a", key) for key in KEYS)
    opened.close()
