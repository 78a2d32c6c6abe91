"""Transcripts of the command line at 80 columns: what a person sees, to the letter.

A golden file is `$ tally ...`, then the exact output (stdout, then stderr), then `[exit N]`.
Nothing is normalised but rates, which depend on the machine. `make golden` writes them.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cli.program import SMALL, World, tally
from tests.conftest import Golden

HERE = Path(__file__).resolve().parent
RATE = re.compile(r"\d+ (commands|events)/s")
INIT = "init --clock simulated --start 2025-01-01 --ledger t.db"
LATE = "record top-up --account a-2 --amount 9.50 --channel bank"
TRANSCRIPTS: dict[str, tuple[str, ...]] = {
    "start": (INIT, "import small.ndjson", "import small.ndjson --resume", INIT),
    "record": (
        "record set-price --sku big --monthly-price 900",
        "record top-up --account a-2 --amount 100 --channel card --serial T4",
        "record top-up --account a-2 --amount 100.00 --channel card --serial T4",
        "record top-up --account a-2 --amount 100 --channel card --serial T5",
        "record top-up --account a-2 --amount 5 --channel card --serial T6 --dry-run",
        "record renew --account a-1 --instances i-1 --months 1",
        "record top-up --account a-2 --amount ten --channel card --serial T6",
        "record topup",
    ),
    "clock": ("clock show", "clock advance 1d", "clock advance --to 2025-01-01", "clock advance 7"),
    "status": ("status", "clock show"),
    "state": (
        "state a-1", "state a-1 --as-of 2025-01-08", "state a-1 --at 2025-01-08",
        "state a-1 --position 7", "state a-2", "state a-3", "state a-2 --at 2026-01-01",
    ),
    "balances": (
        "balances", "balances --overdue", "balances --as-of 2025-01-08 --csv",
        "balances --below 0 --ndjson",
    ),
    "instances": ("instances", "instances --state stopped_overdue",
                  "instances --as-of 2025-01-10T12:00 --expiring-before 2025-03-01"),
    "log": ("log", "log a-1 --late", "log a-1 --type OverdueStarted --type OverdueCleared",
            "log --from 2025-01-07 --to 2025-01-08", "log a-2 -n 1 --ndjson", "log --type Overdue"),
    "show": ("show 7", "show 10", "show 12", "show 16", "show 16 --json", "show 0", "show 99"),
    "close": (
        "close 2025-01 --check", "close 2025-02 --actor ops/lin", "close 2025-01",
        "close 2025-01 --actor ops/lin", "close 2025-01 --actor ops/wu", "periods",
        f"{LATE} --serial L1 --effective-at 2025-01-15",
        "balances --at 2025-01-31", "report restatements 2025-01", "lots a-1",
        "report lots a-2 --at 2025-01-31", "reopen 2025-02 --actor x --reason y",
        "reopen 2025-01 --actor ops/wu --reason late", "periods",
    ),
    "replay": ("replay", "replay --compare", "replay --compare --json"),
    "projections": (
        "projections list", "projections status", "projections rebuild",
        "projections rebuild balances --shadow", "projections rebuild balence",
    ),
    "run": ("run --once",),
    "schema": ("schema clock", "schema stat"),
    "errors": ("statee", "state", "state a-1 --jsn", "state a-1 --json --at", "import nofile",
               "schema --json nope"),
    "help": ("init --help", "import --help", "record --help", "record renew --help",
             "state --help", "log --help", "clock --help", "projections --help"),
}  # fmt: skip


def transcript(commands: tuple[str, ...], folder: Path) -> str:
    """Run commands in a folder and write down what is seen."""
    parts = []
    for command in commands:
        done = tally(*command.split(), cwd=folder)
        seen = RATE.sub(r"N \1/s", done.out + done.err)
        parts.append(f"$ tally {command}\n{seen}[exit {done.code}]\n")
    return "\n".join(parts)


def check(text: str) -> None:
    """No line is wider than 80 columns, but for JSON and CSV and one-line errors."""
    for line in text.splitlines():
        free = line.startswith(("{", "error: ", "refused ", "warning: ", "$ "))
        assert free or len(line) <= 80, line


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_transcript(name: str, looked_at: World, tmp_path: Path, golden: Golden) -> None:
    shutil.copyfile(SMALL, tmp_path / "small.ndjson")
    if name != "start":
        for suffix in ("", "-wal", "-shm"):
            part = Path(f"{looked_at.path}{suffix}")
            if part.exists():
                shutil.copyfile(part, tmp_path / f"tally.db{suffix}")
    commands = TRANSCRIPTS[name]
    if name == "start":
        commands = tuple(c if "--ledger" in c else f"{c} --ledger t.db" for c in commands)
    text = transcript(commands, tmp_path)
    if name != "schema":  # that is JSON
        check(text)
    golden(HERE / f"{name}.txt", text)


def test_the_demo(tmp_path: Path, golden: Golden) -> None:
    text = transcript(("demo",), tmp_path)
    check(text)
    golden(HERE / "demo.txt", text)
