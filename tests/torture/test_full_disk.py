"""A disk that is full at every write: an error with the right exit code, and nothing is lost."""

from __future__ import annotations

import subprocess
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
    fill,
    is_said,
    prepare,
    signs,
    told,
    whole,
)

if TYPE_CHECKING:
    from pathlib import Path

LEFT = (0, 4, 12, 20, 30, 40, 55, 70, 85, 110, 150)  # kB that are free when the command begins
REFUSED = {6}  # INTERFACE section 1: whatever was to be written


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger that is copied onto the small disk."""
    return prepare(tmp_path_factory.mktemp("full"))


@pytest.mark.parametrize("one", WRITING, ids=lambda one: one.name)
def test_a_full_disk_refuses_and_loses_nothing(one: Writing, base: Path, disk: Path) -> None:
    before = bodies(base, one.ledger)
    random = chance(f"disk {one.name}")
    counts: Counter[str] = Counter()
    for round_ in range(2 * ROUNDS):
        folder = copied(base, disk / f"round-{round_}")
        filler = fill(folder, left=random.choice(LEFT))
        done = tally(*arguments(one, folder))
        filler.unlink()
        assert done.code in (0, 1) or (done.code in REFUSED and is_said(done)), (one.name, done)
        there = bodies(folder, one.ledger)
        assert there[: len(before)] == before
        if done.code in REFUSED and one.name not in BATCHED:
            assert there == before, f"{one.name} says that it failed, and recorded"
        assert whole(folder, one.ledger).code == 0, whole(folder, one.ledger)
        if "key" in one.name:
            assert signs(folder).code == 0, signs(folder)
        counts["done" if done.code < 2 else f"refused with exit {done.code}"] += 1
        subprocess.run(["rm", "-rf", str(folder)], check=True)  # noqa: S607 - from the path
    told(f"full disk {one.name}", counts)
