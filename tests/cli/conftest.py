"""One small ledger for all who only look at it, and a copy for those who write."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.program import World, small


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The small ledger; nobody may write to it."""
    return small(tmp_path_factory.mktemp("small") / "small.db")


@pytest.fixture
def world(looked_at: World, tmp_path: Path) -> World:
    """A copy of the small ledger."""
    path = tmp_path / "t.db"
    for suffix in ("", "-wal", "-shm"):
        part = Path(f"{looked_at.path}{suffix}")
        if part.exists():
            shutil.copyfile(part, f"{path}{suffix}")
    return World.at(path)
