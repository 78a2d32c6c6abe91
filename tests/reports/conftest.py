"""The ledgers of the books' tests, and one whose names are hostile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.books.conftest import hard, year
from tests.cli.program import World

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["hard", "year"]

HOSTILE = "</script><script>document.title='x'</script>&\"'"


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A ledger whose names try to become part of the page."""
    path: Path = tmp_path_factory.mktemp("hostile") / "hostile.db"
    world = World(path)
    world.record("set-price", "--sku", "std", "--monthly-price", "10.00")
    for name in (HOSTILE, "__proto__"):
        world.record("open-account", "--account", name)
        world.record("top-up", "--account", name, "--amount", "50.00", "--channel", "c",
                     "--serial", name)  # fmt: skip
        world.record("grant-coupon", "--account", name, "--coupon", name, "--amount", "1.00",
                     "--ends", "2025-02-01")  # fmt: skip
        world.record("purchase", "--account", name, "--instance", name, "--sku", "std",
                     "--months", "1")  # fmt: skip
    world.done("clock", "advance", "--to", "2025-02-20")
    return world
