"""The benchmarks run, at a size too small to measure speed; no figure is looked at here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import proof
from benchmarks.measure import Figure
from benchmarks.report import page
from benchmarks.running import Ended, prepare, run
from benchmarks.steps import Step

ROOT = Path(__file__).parents[1]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.slow
def test_every_benchmark_runs_and_is_drawn(tmp_path: Path) -> None:
    page = tmp_path / "B.md"
    done = bench("--here", "-o", str(page), folder=tmp_path / "work")
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert done.stdout == text
    row = re.compile(r"^\| `([a-z]\w+)` \| .+ \| -?[\d.]+ \| .+ \| (?:yes|no) \|$", re.MULTILINE)
    rows = row.findall(text)
    assert len(rows) == len(set(rows)) > 20
    assert "](B.svg)" in text
    picture = ET.parse(page.with_suffix(".svg")).getroot()  # noqa: S314 - written above
    assert len(picture.findall(f"{SVG}circle")) >= 2 * 5, "five series at two sizes"
    assert not (tmp_path / "work").exists(), "nothing is left of a run in which all went well"


def bench(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run benchmarks of the smallest size."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "--scale", "tiny", "--folder", str(folder), *words],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip


def test_a_step_that_fails_is_named_and_loses_no_other(tmp_path: Path) -> None:
    """Its ledger is not there; the second time the first step has its result already."""
    (tmp_path / "import-500.db").mkdir(parents=True)
    ended = [
        Ended("good", 1.5, [Figure("good_1", "a", "b", 1.0, ">= 1", met=True)]),
        *run([Step("verify_500", proof.verification, ())], tmp_path, "tiny", here=False),
    ]
    text = page(ended, "abc")
    assert "| `good_1` | a | b | 1.00 | >= 1 | yes |" in text
    assert re.search(r"\| `verify_500` \| failed: .*import-500.db.* \| no \|", text)
    prepare(tmp_path, "abc")
    good = Step("good", lambda: ended[0].figures, ())
    first = list(run([good], tmp_path, "tiny", here=True))
    bad = Step("good", divmod, (1, 0))
    assert list(run([bad], tmp_path, "tiny", here=True)) == first, "measured before"
    prepare(tmp_path, "abd")
    with pytest.raises(ZeroDivisionError):
        list(run([bad], tmp_path, "tiny", here=True))
