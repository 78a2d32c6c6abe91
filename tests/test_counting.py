"""One thing is one thing: no message counts "1 events"."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.program import ROOT, World

NOUNS = "accounts|breaks|commands|differences|events|lines|rows|values"
ODD = re.compile(rf"(?<![\d.,])1 (?:{NOUNS})\b")


def test_nothing_that_is_shown_counts_one_thing_as_many(tmp_path: Path) -> None:
    world = World(tmp_path / "t.db")
    commands = (
        ("record", "open-account", "--account", "a-1"), ("clock", "advance", "1d"), ("replay",),
        ("recheck",), ("trace", "a-1", "cash"), ("forecast", "--to", "2025-02-01"),
    )  # fmt: skip
    said = [world.done(*words).out for words in commands]
    said.append(world.done("import", "-", stdin='{"do":"open-account","account":"a-2"}').out)
    pages = (*ROOT.glob("README.md"), *(ROOT / "docs").glob("*.md"))
    pages += tuple((ROOT / "tests" / "golden").rglob("*.txt"))
    said += [page.read_text(encoding="utf-8") for page in pages]
    assert not [found for text in said for found in ODD.findall(text)]
