"""The site is whole and needs no network; the man pages name every command and option."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from cli.listing import COMMANDS
from docs import man
from docs.command_line import cli_commands, options

ROOT: Final = Path(__file__).resolve().parents[1]
# What a browser fetches by itself; a link that a reader follows is not among it.
FETCHED: Final = re.compile(
    r"<(?:script|img|link)\b[^>]*\b(?:src|href)=[\"'](?:https?:)?//|url\([\"']?(?:https?:)?//"
)


def test_the_site_is_built_strictly_and_fetches_nothing(tmp_path: Path) -> None:
    """A link or an anchor that leads nowhere is refused by mkdocs."""
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path)))
    pages = [*tmp_path.rglob("*.html"), *tmp_path.rglob("*.css")]
    assert (tmp_path / "index.html").exists()
    assert len(pages) > len(list((ROOT / "docs").rglob("*.md")))
    for page in pages:
        assert not FETCHED.search(page.read_text(encoding="utf-8")), page.name


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f": {page.name}\n" in navigation, f"mkdocs.yml does not list {page.name}"


def test_the_man_pages_name_every_command_and_option() -> None:
    pages = dict(man.pages())
    assert set(pages) == {"tally.1", *(f"tally-{name}.1" for name in COMMANDS)}
    for path, command in cli_commands():
        page = pages[f"tally-{path.split(' ')[1]}.1"]
        assert f".SS {man.escaped(path)}\n" in page
        for option in options(command):
            assert man.escaped(option.opts[-1]) in page


def test_groff_finds_no_fault_with_a_man_page(tmp_path: Path) -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    man.main(str(tmp_path))
    ran = subprocess.run(
        [groff, "-man", "-Tutf8", "-ww", "-z", *sorted(tmp_path.iterdir())],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.stderr == ""


def test_a_line_of_a_man_page_is_never_a_request() -> None:
    assert man.escaped(".tally -x \\") == "\\&.tally \\-x \\e"
    assert man.escaped("'quoted'") == "\\&'quoted'"
