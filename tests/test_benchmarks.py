"""The benchmarks run, at a size too small to measure speed; no figure is looked at here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[1]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.slow
def test_every_benchmark_runs_and_is_drawn(tmp_path: Path) -> None:
    page = tmp_path / "B.md"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--tiny", "-o", str(page)],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert done.stdout == text
    row = re.compile(r"^\| `([a-z]\w+)` \| .+ \| -?[\d.]+ \| .+ \| (?:yes|no) \|$", re.MULTILINE)
    rows = row.findall(text)
    assert len(rows) == len(set(rows)) > 20
    assert "](B.svg)" in text
    picture = ET.parse(page.with_suffix(".svg")).getroot()  # noqa: S314 - written above
    assert len(picture.findall(f"{SVG}circle")) >= 2 * 5, "five series at two sizes"
