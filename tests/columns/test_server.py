"""Columns of a ledger on a server: the same segments, in the folder of whoever looks."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from projections.columns import folder_of
from tests.cli.program import World, small

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")


def test_a_folder_beside_a_file_and_one_named_after_a_database() -> None:
    assert folder_of("books/tally.db") == Path("books/tally.db.columns")
    url = "postgresql://who:secret@host:5432/books?connect_timeout=1"
    assert folder_of(url) == Path("books.columns")
    assert folder_of("postgresql://host") == Path("tally.columns")


def test_a_ledger_on_a_server_has_columns_too(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = small(tmp_path / "tally.db")
    file.done("copy", file.path, database)
    server = World.at(cast("Path", database))  # what it runs takes a URL as well
    for world in (file, server):
        built = world.json("columns", "build")
        assert (built["state"], built["events"]) == ("fresh", 38)
    assert built["folder"] == str(folder_of(database))
    assert folder_of(database).is_dir()
    for look in ("balances", "instances"):
        past = (look, "--as-of", "2025-02-01")
        asked = server.json(*past)
        assert asked["derivation"] == "sql"
        assert asked == file.json(*past)
        assert asked["rows"] == server.json(*past, "--engine", "fold")["rows"]
    checks = {check["name"]: check for check in server.json("verify", "--deep")["checks"]}
    assert checks["columns"]["ok"]
    assert checks["columns"]["checked"] > 0
    assert server.json("columns", "drop")["state"] == "missing"
