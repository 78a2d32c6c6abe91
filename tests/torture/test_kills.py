"""SIGKILL at a random moment of every command that writes: all of it is there, or none."""

from __future__ import annotations

import os
import shutil
import signal
import time
import warnings
import zipfile
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.cli.program import tally
from tests.torture.worlds import (
    BATCHED,
    ROUNDS,
    WRITING,
    Writing,
    arguments,
    bodies,
    chance,
    copied,
    prepare,
    signs,
    told,
    whole,
)

if TYPE_CHECKING:
    from pathlib import Path

KILLS = 3  # of each command in one round


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger that is copied for every kill."""
    return prepare(tmp_path_factory.mktemp("kills"))


def start(one: Writing, folder: Path) -> int:
    """Begin a command in a process of its own, forked: the program need not start again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside our own threads
        child = os.fork()
    if child:
        return child
    try:
        os.chdir(folder)
        os._exit(tally(*arguments(one, folder)).code)
    finally:
        os._exit(99)


@pytest.mark.parametrize("one", WRITING, ids=lambda one: one.name)
def test_a_killed_command_leaves_all_or_nothing(one: Writing, base: Path, tmp_path: Path) -> None:
    whole_run = copied(base, tmp_path / "whole")
    begun = time.monotonic()
    _, status = os.waitpid(start(one, whole_run), 0)
    lasts = time.monotonic() - begun
    assert os.waitstatus_to_exitcode(status) in (0, 1), one.name
    before, after = bodies(base, one.ledger), bodies(whole_run, one.ledger)
    random = chance(one.name)
    counts: Counter[str] = Counter()
    for round_ in range(KILLS * ROUNDS):
        folder = copied(base, tmp_path / f"kill-{round_}")
        child = start(one, folder)
        time.sleep(lasts * random.uniform(0.0, 1.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        there = bodies(folder, one.ledger)
        assert there[: len(before)] == before, "something recorded was lost"
        assert len(there) in (len(before), len(after)) or one.name in BATCHED, one.name
        assert whole(folder, one.ledger).code == 0, whole(folder, one.ledger)
        if "key" in one.name:
            assert signs(folder).code == 0, signs(folder)
            assert whole(folder).code == 0, whole(folder)
        look_beside(folder)
        shutil.rmtree(folder)
        counts["whole" if len(there) > len(before) else "as before"] += 1
    told(f"kill {one.name}", counts)


def look_beside(folder: Path) -> None:
    """Whatever a command puts beside the ledger is whole, or is not there."""
    if (folder / "p.zip").exists():
        with zipfile.ZipFile(folder / "p.zip") as pack:
            assert pack.testzip() is None
    for name in ("copy.db", "backup.db"):
        if (folder / name).exists():
            assert bodies(folder, name) == bodies(folder), name
