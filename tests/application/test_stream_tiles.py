"""Stream tiles: what is read from them is what the log gives, whatever is recorded late."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from ledger import codec, kept
from ledger.errors import IntegrityBroken
from ledger.events import ACCOUNT_PREFIX, account_of
from ledger.kept import stream_tiles
from ledger.kept.packing import pack
from ledger.kept.stream_tiles import TABLE, Tiles
from ledger.store import open_reader
from projections import runner, snapshots
from projections.history.walk import EFFECTIVE, KNOWN, Walk
from projections.point import account_at, history
from projections.runner import Views
from tests.application.worlds import new_ledger, record, reopen
from tests.cli.program import small
from tests.history.histories import at, clock, lived
from tests.history.test_snapshots import _hours
from tests.proof.test_place import hide

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.application import Ledger
    from ledger.store import Reader
    from tests.servers import Server

A_1 = ACCOUNT_PREFIX + "a-1"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a tile hold 5 events."""
    monkeypatch.setattr(stream_tiles, "SIZE", 5)
    monkeypatch.setattr(stream_tiles, "AT_ONCE", 3)


def _catch_up(ledger: Ledger) -> None:
    Views(ledger.store.reader, ledger.store).catch_up()


def _long(place: Path | str, hours: int = 20) -> Ledger:
    ledger = new_ledger(place)
    record(ledger, _hours(hours))
    _catch_up(ledger)
    return ledger


def _ends(reader: Reader) -> list[int]:
    rows = reader.connection.execute(f"SELECT last FROM {TABLE} WHERE account = 'a-1'")
    return sorted(last for (last,) in rows)


def _reads_the_log(reader: Reader) -> bool:
    """Compare what is read with the log; return whether no tile was used."""
    whole: list[str] = []

    class Listening(type(reader)):  # type: ignore[misc]
        def stream_bodies(self, stream: str, **bounds: Any) -> list[bytes]:
            whole.append(stream)
            found: list[bytes] = super().stream_bodies(stream, **bounds)
            return found

    found = Tiles(Listening(reader.connection, reader.location)).events("a-1")
    assert found == list(codec.decode_all(reader.stream_bodies(A_1)))
    return bool(whole)


@pytest.mark.parametrize("seed", [2, 19])
def test_what_is_read_is_what_the_log_gives_at_any_point(tmp_path: Path, seed: int) -> None:
    path = lived(tmp_path / "tally.db", accounts=5, months=6, seed=seed)
    store = reopen(path).store
    Views(store.reader, store).catch_up()
    reader, dice = store.reader, random.Random(seed)
    first = reader.row(1)
    assert first is not None
    span, head = (first.recorded_at, clock(reader)), reader.head().position
    tiles = Tiles(reader)
    for stream in reader.streams():
        for _ in range(30):
            for bounds in (
                {"at": dice.randint(*span)}, {"known_at": dice.randint(*span)},
                {"position": dice.randint(1, head), "at": dice.randint(*span)}, {},
            ):  # fmt: skip
                point = at(reader, **bounds)
                given = list(history(reader, stream, point, tiles))
                assert given == list(history(reader, stream, point))
                for axis in (EFFECTIVE, KNOWN):
                    one, other = (
                        list(Walk(reader, account_of(stream) or "", point, axis=axis, tiles=by)
                             .events()) for by in (True, False)
                    )  # fmt: skip
                    assert one == other
        account = stream.removeprefix(ACCOUNT_PREFIX)
        state, same = (account_at(reader, account, at(reader), by) for by in (tiles, None))
        assert state is not None
        assert same is not None
        assert pack(state) == pack(same)
    assert stream_tiles.first_that_differs(reader)[0] > 20
    assert stream_tiles.first_that_differs(reader)[1] is None
    store.close()


def test_tiles_grow_with_the_stream_and_only_full_ones_are_kept(tmp_path: Path) -> None:
    ledger = _long(tmp_path / "tally.db")
    reader = ledger.store.reader
    version = reader.stream_version(A_1)
    assert _ends(reader) == list(range(5, version + 1, 5))
    assert version % 5, "there is a rest"
    before = _ends(reader)
    record(ledger, _hours(30, month="02")[2:])
    assert not _reads_the_log(reader), "what is newer than the tiles is read from the log"
    assert _ends(reader) == before, "a command makes none"
    _catch_up(ledger)
    assert _ends(reader) == list(range(5, reader.stream_version(A_1) + 1, 5))
    assert not _reads_the_log(reader)
    ledger.store.close()


@pytest.mark.parametrize(
    ("harm", "used"),
    [
        ("UPDATE view_tiles SET events = x'93'", False),
        ("UPDATE view_tiles SET events = CAST(events || x'00' AS BLOB) WHERE last = 10", True),
        ("UPDATE view_tiles SET last = last + 1", False),
        ("UPDATE view_tiles SET events = (SELECT events FROM view_tiles WHERE last = 5)", True),
        ("DELETE FROM view_tiles WHERE last = 15", True),
        ("DELETE FROM view_tiles WHERE last = 5", False),
        ("DELETE FROM view_tiles", False),
        ("DROP TABLE view_tiles", False),
    ],
)
def test_tiles_that_are_gone_or_damaged_are_not_used(
    tmp_path: Path, harm: str, used: bool
) -> None:
    _long(tmp_path / "tally.db").store.close()
    with sqlite3.connect(tmp_path / "tally.db") as connection:
        connection.execute(harm)
    reader = open_reader(str(tmp_path / "tally.db"))
    assert _reads_the_log(reader) is not used
    reader.close()


def test_tiles_of_another_log_are_not_used_and_are_made_again(tmp_path: Path) -> None:
    path = tmp_path / "tally.db"
    _long(path).store.close()
    other = new_ledger(tmp_path / "other.db")
    record(other, [line.replace(b"p-1", b"p-2") for line in _hours(20)])
    _catch_up(other)
    other.store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("ATTACH ? AS other", (str(tmp_path / "other.db"),))
        connection.execute(f"DELETE FROM {TABLE}")
        connection.execute(f"INSERT INTO {TABLE} SELECT * FROM other.{TABLE}")
    reader = open_reader(str(path))
    assert _reads_the_log(reader)
    assert stream_tiles.first_that_differs(reader)[1:] == ("a-1", "modified")
    reader.close()
    again = reopen(path)
    record(again, _hours(10, month="02")[2:])
    _catch_up(again)
    assert stream_tiles.first_that_differs(again.store.reader)[1] is None
    assert not _reads_the_log(again.store.reader)
    again.store.close()


def test_an_index_that_lacks_an_event_gives_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "tally.db"
    ledger = _long(path)
    record(ledger, _hours(10, month="02")[2:])
    version = ledger.store.reader.stream_version(A_1)
    ledger.store.close()
    hide(path, "sqlite_autoindex_stored_events_1", "stored_events",
         f"originator_id = '{A_1}' AND originator_version = {version - 3}")  # fmt: skip
    reader = open_reader(str(path))
    with pytest.raises(IntegrityBroken, match="index of streams"):
        Tiles(reader).events("a-1")
    reader.close()


def test_verify_finds_a_changed_tile_and_a_rebuild_mends_it(tmp_path: Path) -> None:
    world = small(tmp_path / "tally.db")
    world.json("balances")
    with sqlite3.connect(world.path) as connection:
        connection.execute(
            f"UPDATE {TABLE} SET events = CAST(replace(events, 'bank', 'bond') AS BLOB)"
        )
    bad = [check for check in world.json("verify", "--deep", code=1)["checks"] if not check["ok"]]
    assert [(one["name"], one["kind"]) for one in bad] == [("tiles", "modified")]
    world.json("projections", "rebuild")
    assert world.json("verify", "--deep")["ok"]


def test_a_rebuild_that_is_resumed_makes_everything_that_is_derived_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "REBUILD_BATCH", 1)
    monkeypatch.setattr(kept, "LONG", 12)
    monkeypatch.setattr(snapshots, "EVERY", 6)
    monkeypatch.setattr(snapshots, "LONG", 12)
    store = reopen(lived(tmp_path / "tally.db", accounts=4, months=6, seed=2)).store
    views, reader = Views(store.reader, store), store.reader
    views.catch_up()
    derived = (snapshots, stream_tiles, kept)
    before = [part.first_that_differs(reader) for part in derived]
    assert min(count for count, *_ in before) > 0
    with store.writing() as writer:
        writer.connection.execute(f"UPDATE {TABLE} SET events = x'93'")
        writer.connection.execute(f"INSERT INTO {TABLE} VALUES ('nobody', 5, x'93')")

    def interrupt(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        views.rebuild(progress=interrupt)
    assert views.rebuild() is None
    assert [part.first_that_differs(reader) for part in derived] == before
    left = reader.connection.execute(f"SELECT COUNT(*) FROM {TABLE}").fetchone()
    assert left == (before[1][0],)
    store.close()


def test_a_server_keeps_tiles_too(database: str) -> None:
    ledger = _long(database)
    reader = ledger.store.reader
    assert len(_ends(reader)) > 5
    assert not _reads_the_log(reader)
    assert stream_tiles.first_that_differs(reader)[1] is None
    ledger.store.close()


def test_a_role_that_may_not_write_or_make_tiles_records_and_looks_without_them(
    server: Server, database: str
) -> None:
    """What is derived only for speed asks for no right of its own."""
    from tests.store.test_server_rights import as_role, run  # noqa: PLC0415 - it needs a driver

    _long(database).store.close()
    role = f"writer_{uuid4().hex}"
    server.run(f"CREATE ROLE {role} LOGIN")
    run(
        database, f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"REVOKE ALL ON {TABLE} FROM {role}",
    )  # fmt: skip
    for month, statement in (("02", f"DROP TABLE {TABLE}"), ("03", "SELECT 1")):
        ledger = reopen(as_role(database, role))
        record(ledger, _hours(10, month=month)[2:])
        _catch_up(ledger)
        assert _reads_the_log(ledger.store.reader)
        assert stream_tiles.first_that_differs(ledger.store.reader) == (0, None, "")
        ledger.store.close()
        run(database, statement)
    run(database, f"DROP OWNED BY {role}")
    server.run(f"DROP ROLE {role}")
