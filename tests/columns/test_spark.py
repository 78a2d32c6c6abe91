"""One SQL text, two engines: Spark gives the rows that DuckDB gives, row by row."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.cli.program import World, small, tally_process

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pyspark")
pytest.importorskip("duckdb")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java"),
    pytest.mark.filterwarnings("ignore"),  # the package's own
]


def test_the_command_asks_spark(tmp_path: Path) -> None:
    world: World = small(tmp_path / "tally.db")
    past = ("--as-of", "2025-02-01", "--json", "--ledger", world.path)
    asked = tally_process("balances", *past, "--engine", "spark=local[1]")
    assert asked.code == 0, asked.err
    folded = tally_process("balances", *past, "--engine", "fold")
    assert asked.json["derivation"] == "spark"
    assert asked.json["rows"] == folded.json["rows"]
