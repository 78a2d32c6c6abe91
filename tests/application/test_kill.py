"""A killed import: the log is a prefix of the uninterrupted one, and resuming ends the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import pytest

from projections.runner import Views
from tests.application.worlds import bodies, new_ledger, record, reopen

ROOT = Path(__file__).parents[2]
YEAR = ROOT / "fixtures" / "year.ndjson"
KILLS = 100  # the figure; they share one growing ledger, so the import is cut everywhere


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the first part of the committed year as a file of its own."""
    path = tmp_path_factory.mktemp("kill") / "part.ndjson"
    with YEAR.open("rb") as year:
        path.write_bytes(b"".join(islice(year, 3000)))
    return path


def test_kill_9_at_random_moments_loses_nothing_and_resumes_to_the_same_bytes(
    tmp_path: Path, lines: Path
) -> None:
    whole = new_ledger(tmp_path / "whole.db")
    record(whole, lines.read_bytes().splitlines(keepends=True))
    whole.store.close()
    expected = bodies(tmp_path / "whole.db")

    cut = tmp_path / "cut.db"
    new_ledger(cut).store.close()
    seed = int(os.environ.get("TALLY_KILL_SEED", "20261123"))
    chance = random.Random(seed)
    command = [sys.executable, "-m", "tests.application.import_worker", str(cut), str(lines)]
    done = 0
    for kill in range(KILLS):
        worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert worker.stdout is not None
        worker.stdout.readline()
        # Short lives: the whole import would take about a second.
        time.sleep(chance.uniform(0.0, 0.03))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        worker.stdout.close()
        there = bodies(cut)
        assert there == expected[: len(there)], f"seed {seed}, kill {kill}"
        assert len(there) >= done, f"seed {seed}, kill {kill}: something recorded was lost"
        done = len(there)

    resumed = reopen(cut)
    Views(resumed.store.reader, resumed.store).catch_up()
    assert Views(resumed.store.reader).compare()[1] is None
    resumed.store.close()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    assert bodies(cut) == expected
