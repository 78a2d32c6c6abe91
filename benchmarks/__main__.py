"""``python -m benchmarks [--large] [-o FILE]``: run every line, print and write the table."""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import history, proof, read_side, write_side

if TYPE_CHECKING:
    from benchmarks.measure import Figure

ROOT = Path(__file__).parents[1]
SMALL, MIDDLE, LARGE = 10_000, 100_000, 1_000_000


def run(folder: Path, sizes: tuple[int, ...]) -> list[Figure]:
    """Run every benchmark on fresh ledgers."""
    found = list(write_side.import_commands(folder, sizes))
    found.append(write_side.append_1(folder))
    small, large = folder / f"import-{min(sizes)}.db", folder / f"import-{max(sizes)}.db"
    found += read_side.fold_log(large, folder)
    found.append(read_side.rebuild(large))
    found.append(read_side.one_account(small, large))
    found += history.one_account(large)
    found += read_side.start_up(small)
    found += proof.run(folder, large, sizes)
    return found


def report(found: list[Figure]) -> str:
    """Write the table of ratios as Markdown."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - git from the path
        cwd=ROOT, check=False, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Every line is measured beside its peer in the same run; the",
        "ratio is the claim, the figures only tell the order of magnitude.",
        "",
        f"Machine: {platform.machine()}, Python {platform.python_version()}; commit {commit}.",
        "",
        "| operation | ours | beside | ratio | wanted | met |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{one.name}` | {one.ours} | {one.peer} | {one.ratio:.2f} | {one.wanted} "
        f"| {'yes' if one.met else 'no'} |"
        for one in found
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Parse the size, run, print, write."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--large", action="store_true", help="up to a million commands")
    arguments.add_argument("--tiny", action="store_true", help="for a check of correctness only")
    arguments.add_argument("-o", "--output", type=Path)
    asked = arguments.parse_args()
    sizes = (SMALL, MIDDLE, LARGE) if asked.large else (SMALL, MIDDLE)
    if asked.tiny:
        sizes = (500, 1000)
    with tempfile.TemporaryDirectory() as folder:
        text = report(run(Path(folder), sizes))
    sys.stdout.write(text)
    if asked.output is not None:
        asked.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
