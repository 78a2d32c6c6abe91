"""Frames of long streams: the same answers as a fold from nothing, whatever is recorded late."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from ledger.events import ACCOUNT_PREFIX
from ledger.periods import HOUR
from ledger.store import open_reader
from projections import snapshots
from projections.answers.state import state_of
from projections.history.frames import copy_frame, first_frame, pack_frame, unpack_frame
from projections.point import account_at, config_at
from projections.runner import Views
from tests.application.worlds import new_ledger, record, reopen
from tests.cli.program import World, small
from tests.history.histories import at, clock, lived

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.store import Reader

SEEDS = (2, 7, 19)
POINTS = 60
MARKED = 36 * HOUR  # after the first event of the log there is a mark


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let streams be long from 24 events on, so that small histories have many marks."""
    monkeypatch.setattr(snapshots, "EVERY", 12)
    monkeypatch.setattr(snapshots, "LONG", 24)


def _same(reader: Reader, account: str, **asked: int) -> bool:
    """Compare an answer with the fold; return whether it began at a mark."""
    point = at(reader, **asked)
    looked = snapshots.look_at(reader, account, point)
    folded = account_at(reader, account, point)
    if folded is None or looked is None:
        assert looked is folded
        return False
    assert pack_frame(looked) == pack_frame(folded), (account, point)
    policy = config_at(reader, point).policy
    assert state_of(looked, policy, point).plain() == state_of(folded, policy, point).plain()
    return snapshots.frame_at(reader, account, point) is not None


def _accounts(reader: Reader) -> list[str]:
    return [stream.removeprefix(ACCOUNT_PREFIX) for stream in reader.streams()]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_look_equals_the_fold_at_any_point(tmp_path: Path, seed: int) -> None:
    path = lived(tmp_path / "tally.db", accounts=5, months=6, seed=seed)
    store = reopen(path).store
    Views(store.reader, store).catch_up()
    reader = store.reader
    first = reader.row(1)
    assert first is not None
    span, head = (first.recorded_at, clock(reader)), reader.head().position
    dice = random.Random(seed)
    begun = asked = 0
    for account in _accounts(reader):
        for _ in range(POINTS):
            for bounds in (
                {"at": dice.randint(*span)},
                {"known_at": dice.randint(*span)},
                {"at": dice.randint(*span), "known_at": dice.randint(*span)},
                {"position": dice.randint(1, head)},
                {"position": dice.randint(1, head), "at": dice.randint(*span)},
            ):
                begun += _same(reader, account, **bounds)
                asked += 1
        begun += _same(reader, account)
    assert begun > asked // 2  # the marks are of use, late facts or not
    assert snapshots.first_that_differs(reader)[1] is None
    store.close()


def _hours(count: int, *, month: str = "01") -> list[bytes]:
    """One account with a bill an hour."""
    day = f"2025-{month}-{{:02d}}T{{:02d}}:00:00+08:00"
    lines = [
        '{"at":"2025-01-01T00:00:00+08:00","do":"open-account","account":"a-1"}',
        (
            '{"at":"2025-01-01T00:00:00+08:00","do":"activate-public","account":"a-1",'
            '"instance":"p-1","kind":"public_legacy"}'
        ),
    ]
    for hour in range(1, count + 1):
        begins, ends = (day.format(1 + one // 24, one % 24) for one in (hour - 1, hour))
        lines.append(
            f'{{"at":"{ends}","do":"top-up","account":"a-1","amount":"2","channel":"bank",'
            f'"serial":"{month}-{hour}"}}'
        )
        lines.append(
            f'{{"at":"{ends}","do":"record-usage","account":"a-1","usage":"u-{month}-{hour}",'
            f'"instance":"p-1","cycle_start":"{begins}","cycle_end":"{ends}","rated":"1.25"}}'
        )
    return [line.encode() for line in lines]


def test_a_late_fact_among_the_newest_events_is_not_missed(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path / "tally.db")
    record(ledger, _hours(200))
    store = ledger.store
    Views(store.reader, store).catch_up()
    reader = store.reader
    before = len(snapshots.marks_of(reader.connection, "a-1"))
    assert before > 20
    first = reader.row(1)
    assert first is not None
    span = (first.recorded_at, clock(reader))
    late = (
        b'{"at":"2025-01-09T12:00:00+08:00","do":"top-up","account":"a-1","amount":"7",'
        b'"channel":"bank","serial":"late","effective_at":"2025-01-05T03:00:00+08:00"}'
    )
    record(ledger, [late])
    dice = random.Random(1)
    instants = [dice.randint(span[0] + MARKED, span[1]) for _ in range(100)]
    assert all(_same(reader, "a-1", at=instant) for instant in instants)
    assert _same(reader, "a-1")
    # Later marks take it in; earlier ones still begin what does not know it.
    record(ledger, _hours(60, month="02")[2:])
    Views(store.reader, store).catch_up()
    assert len(snapshots.marks_of(reader.connection, "a-1")) > before
    for instant in instants:
        _same(reader, "a-1", at=instant)
        _same(reader, "a-1", known_at=instant)
    assert snapshots.first_that_differs(reader)[:2] == (
        len(snapshots.marks_of(reader.connection, "a-1")), None
    )  # fmt: skip
    store.close()


def test_what_a_look_reads_does_not_grow_with_the_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = new_ledger(tmp_path / "tally.db")
    record(ledger, _hours(300))
    Views(ledger.store.reader, ledger.store).catch_up()
    reader = ledger.store.reader
    read: list[int] = []
    part = type(reader).stream_part

    def counted(self: Reader, *arguments: Any, **bounds: Any) -> list[bytes]:
        found = part(self, *arguments, **bounds)
        read.append(len(found))
        return found

    monkeypatch.setattr(type(reader), "stream_part", counted)
    first = reader.row(1)
    assert first is not None
    dice = random.Random(3)
    for _ in range(50):
        read.clear()
        point = at(reader, at=dice.randint(first.recorded_at + MARKED, clock(reader)))
        assert snapshots.frame_at(reader, "a-1", point) is not None
        assert sum(read) <= 2 * snapshots.EVERY
    ledger.store.close()


@pytest.mark.parametrize(
    "harm",
    ["body_sha256 = x'00'", "position = position + 1", "format = 0", "frame = x'93'"],
)
def test_frames_of_another_log_or_program_are_not_there(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "tally.db"
    ledger = new_ledger(path)
    record(ledger, _hours(100))
    Views(ledger.store.reader, ledger.store).catch_up()
    ledger.store.close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE {snapshots.TABLE} SET {harm}")
    reader = open_reader(str(path))
    assert snapshots.frame_at(reader, "a-1", at(reader)) is None
    assert not _same(reader, "a-1")
    reader.close()
    if harm.startswith("frame"):
        return
    again = reopen(path)
    alert = '{"at":"2025-03-01T00:00:00+08:00","do":"set-alert","account":"a-1","threshold":null}'
    record(again, [alert.encode()])
    Views(again.store.reader, again.store).catch_up()
    assert _same(again.store.reader, "a-1")
    again.store.close()


def test_verify_finds_a_changed_frame_and_a_rebuild_mends_it(tmp_path: Path) -> None:
    world: World = small(tmp_path / "tally.db")
    world.json("balances")
    assert world.json("state", "a-1")["cash"]
    check = {one["name"]: one for one in world.json("verify", "--deep")["checks"]}["snapshots"]
    assert check["ok"]
    assert check["checked"] > 0
    with sqlite3.connect(world.path) as connection:
        (frame,) = connection.execute(f"SELECT frame FROM {snapshots.TABLE}").fetchone()
        state = unpack_frame(frame)
        state.cash += 1
        connection.execute(f"UPDATE {snapshots.TABLE} SET frame = ?", (pack_frame(state),))
    checks = world.json("verify", "--deep", code=1)["checks"]
    assert [one["name"] for one in checks if not one["ok"]] == ["snapshots"]
    world.json("projections", "rebuild")
    assert world.json("verify", "--deep")["ok"]


def test_a_server_keeps_frames_too(database: str) -> None:
    ledger = new_ledger(database)
    record(ledger, _hours(60))
    Views(ledger.store.reader, ledger.store).catch_up()
    assert _same(ledger.store.reader, "a-1")
    assert snapshots.first_that_differs(ledger.store.reader)[0] > 5
    ledger.store.close()


def test_a_damaged_frame_begins_nothing_and_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tally.db"
    ledger = new_ledger(path)
    record(ledger, _hours(100))
    store = ledger.store
    Views(store.reader, store).catch_up()
    with store.writing() as writer:
        writer.connection.execute(f"UPDATE {snapshots.TABLE} SET frame = x'93'")
    record(ledger, _hours(60, month="02")[2:])
    Views(store.reader, store).catch_up()
    assert _same(store.reader, "a-1")  # begun from a new frame, which was made from nothing
    assert snapshots.first_that_differs(store.reader)[1] == "a-1"
    store.close()


def test_frames_share_nothing_that_changes() -> None:
    """A late note on a coupon whose grant comes later in the fold is in its own frame alone."""
    first = first_frame("a-1")
    first.early_parts["c-1"] = (-100, 0)
    second = copy_frame(first)
    second.early_parts.pop("c-1")
    assert first.early_parts == {"c-1": (-100, 0)}


def test_nothing_gathers_on_the_bill_that_stands_for_all() -> None:
    blank = first_frame("a-1").bills["b-1"]
    blank.coupons = (("c-1", -100),)
    assert not blank.coupons
