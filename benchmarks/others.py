"""Every balance at a past instant, beside the accounting programs that are installed.

Each reads our own export of the same ledger and gives the balances at the same local midnight;
they are compared by entry, since each parses its journal again every time it is asked.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.columns import ask
from benchmarks.measure import Figure, quickest, timed
from ledger.periods import HOUR, local_date
from ledger.store import open_reader
from projections.columns.segments import Columns
from projections.point import Asked, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

OFFSET = 8 * HOUR


def _rate(command: Sequence[str], entries: int) -> float:
    seconds = quickest(
        lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), runs=2
    )
    return entries / seconds


def _export(path: Path, form: str, folder: Path) -> Path:
    target = folder / f"books.{form}"
    subprocess.run(
        [sys.executable, "-m", "cli.main", "export", "--format", form, "-o", str(target),
         "--ledger", str(path)],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return target


def _entries(journal: Path) -> int:
    """Count the entries of a journal: each begins with its date."""
    with journal.open(encoding="utf-8") as lines:
        return sum(line[:1].isdigit() and " open " not in line for line in lines)


def run(path: Path, large: Path, folder: Path) -> list[Figure]:
    """Ask the small ledger's books of others, and us for every balance of the large one."""
    small = open_reader(str(path))
    ends = small.head().recorded_at
    begun = small.row(1)
    middle = ((begun.recorded_at if begun is not None else 0) + ends) // 2
    day = local_date(middle, OFFSET)
    rate, building = _ours(large)
    found = []
    for name, form, options, wanted in (
        ("ledger", "hledger", ["balance", "-e", day], 200),
        ("hledger", "hledger", ["balance", "-e", day], 0),
        ("bean-check", "beancount", ["--no-cache"], 0),
    ):
        own = str(Path(sys.executable).parent)
        program = shutil.which(name) or shutil.which(name, path=own)
        if program is None:
            continue
        journal = _export(path, form, folder)
        entries = _entries(journal)
        named = [] if form == "beancount" else ["-f"]
        theirs = _rate([program, *named, str(journal), *options], entries)
        found.append(
            Figure(
                f"as_of_all_beside_{name}",
                f"{rate:,.0f} events/s, from columns built before in {building:.1f} s",
                f"{name}: {theirs:,.0f} entries/s of {entries:,}", rate / theirs,
                f">= {wanted}" if wanted else "-", rate / theirs >= wanted,
            )
        )  # fmt: skip
    return found


def _ours(path: Path) -> tuple[float, float]:
    """Return the events per second at which columns give all balances, and how long they took."""
    reader = open_reader(str(path))
    head, begun = reader.head(), reader.row(1)
    columns = Columns(reader)
    columns.drop()
    building = timed(columns.build)
    middle = ((begun.recorded_at if begun is not None else 0) + head.recorded_at) // 2
    point = resolve(reader, Asked(at=middle), clock=head.recorded_at, offset=OFFSET)
    # A process keeps answers, so each run asks at a point of its own.
    points = (point._replace(at=point.at - number) for number in count(1))
    return head.position / quickest(lambda: ask(reader, next(points))), building
