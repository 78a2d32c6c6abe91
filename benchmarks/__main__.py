"""``python -m benchmarks [--quick | --large] [-o FILE]``: run every line, write the table."""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import (
    backtest,
    columns,
    explorer,
    focus,
    history,
    open_things,
    others,
    plot,
    proof,
    read_side,
    reconcile,
    snapshots,
    write_side,
)

if TYPE_CHECKING:
    from benchmarks.measure import Figure

ROOT = Path(__file__).parents[1]
SHORT = Path(__file__).with_name("short.md")  # written by hand, beside the figures it explains
QUICK, SMALL, MIDDLE, LARGE = 3000, 10_000, 100_000, 1_000_000


def run(folder: Path, sizes: tuple[int, ...], *, huge: bool = False) -> list[Figure]:
    """Run every benchmark on fresh ledgers."""
    found = list(write_side.import_commands(folder, sizes))
    found.append(write_side.append_1(folder))
    found += open_things.run(sizes)
    imported = [folder / f"import-{size}.db" for size in sizes]
    small, large = imported[0], imported[-1]
    for path in imported:
        found += read_side.fold_log(path, folder)
        found.append(read_side.rebuild(path))
    found.append(read_side.one_account(small, large))
    found += history.one_account(large)
    found.append(backtest.backtest(large))
    found += columns.run(large)
    if huge:
        found += columns.huge(large, folder)
    found += explorer.run(large)
    found += others.run(small, large, folder)
    found += snapshots.run(folder, sizes)
    found += read_side.start_up(small, large)
    found.append(reconcile.reconcile_lines(200_000 if max(sizes) > 10_000 else 2000))
    rows = 300_000 if max(sizes) > SMALL else 3000
    found += focus.run(folder, rows, 3_000_000 if huge else 20_000)
    found += proof.run(folder, imported, sizes)
    return found


def curves(found: list[Figure]) -> dict[str, list[tuple[int, float]]]:
    """Put together what belongs into the picture, each series by size."""
    series: dict[str, list[tuple[int, float]]] = {}
    for one in found:
        for point in one.curves:
            series.setdefault(point.series, []).append((point.events, point.microseconds))
    return {name: sorted(points) for name, points in series.items()}


def report(found: list[Figure], picture: str | None = None) -> str:
    """Write the table of ratios as Markdown, and name the picture."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - git from the path
        cwd=ROOT, check=False, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Each row is measured in the same run as the program or limit",
        "that it is compared with. The ratio is what counts; the absolute figures depend on the",
        "machine. Times are processor time, which other load on the machine does not change.",
        "Commits (`append_1`), other programs (`..._beside_...`), two workers and 20 million",
        "lines are measured in elapsed time.",
        "",
        f"Machine: {platform.machine()}, Python {platform.python_version()}; commit {commit}.",
        "",
        "| operation | ours | compared with | ratio | wanted | met |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{one.name}` | {one.ours} | {one.peer} | {one.ratio:.2f} | {one.wanted} "
        f"| {'yes' if one.met else 'no'} |"
        for one in found
    ]
    if picture is not None:
        lines += ["", f"![What an event costs, against the size of the log]({picture})"]
    return "\n".join(lines) + "\n" + SHORT.read_text(encoding="utf-8")


def main() -> None:
    """Parse the size, run, print, write."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="a look, in five minutes")
    arguments.add_argument("--large", action="store_true", help="up to a million commands")
    arguments.add_argument("--huge", action="store_true", help="columns of 20 million lines too")
    arguments.add_argument("--tiny", action="store_true", help="for a check of correctness only")
    arguments.add_argument("-o", "--output", type=Path)
    asked = arguments.parse_args()
    sizes = (SMALL, MIDDLE, LARGE) if asked.large else (SMALL, MIDDLE)
    if asked.quick:
        sizes = (QUICK, SMALL)
    if asked.tiny:
        sizes = (500, 1000)
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), sizes, huge=asked.huge)
    picture = asked.output.with_suffix(".svg") if asked.output is not None else None
    text = report(found, picture.name if picture is not None else None)
    sys.stdout.write(text)
    if asked.output is not None and picture is not None:
        asked.output.write_text(text, encoding="utf-8")
        picture.write_text(plot.draw(curves(found)), encoding="utf-8")


if __name__ == "__main__":
    main()
