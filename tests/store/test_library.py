"""The eventsourcing library's own cases for recorders, on ours, in a file and on a server."""

from __future__ import annotations

import sys
import unittest
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import eventsourcing.cryptography
import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.projection import ApplicationSubscription

from ledger.proof.nodes import Nodes
from ledger.proof.tree import HASH_BYTES
from ledger.store import create_store, open_store
from ledger.store import postgres_recorder as on_server
from ledger.store import sqlite_recorder as in_file
from tallystick import InvalidInput, Ledger, StoreError
from tallystick.following import FollowedLedger

# The cases name the library's cipher on a package that we lack; it has the same on one we have.
sys.modules.setdefault("eventsourcing.cipher", eventsourcing.cryptography)
from eventsourcing.tests import persistence as cases  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# The others print how fast they are, or write ten thousand times.
CASES = (
    (cases.ApplicationRecorderTestCase, "test_insert_select", "LedgerRecorder"),
    (cases.ApplicationRecorderTestCase, "test_concurrent_throughput", "LedgerRecorder"),
    (cases.NonInterleavingNotificationIDsBaseCase, "test", "LedgerRecorder"),
    (cases.ProcessRecorderTestCase, "test_insert_select", "LedgerProcessRecorder"),
    (cases.ProcessRecorderTestCase, "test_has_tracking_id", "LedgerProcessRecorder"),
    (cases.ProcessRecorderTestCase, "test_raises_when_lower_inserted_later",
     "LedgerProcessRecorder"),
    (cases.TrackingRecorderTestCase, "test_insert_tracking", "LedgerProcessRecorder"),
    (cases.TrackingRecorderTestCase, "test_wait", "LedgerProcessRecorder"),
)  # fmt: skip


@pytest.fixture(params=["file", "server"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Make a recorder of a kind on an empty ledger."""
    if request.param == "file":
        datastore: Any = in_file.LedgerDatastore(str(tmp_path / "log.db"), lock_timeout=30)
        module: Any = in_file
    else:
        datastore = on_server.LedgerDatastore(request.getfixturevalue("database"))
        module = on_server

    def make(kind: str) -> Any:
        recorder = getattr(module, kind)(datastore)
        recorder.create_table()
        return recorder

    yield make
    datastore.close()


@pytest.mark.parametrize(
    ("case", "name", "kind"), CASES, ids=lambda one: getattr(one, "__name__", one)
)
def test_a_case_of_the_library_passes(
    made: Callable[[str], Any], case: type[unittest.TestCase], name: str, kind: str
) -> None:
    ours = type(
        "Ours", (case,),
        {"create_recorder": lambda _: made(kind), "new_originator_id": lambda _: str(uuid4())},
    )  # fmt: skip
    result = unittest.TestResult()
    ours(name).run(result)
    assert (result.testsRun, result.errors + result.failures) == (1, [])


@pytest.mark.parametrize("place", ["file", "server"])
def test_what_the_library_records_is_in_the_tree(
    place: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Its way in is ours: the same log, whoever appends."""
    location = str(tmp_path / "l.db") if place == "file" else request.getfixturevalue("database")
    create_store(location)
    store: Any = open_store(location)
    try:
        record = partial(StoredEvent, topic="T/1", state=b"x")
        ids = [store.recorder.insert_events([record(originator_id="s", originator_version=n)])
               for n in (1, 2)]  # fmt: skip
        assert ids == [[1], [2]]
        assert store.reader.head().position == 2
        assert len(Nodes(store.reader.connection).root(2)) == HASH_BYTES
        assert [event.state for event in store.recorder.select_events("s")] == [b"x", b"x"]
    finally:
        store.close()


@pytest.mark.parametrize("place", ["file", "server"])
def test_a_subscription_follows_a_ledger_while_it_is_written(
    place: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    location = str(tmp_path / "l.db") if place == "file" else request.getfixturevalue("database")
    with Ledger.create(location, clock="simulated", start="2025-01-01") as ledger:
        ledger.record("open-account", account="a")
        with FollowedLedger({"TALLY_LEDGER": location}) as log:
            with ApplicationSubscription(log, gt=1, topics=()) as following:
                iterated: Iterator[Any] = iter(following)
                found, tracking = next(iterated)
                assert (found.position, tracking.notification_id) == (2, 2)
                ledger.record("open-account", account="b")
                found, tracking = next(iterated)
                assert (found.event.account, tracking.application_name) == ("b", "tallystick")
            assert log.recorder.max_notification_id() == 3
            with pytest.raises(InvalidInput, match="only followed"):
                log.mapper.to_stored_event(found)


def test_what_cannot_be_followed_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no ledger is named"):
        FollowedLedger({})
    with pytest.raises(StoreError, match="none"):
        FollowedLedger({"TALLY_LEDGER": str(tmp_path / "none.db")})
