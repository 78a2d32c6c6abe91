"""Two ledgers to look at: the year of the fixtures, and a small one with hard names."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.books.worlds import hard_lines
from tests.cli.program import ROOT, World


@pytest.fixture(scope="session")
def year(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The year of the fixtures: late facts, corrections, every kind of order."""
    world = World(tmp_path_factory.mktemp("year") / "year.db", start="2025-01-01T00:00:00+08:00")
    world.run("import", ROOT / "fixtures" / "year.ndjson")
    return world


@pytest.fixture(scope="session")
def hard(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The small ledger; nobody may write to it."""
    world = World(tmp_path_factory.mktemp("hard") / "hard.db", start="2025-01-01T00:00:00+08:00")
    world.done("import", "-", stdin=hard_lines())
    world.done("clock", "advance", "--to", "2025-03-05T12:00:00+08:00")
    return world


def judge(variable: str, program: str) -> str:
    """Find an external program, by its variable or on PATH, or skip with the reason."""
    beside = Path(sys.executable).parent  # where an extra of the tests puts its programs
    path = f"{beside}{os.pathsep}{os.environ.get('PATH', '')}"
    found = os.environ.get(variable) or shutil.which(program, path=path)
    if not found or not Path(found).exists():
        pytest.skip(f"{program} is not installed (or name it in {variable})")
    return found


@pytest.fixture
def beancheck() -> list[str]:
    """bean-check, which judges a beancount file."""
    return [judge("BEANCHECK", "bean-check"), "--no-cache"]


@pytest.fixture
def hledger() -> list[str]:
    """hledger, which judges a journal."""
    return [judge("HLEDGER", "hledger")]


@pytest.fixture
def ledger_cli() -> list[str]:
    """ledger-cli, which judges the same journal."""
    return [judge("LEDGERCLI", "ledger")]
