"""Runs the steps one after the other, each in a process of its own, and keeps what they find.

A step that fails, is killed or takes too long loses its own lines alone. Results are written as
they come, so that a run that was cut off goes on where it was: the folder is kept until every step
has ended well, and belongs to one commit.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from benchmarks.measure import Figure, compiled_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.steps import Step

ROOT = Path(__file__).parents[1]
LONGEST_SECONDS = 1200  # of one step


class Ended(NamedTuple):
    """How a step ended: its figures, or why there are none."""

    step: str
    seconds: float
    figures: list[Figure]
    failed: str | None = None


def prepare(folder: Path, commit: str) -> None:
    """Use a folder of the same commit again; empty one of another."""
    note = folder / "commit"
    if note.exists() and note.read_text(encoding="utf-8") != commit:
        shutil.rmtree(folder)
    (folder / "results").mkdir(parents=True, exist_ok=True)
    note.write_text(commit, encoding="utf-8")


def forget(steps: Sequence[Step], folder: Path) -> None:
    """Measure these again."""
    for step in steps:
        _result(folder, step).unlink(missing_ok=True)


def _result(folder: Path, step: Step) -> Path:
    return folder / "results" / f"{step.name}.json"


def run(steps: Sequence[Step], folder: Path, scale: str, *, here: bool) -> Iterator[Ended]:
    """Run what has no result yet; yield how every step ended."""
    begun = time.monotonic()
    for number, step in enumerate(steps, 1):
        kept = _result(folder, step)
        said = f"[{number}/{len(steps)}] {step.name}"
        if kept.exists():
            ended = msgspec.json.decode(kept.read_bytes(), type=Ended)
            say(f"{said}: measured before")
        else:
            say(f"{said} ...", end="")
            ended = _here(step) if here else _apart(step, folder, scale)
            if ended.failed is None:
                _write(kept, ended)
            so_far = (time.monotonic() - begun) / 60
            outcome = "done" if ended.failed is None else f"FAILED: {ended.failed}"
            say(f" {outcome}, {ended.seconds:.0f} s ({so_far:.1f} min so far)")
        yield ended


def say(text: str, *, end: str = "\n") -> None:
    """Print how far along the run is, on stderr."""
    sys.stderr.write(text + end)
    sys.stderr.flush()


def _here(step: Step) -> Ended:
    begun = time.monotonic()
    figures = step.figures()
    return Ended(step.name, time.monotonic() - begun, figures)


def _apart(step: Step, folder: Path, scale: str) -> Ended:
    """Run one step with all of the memory to itself."""
    begun = time.monotonic()
    target = folder / "one.json"
    target.unlink(missing_ok=True)
    command = [
        sys.executable, "-m", "benchmarks", "--scale", scale, "--folder", str(folder),
        "--step", step.name, "--output", str(target),
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        cwd=ROOT, env=compiled_environment(), start_new_session=True,
    )  # fmt: skip
    failed = None
    try:
        _, said = process.communicate(timeout=LONGEST_SECONDS)
        if process.returncode:
            lines = said.decode(errors="replace").strip().splitlines()
            failed = (lines[-1] if lines else f"it ended with {process.returncode}")[:200]
            (folder / f"{step.name}.stderr").write_bytes(said)
    except subprocess.TimeoutExpired:
        failed = f"not done after {LONGEST_SECONDS} s"
    finally:
        _end_all(process)
    seconds = time.monotonic() - begun
    if failed is not None:
        return Ended(step.name, seconds, [], failed)
    return Ended(step.name, seconds, msgspec.json.decode(target.read_bytes(), type=list[Figure]))


def _end_all(process: subprocess.Popen[bytes]) -> None:
    """End a step with everything that it started; nothing happens where it has ended."""
    if process.poll() is None:
        os.killpg(process.pid, 9)
        process.communicate()


def one(step: Step, target: Path) -> None:
    """Be the process of one step."""
    _write(target, step.figures())


def _write(target: Path, content: object) -> None:
    part = target.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(content))
    part.replace(target)
