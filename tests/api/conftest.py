"""The small ledger of tests/cli, for all who only look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.program import small

if TYPE_CHECKING:
    from tests.cli.program import World


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The small ledger; nobody may write to it."""
    return small(tmp_path_factory.mktemp("small") / "small.db")
