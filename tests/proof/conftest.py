"""One sealed ledger for all who look, a copy for those who tamper."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.worlds import Sealed, sealed


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """The sealed ledger; nobody may write to it."""
    return sealed(tmp_path_factory.mktemp("sealed"))


@pytest.fixture
def world(whole: Sealed, tmp_path: Path) -> Sealed:
    """A copy of it."""
    return whole.copy(tmp_path)
