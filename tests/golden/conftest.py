"""The small ledger that the tests of the command line look at."""

from __future__ import annotations

import pytest

from tests.cli.program import World, small


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The small ledger; nobody may write to it."""
    return small(tmp_path_factory.mktemp("small") / "small.db")
