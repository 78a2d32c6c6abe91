"""The switch of continuous integration: a judge that is there must be asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.judges import wanted_by

SKIPPED = """
import pytest

def test_asks_a_shell():
    pytest.skip("zsh is not installed")

def test_asks_a_disk():
    pytest.skip("no small disk")

@pytest.mark.skipif(True, reason="hledger is missing")
def test_asks_hledger():
    raise AssertionError
"""
WHOLE = 'import pytest; pytest.importorskip("nowhere", reason="playwright is not installed")'


def test_a_judge_is_found_in_the_reason() -> None:
    names = {"ledger", "hledger", "axe-core", "java"}
    assert wanted_by("hledger is not installed", names) == "hledger"
    assert wanted_by("Spark needs Java", names) == "java"
    assert wanted_by("axe-core is missing: make judges", names) == "axe-core"
    assert wanted_by("the ledgers differ", names) is None


def test_a_required_judge_that_is_skipped_fails(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SKIPPED)
    (tmp_path / "test_whole.py").write_text(WHOLE)
    (tmp_path / "judges").write_text("zsh\nhledger\nplaywright\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "tests.judges", "-c", "/dev/null",
         "--continue-on-collection-errors", "--rootdir", tmp_path, tmp_path],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TALLY_JUDGES": str(tmp_path / "judges")},
    )  # fmt: skip
    assert "1 failed, 1 skipped, 2 errors" in done.stdout
    for place, name in (("test_asks_a_shell", "zsh"), ("test_asks_hledger", "hledger"),
                        ("test_whole.py", "playwright")):  # fmt: skip
        assert f"{place}: {name} is installed, but was not asked" in done.stdout


MAKE = """#!/bin/sh
if [ "$1" = judges ]; then mkdir -p .venv; echo zsh > .venv/judges; exit; fi
echo "judges in $(basename "$TALLY_JUDGES")"
echo "SKIPPED [1] tests/test_a.py:3: needs Python 3.12"
echo "==== 5 passed, 1 skipped in 2.0s ===="
echo "demo: done"
exit "$RESULT"
"""


@pytest.mark.parametrize("result", [0, 2])
def test_continuous_integration_ends_with_what_was_skipped_and_why(
    tmp_path: Path, result: int
) -> None:
    for place, text in ((".ci/run", (ROOT / ".ci/run").read_text()), ("bin/make", MAKE)):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).write_text(text)
        (tmp_path / place).chmod(0o755)
    done = subprocess.run(
        [tmp_path / ".ci/run"], capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "RESULT": str(result)},
    )  # fmt: skip
    assert done.returncode == result
    assert "judges in judges\n" in done.stdout
    assert done.stdout.endswith(
        "summary:\nSKIPPED [1] tests/test_a.py:3: needs Python 3.12\n"
        "==== 5 passed, 1 skipped in 2.0s ====\n"
    )
