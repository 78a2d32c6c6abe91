"""Recheck: an untouched history decided again differs in nothing; a touched one where it was."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import clock as clocks
from ledger import codec
from ledger.application import Ledger
from ledger.decisions.tagging import add_tag
from ledger.events import BillSettled, OverdueStarted, TagAdded
from ledger.founding import create
from ledger.periods import DAY, HOUR, MINUTE
from ledger.rehearsal.differences import DIFFERENT, EXTRA, MISSING, Pair
from ledger.rehearsal.recheck import Recheck
from ledger.rehearsal.rehearsal import Rehearsal
from ledger.store import create_store, open_reader, open_store
from ledger.store.schema import EVENTS
from projections.runner import Views
from tests.rehearsal.worlds import (
    OFFSET,
    do,
    events,
    find,
    instant,
    overdue_story,
    random_ledger,
    renewal_story,
    year,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.events import RecordedEvent
    from ledger.store import Reader


def differences(reader: Reader, account: str | None = None) -> list[Pair]:
    return list(Recheck(reader, accounts=None if account is None else {account}).differences())


def test_the_generated_year_is_decided_again_byte_by_byte() -> None:
    reader = year().store.reader
    again = [one for step in Rehearsal(reader).run() for one in step.derived]
    assert [codec.encode(one) for one in again] == list(reader.bodies())


def test_the_generated_year_has_no_difference_in_any_account() -> None:
    reader = year().store.reader
    recheck = Recheck(reader)
    assert list(recheck.differences()) == []
    assert recheck.checked == reader.head().position
    for stream in reader.streams():
        assert differences(reader, stream.removeprefix("account:")) == []


@given(seed=st.integers(min_value=0, max_value=2**32))
def test_random_histories_have_no_difference(seed: int) -> None:
    """Late facts, refusals, repeats, tokens, policy and price changes (R3, R11, R28, R58)."""
    ledger = random_ledger(seed)
    try:
        for account in (None, "a", "b"):
            assert differences(ledger.store.reader, account) == []
    finally:
        ledger.store.close()


def test_a_system_ledger_that_slept_is_decided_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was due while nobody was awake is recorded late, and decided again as late."""
    at = instant("2025-05-20T09:15:00+08:00")

    def wake(later: int) -> None:
        monkeypatch.setattr(clocks, "system_now", lambda: at + later)

    wake(0)
    location = str(tmp_path / "system.db")
    create_store(location)
    store = open_store(location)
    create(store, clock="system", start=at, currency="CNY", policy={}, ledger="system")
    ledger = Ledger(store, Views(store.reader, store))
    do(ledger, do="open-account", account="a-1")
    do(ledger, do="set-price", sku="std", monthly_price="300")
    do(ledger, do="top-up", account="a-1", amount="900", channel="alipay", serial="T1")
    do(ledger, do="purchase", account="a-1", instance="i-1", sku="std", months=1, auto_renew=True)
    wake(28 * DAY + 11 * MINUTE)
    ledger.advance()
    wake(100 * DAY + 5 * HOUR)
    do(ledger, do="renew", account="a-1", instances=["i-1"], months=1)
    late = [event for event in events(store.reader) if event.effective_at < event.recorded_at]
    assert late
    assert differences(store.reader) == []
    assert differences(store.reader, "a-1") == []


def test_a_tag_is_a_note_that_no_rule_makes() -> None:
    ledger = overdue_story()
    reader = ledger.store.reader
    here = reader.head()
    tag = TagAdded(name="close", at=here.recorded_at, known_at=here.recorded_at,
                   known_position=here.position)  # fmt: skip
    add_tag(ledger, tag)
    do(ledger, do="top-up", account="a-1", amount="50", channel="alipay", serial="T2")
    ledger.advance(ledger.now() + DAY)
    assert differences(reader) == []
    assert differences(reader, "a-1") == []


# --- what was touched is found ------------------------------------------------------------------


def _tampered(path: Path, position: int, body: bytes | None) -> Reader:
    """Copy a story's ledger into a file and change or delete one event behind its back."""
    story = overdue_story()
    location = str(path / "tampered.db")
    with sqlite3.connect(location) as copy:
        connection = story.store.reader.connection
        assert isinstance(connection, sqlite3.Connection)
        connection.backup(copy)
        copy.execute(f"DROP TRIGGER {EVENTS}_no_update")
        copy.execute(f"DROP TRIGGER {EVENTS}_no_delete")
        if body is None:
            copy.execute(f"DELETE FROM {EVENTS} WHERE position = ?", (position,))
        else:
            copy.execute(f"UPDATE {EVENTS} SET state = ? WHERE position = ?", (body, position))
    copy.close()
    return open_reader(location)


def test_an_altered_amount_is_a_difference_in_that_field(tmp_path: Path) -> None:
    settled = find(overdue_story().store.reader, "BillSettled")
    assert isinstance(settled.event, BillSettled)
    forged = msgspec.structs.replace(
        settled, event=msgspec.structs.replace(settled.event, cash_part=799)
    )
    (found,) = differences(_tampered(tmp_path, settled.position, codec.encode(forged)))
    assert (found.kind, found.event.position) == (DIFFERENT, settled.position)
    assert found.recorded == forged
    assert found.derived is not None
    assert codec.encode(found.derived) == codec.encode(settled)


def test_a_deleted_event_is_extra_and_an_invented_one_missing(tmp_path: Path) -> None:
    stopped = find(overdue_story().store.reader, "ServiceStopped")
    (found,) = differences(_tampered(tmp_path, stopped.position, None))
    assert (found.kind, type(found.event.event).__name__) == (EXTRA, "ServiceStopped")
    other = tmp_path / "other"
    other.mkdir()
    invented: RecordedEvent = msgspec.structs.replace(
        stopped, event=OverdueStarted(item="b-9", overdue_since=stopped.effective_at)
    )
    found_too = differences(_tampered(other, stopped.position, codec.encode(invented)))
    assert {one.kind for one in found_too} == {MISSING, EXTRA}


# --- under another policy -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "kinds"),
    [
        ({"overdue_grace_legacy": "24h"}, set()),
        ({"overdue_grace_legacy": "30h"}, {MISSING, EXTRA}),
        ({"overdue_grace_legacy": "30d"}, {MISSING}),
    ],
)
def test_another_reading_of_the_grace_period_moves_the_stop(
    policy: dict[str, str], kinds: set[str]
) -> None:
    recheck = Recheck(overdue_story().store.reader, policy=policy)
    assert {difference.kind for difference in recheck.differences()} == kinds


def test_an_exact_expiry_moves_every_slot_and_the_end() -> None:
    recheck = Recheck(renewal_story().store.reader, policy={"expiry": "exact"})
    found = list(recheck.differences())
    assert [one.kind for one in found if type(one.event.event).__name__ == "InstancePurchased"] == [
        DIFFERENT
    ]
    moved = {type(one.event.event).__name__ for one in found}
    assert {"AutoRenewFailed", "InstanceExpired"} <= moved


def test_the_other_events_of_the_year_stay_where_they_are() -> None:
    """OFFSET is the year's own: pinning what is in force already changes nothing."""
    assert OFFSET == 8 * HOUR
    recheck = Recheck(year().store.reader, policy={"calendar_offset": "+08:00", "retention": "15d"})
    assert list(recheck.differences()) == []
