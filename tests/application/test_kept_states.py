"""Whole states that are kept of long streams: a command decides as if it had folded everything."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING

import pytest

from ledger import codec, kept
from ledger.account import evolve, fold
from ledger.events import ACCOUNT_PREFIX
from ledger.kept.packing import FORMAT, Packed, pack, unpack
from ledger.state import AccountState
from ledger.store.reading import Reader
from projections.runner import Views
from tests.application.worlds import new_ledger, record, reopen
from tests.history.histories import lived
from tests.history.test_snapshots import _hours

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.application import Ledger


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let streams be long from 12 events on."""
    monkeypatch.setattr(kept, "LONG", 12)


def _folded(ledger: Ledger, account: str) -> AccountState:
    bodies = ledger.store.reader.stream_bodies(ACCOUNT_PREFIX + account)
    return fold(account, codec.decode_all(bodies))


def _catch_up(ledger: Ledger) -> None:
    Views(ledger.store.reader, ledger.store).catch_up()


def _long(path: Path, hours: int = 40) -> Ledger:
    ledger = new_ledger(path)
    record(ledger, _hours(hours))
    _catch_up(ledger)
    return ledger


@pytest.mark.parametrize("seed", [3, 11])
def test_a_state_goes_through_bytes_whole_and_in_its_order(tmp_path: Path, seed: int) -> None:
    ledger = reopen(lived(tmp_path / "tally.db", accounts=4, months=6, seed=seed))
    reader, dice = ledger.store.reader, random.Random(seed)
    for stream in reader.streams():
        account = stream.removeprefix(ACCOUNT_PREFIX)
        events = list(codec.decode_all(reader.stream_bodies(stream)))
        cut = dice.randint(1, len(events))
        state = unpack(pack(fold(account, events[:cut])))
        for recorded in events[cut:]:
            evolve(state, recorded)
        whole = fold(account, events)
        assert pack(state) == pack(whole)
        for name, item in state.items.items():  # what is paid of one is paid of the other
            assert item is state.bills.get(name, item)
        assert all(state.coupons[name] is one for name, one in state.funded.items())
        assert all(state.instances[name] is one for name, one in state.live.items())
    ledger.store.close()


def test_every_field_of_a_state_is_kept_but_what_is_derived() -> None:
    derived = {"order", "changes", "next_due"}
    renamed = {"items": "unpaid"}
    fields = {renamed.get(name, name) for name in AccountState.__slots__} - derived
    assert fields == set(Packed.__struct_fields__) - {"owed"}
    # Change the shape of what is kept, and older rows must not count any more: raise FORMAT.
    assert (FORMAT, len(Packed.__struct_fields__)) == (1, 23)


def test_a_first_command_reads_the_end_of_a_long_stream_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tally.db"
    _long(path).store.close()
    ledger = reopen(path)
    version, read = _folded(ledger, "a-1").version, list[int]()
    part = Reader.stream_part

    def counted(self: Reader, stream: str, **bounds: int) -> list[bytes]:
        found = part(self, stream, **bounds)
        read.append(len(found))
        return found

    def whole(_: Reader, stream: str, **__: int | None) -> list[bytes]:
        raise AssertionError(stream)

    monkeypatch.setattr(Reader, "stream_part", counted)
    with monkeypatch.context() as patched:
        patched.setattr(Reader, "stream_bodies", whole)
        state = ledger.load("a-1")
    assert state is not None
    assert state.version == version
    assert sum(read) <= version // kept.PART
    assert pack(state) == pack(_folded(ledger, "a-1"))
    ledger.store.close()


def test_late_facts_and_repeats_are_decided_as_from_a_whole_fold(tmp_path: Path) -> None:
    path = tmp_path / "tally.db"
    _long(path).store.close()
    late = [
        (b'{"at":"2025-02-01T00:00:00+08:00","do":"top-up","account":"a-1","amount":"9",'
        b'"channel":"bank","serial":"late","effective_at":"2025-01-01T05:00:00+08:00"}'),
        (b'{"at":"2025-02-01T00:00:00+08:00","do":"credit-note","account":"a-1","note":"n",'
        b'"bill":"u-01-3","amount":"0.25"}'),
        (b'{"at":"2025-02-01T00:00:00+08:00","do":"reverse-top-up","account":"a-1",'
        b'"channel":"bank","serial":"01-7","amount":"2"}'),
        _hours(2)[2],  # a payment that is there
    ]
    ledger = reopen(path)
    record(ledger, late)
    _catch_up(ledger)
    head = list(ledger.store.reader.bodies())
    state = ledger.load("a-1")
    assert state is not None
    assert pack(state) == pack(_folded(ledger, "a-1"))
    ledger.store.close()
    beside = new_ledger(tmp_path / "beside.db")  # never lets go of what it folded
    record(beside, _hours(40))
    record(beside, late)
    assert list(beside.store.reader.bodies()) == head
    beside.store.close()


@pytest.mark.parametrize(
    "harm",
    ["body_sha256 = x'00'", "position = position + 1", "version = version - 1", "format = 0",
     "state = x'93'", "digest = x'00'", "account = 'a-2'"],
)  # fmt: skip
def test_a_state_of_another_log_or_program_or_damaged_is_not_there(
    tmp_path: Path, harm: str
) -> None:
    path = tmp_path / "tally.db"
    _long(path).store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute(f"UPDATE {kept.TABLE} SET {harm}").rowcount == 1
    ledger = reopen(path)
    state = ledger.load("a-1")
    assert state is not None
    assert pack(state) == pack(_folded(ledger, "a-1"))
    record(ledger, _hours(40, month="02")[2:])
    _catch_up(ledger)
    Views(ledger.store.reader, ledger.store).rebuild()
    assert kept.first_that_differs(ledger.store.reader) == (1, None, "")
    assert Views(ledger.store.reader).compare()[1] is None
    ledger.store.close()


def test_a_changed_state_is_found_and_a_rebuild_mends_it(tmp_path: Path) -> None:
    path = tmp_path / "tally.db"
    ledger = _long(path)
    with ledger.store.writing() as writer:
        connection = writer.connection
        (packed, on) = connection.execute(f"SELECT state, body_sha256 FROM {kept.TABLE}").fetchone()
        state = unpack(packed)
        state.cash += 1
        connection.execute(
            f"UPDATE {kept.TABLE} SET state = ?, digest = ?",
            (pack(state), kept._digest("a-1", on, pack(state))),
        )
    assert kept.first_that_differs(ledger.store.reader) == (1, "a-1", "modified")
    Views(ledger.store.reader, ledger.store).rebuild()
    assert kept.first_that_differs(ledger.store.reader) == (1, None, "")
    ledger.store.close()


def test_a_server_keeps_states_too(database: str) -> None:
    ledger = new_ledger(database)
    record(ledger, _hours(20))
    _catch_up(ledger)
    assert kept.first_that_differs(ledger.store.reader) == (1, None, "")
    state = kept.load(ledger.store.reader, "a-1")
    assert state is not None
    assert pack(state) == pack(_folded(ledger, "a-1"))
    ledger.store.close()


def test_only_rows_that_changed_are_written_again(tmp_path: Path) -> None:
    ledger = _long(tmp_path / "tally.db")
    record(ledger, [
        (b'{"at":"2025-02-01T00:00:00+08:00","do":"credit-note","account":"a-1","note":"n",'
        b'"bill":"u-01-3","amount":"0.25"}'),
    ])  # fmt: skip
    with ledger.store.writing() as writer:
        before = writer.connection.total_changes  # type: ignore[attr-defined]
        Views(writer.reader, ledger.store).catch_up_within(writer)
        changed = writer.connection.total_changes - before  # type: ignore[attr-defined]
    assert changed <= 20  # its bill, its balance and six checkpoints, of some 80 rows
    assert Views(ledger.store.reader).compare()[1] is None
    ledger.store.close()
