"""Two importers at once, both interrupted, both resumed: each line is recorded exactly once."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from cli.bootstrap import Session
from cli.vendor_files import converted
from ledger import codec
from ledger.application import Ledger
from ledger.founding import create
from ledger.importer import import_lines
from ledger.importer.run import NOTES_MAX, OLD_KEY
from ledger.periods import HOUR, parse_instant
from ledger.store import create_store, open_store
from ledger.store.settings import SettingBroken
from ledger.verification.place import check_settings
from projections.runner import Views
from tests.application.worlds import START
from tests.cli.program import World, small

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ledger.store import Store

BATCH = 10


@pytest.fixture(params=["file", "server"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the place of a new ledger: a file, or a database where there is a server."""
    location = str(tmp_path / "t.db")
    if request.param == "server":
        location = request.getfixturevalue("database")
    create_store(location)
    store = open_store(location)
    create(store, clock="simulated", start=parse_instant(START, 8 * HOUR), currency="CNY",
           policy={}, ledger="two")  # fmt: skip
    store.close()
    yield location
    while _opened:
        _opened.pop().close()


_opened: list[Store] = []  # closed after each test: an importer that is cut does not close


def importer(location: str) -> Ledger:
    store = open_store(location)
    _opened.append(store)
    return Ledger(store, Views(store.reader, store))


def alerts(name: str, count: int) -> list[bytes]:
    """Return lines of which a repeat would be recorded again: no key, no token."""
    lines = [{"do": "open-account", "account": name}]
    lines += [
        {"do": "set-alert", "account": name, "threshold": f"{n}.{n % 2}"} for n in range(1, count)
    ]
    return [json.dumps({**line, "at": START}).encode() + b"\n" for line in lines]


def thresholds(location: str, name: str) -> list[int]:
    """List what an account's alert was set to, in order."""
    store = open_store(location)
    try:
        bodies = store.reader.stream_bodies(f"account:{name}")
        events = [codec.decode(body).event for body in bodies]
        return [getattr(event, "threshold", -1) for event in events]
    finally:
        store.close()


def begin(location: str, lines: list[bytes], *, resume: bool = False) -> Iterator[object]:
    return import_lines(importer(location), lines, batch_lines=BATCH, resume=resume)


def test_two_importers_from_one_head_both_interrupted_both_resumed(place: str) -> None:
    """A note says what it covers: no run can replace the note of another."""
    inputs = {name: alerts(name, 60) for name in ("a", "b")}
    runs = {name: begin(place, lines) for name, lines in inputs.items()}
    for _ in range(3):  # in turns, from the same head
        for run in runs.values():
            list(islice(run, BATCH))
    runs.clear()  # both are cut here
    for lines in inputs.values():
        list(begin(place, lines, resume=True))
        assert not list(begin(place, lines, resume=True))
    for name in inputs:
        seen = thresholds(place, name)
        assert len(seen) == 60
        assert len(set(seen)) == 60


def test_two_runs_that_resume_one_input_at_once_share_it(place: str) -> None:
    """What the other has recorded meanwhile is looked up again under the write lock."""
    lines = alerts("a", 80)
    list(islice(begin(place, lines), 2 * BATCH))
    runs = [begin(place, lines, resume=True) for _ in range(2)]
    results = []
    for turn in range(30):
        results += list(islice(runs[turn % 2], 4))
    for run in runs:
        results += list(run)
    seen = thresholds(place, "a")
    assert len(seen) == len(set(seen)) == 80
    assert len(results) == 80 - 2 * BATCH


def test_a_run_leaves_few_notes(tmp_path: Path) -> None:
    """One for every transaction would outgrow the log of a pipe that gives a line at a time."""
    location = str(tmp_path / "t.db")
    create_store(location)
    store = open_store(location)
    create(store, clock="simulated", start=parse_instant(START, 8 * HOUR), currency="CNY",
           policy={}, ledger="few")  # fmt: skip
    list(import_lines(Ledger(store), alerts("a", 150), batch_lines=1))
    (count,) = store.reader.connection.execute(
        "SELECT COUNT(*) FROM meta WHERE key LIKE 'import:%'"
    ).fetchone()
    assert count == NOTES_MAX
    assert not list(import_lines(Ledger(store), alerts("a", 150), resume=True))
    assert check_settings(store.reader.connection).ok, "what is forgotten is taken off their sum"
    with store.writing() as writer:
        writer.drop_meta("no such setting")
    assert check_settings(store.reader.connection).ok


@pytest.mark.parametrize(
    ("key", "value"),
    [(OLD_KEY, "not JSON"), (OLD_KEY, "[1]"), (OLD_KEY, '{"@1": 5}'),
     (OLD_KEY, '{"@1": ["x", "y"]}'),
     ("import:commands:00", "many"), ("import:commands:00", "9" * 40)],
)  # fmt: skip
def test_a_note_that_cannot_be_read_is_named(tmp_path: Path, key: str, value: str) -> None:
    location = str(tmp_path / "t.db")
    create_store(location)
    store = open_store(location)
    create(store, clock="simulated", start=parse_instant(START, 8 * HOUR), currency="CNY",
           policy={}, ledger="rotten")  # fmt: skip
    with store.writing() as writer:
        writer.set_meta(key, value)
    with pytest.raises(SettingBroken, match=key):
        list(import_lines(Ledger(store), alerts("a", 5), resume=True))
    with store.writing() as writer:
        writer.set_meta("clock", value)
    with pytest.raises(SettingBroken, match="clock"):
        Ledger(store)


def test_the_notes_of_older_versions_are_still_understood(tmp_path: Path) -> None:
    """They stand in one setting, by run."""
    location = str(tmp_path / "t.db")
    create_store(location)
    store = open_store(location)
    create(store, clock="simulated", start=parse_instant(START, 8 * HOUR), currency="CNY",
           policy={}, ledger="old")  # fmt: skip
    lines = alerts("a", 30)
    list(import_lines(Ledger(store), lines))
    (key, value) = store.reader.connection.execute(
        "SELECT key, value FROM meta WHERE key LIKE 'import:%'"
    ).fetchone()
    with store.writing() as writer:
        writer.drop_meta(key)
        old = {"@1": [int(value), key.rpartition(":")[2]]}
        writer.set_meta(OLD_KEY, json.dumps(old))
    assert not list(import_lines(Ledger(store), lines, resume=True))


@pytest.mark.parametrize("source", ["alibaba-transactions", "alibaba-bills", "focus"])
def test_a_vendor_s_file_is_resumed_too(tmp_path: Path, source: str) -> None:
    """The same lines are made again, although the clock has moved and accounts are known now."""
    ours = small(tmp_path / "ours.db")
    path = tmp_path / "vendor.csv"
    ours.done("export", "--format", source, "-o", path)
    start = "2024-01-01T00:00:00+08:00"
    cut, whole = (World(tmp_path / f"{name}.db", start=start) for name in ("cut", "whole"))
    whole.done("import", "--from", source, path)
    with Session(str(cut.path)) as session:
        file = converted(
            session, str(path), source, resume=False, account="", encoding="utf-8",
            dates_lost=False,
        )  # fmt: skip
        assert len(list(islice(
            import_lines(session.ledger, file.new, batch_lines=2, origin=file.origin), 3
        ))) == 3  # fmt: skip
    cut.done("import", "--from", source, path, "--resume")
    assert not cut.json("import", "--from", source, path, "--resume")["lines"]
    assert cut.events()[1:] == whole.events()[1:]
