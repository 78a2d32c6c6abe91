"""Timing and worlds for the benchmarks: the best of some runs, fresh ledgers of any size."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from fixtures.generate import lines
from ledger.application import Ledger
from ledger.founding import create
from ledger.importer import import_lines
from ledger.periods import HOUR, parse_instant
from ledger.store import create_store, open_store
from projections.runner import Views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Made = TypeVar("Made")
SEED = 7
START = "2024-12-31T00:00:00+08:00"


class Measured(NamedTuple):
    """A point of a series: what an event costs in a log of N."""

    series: str
    events: int
    microseconds: float


class Figure(NamedTuple):
    """One line of the table: what was done, how fast, beside whom, and what was wanted."""

    name: str
    ours: str
    peer: str
    ratio: float
    wanted: str
    met: bool
    curves: tuple[Measured, ...] = ()  # what of it belongs into the picture


def best(work: Callable[[], object], *, runs: int = 3) -> float:
    """Return the least processor time in seconds of some runs."""
    return min(spent(work) for _ in range(runs))


def spent(work: Callable[[], object]) -> float:
    """Return the processor time of one run in seconds: what else the machine does is left out."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def quickest(work: Callable[[], object], *, runs: int = 3) -> float:
    """Return the shortest time by the clock in seconds of some runs."""
    return min(timed(work) for _ in range(runs))


def timed(work: Callable[[], object]) -> float:
    """Return the time of one run by the clock in seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def commands(count: int, *, accounts: int) -> list[bytes]:
    """Generate exactly ``count`` command lines, the same for the same size."""
    return [line.encode() for line in lines(accounts, 12, SEED, commands=count)]


def new_ledger(path: Path | str) -> Ledger:
    """Make an empty ledger in a file, or on a server."""
    create_store(str(path))
    store = open_store(str(path))
    create(
        store, clock="simulated", start=parse_instant(START, 8 * HOUR), currency="CNY",
        policy={}, ledger="benchmark",
    )  # fmt: skip
    return Ledger(store, Views(store.reader, store))


def apart(work: Callable[..., Made], *arguments: object) -> tuple[Made, int]:
    """Run something in a process of its own; return its result and its largest memory in MB."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_with_peak, work, *arguments).result()


def _with_peak(work: Callable[..., Made], *arguments: object) -> tuple[Made, int]:
    return work(*arguments), memory_mb()


def fill(ledger: Ledger, source: Iterable[bytes], *, workers: int = 1) -> None:
    """Import command lines."""
    for _ in import_lines(ledger, source, workers=workers):
        pass


def memory_mb() -> int:
    """Return the largest memory this process has had, in MB.

    Linux counts what the parent had before this program began into ru_maxrss, so it is asked
    for the high-water mark of this program's own memory.
    """
    status = Path("/proc/self/status")
    if status.exists():
        told = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii"))
        if told is not None:
            return int(told[1]) // 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 * 1024 if sys.platform == "darwin" else 1024)


def compiled_environment() -> dict[str, str]:
    """Return the environment of a process that keeps its compiled modules, as installed ones do."""
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "NO_COLOR": "1"}


def whole_process(arguments: list[str], *, by_clock: bool = False) -> float:
    """Return the processor time of a whole process, or its time by the clock."""
    environment = compiled_environment()

    def run() -> None:
        subprocess.run(arguments, check=True, env=environment, stdout=subprocess.DEVNULL)

    if by_clock:
        return timed(run)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
