"""The page: the table of ratios, the picture, and the text that is written by hand."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measure import Figure
    from benchmarks.running import Ended

ROOT = Path(__file__).parents[1]
SHORT = Path(__file__).with_name("short.md")  # written by hand, beside the figures it explains


def curves(found: Sequence[Figure]) -> dict[str, list[tuple[int, float]]]:
    """Return the series of the picture, each by size."""
    series: dict[str, list[tuple[int, float]]] = {}
    for one in found:
        for point in one.curves:
            series.setdefault(point.series, []).append((point.events, point.microseconds))
    return {name: sorted(points) for name, points in series.items()}


def commit() -> str:
    """Name the commit that is measured, and whether files differ from it."""
    return subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude", "*"],  # noqa: S607 - git from the path
        cwd=ROOT, check=False, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip


def page(ended: Sequence[Ended], measured: str, picture: str | None = None) -> str:
    """Write the table of ratios as Markdown, and name the picture."""
    minutes = sum(one.seconds for one in ended) / 60
    machine = f"{platform.machine()}, {os.cpu_count()} processors; Python"
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Each row is measured in the same run as the program or limit",
        "that it is compared with. The ratio is what counts; the absolute figures depend on the",
        "machine. Times are processor time, which other load on the machine does not change.",
        "Commits (`append_1`), other programs (`..._beside_...`), work in two processes or threads",
        "(`verify_...`, `pack_...`, `backtest_...`) and 20 million lines are measured in elapsed",
        "time.",
        "",
        f"Machine: {machine} {platform.python_version()}; commit {measured}; {minutes:.0f} min.",
        "",
        "| operation | ours | compared with | ratio | wanted | met |",
        "|---|---|---|---|---|---|",
    ]
    for step in ended:
        lines += [
            f"| `{one.name}` | {one.ours} | {one.peer} | {one.ratio:.2f} | {one.wanted} "
            f"| {'yes' if one.met else 'no'} |"
            for one in step.figures
        ]
        if step.failed is not None:
            said = step.failed.replace("|", "/")
            lines.append(f"| `{step.step}` | failed: {said} | - | - | - | no |")
    if picture is not None:
        lines += ["", f"![What an event costs, against the size of the log]({picture})"]
    return "\n".join(lines) + "\n" + SHORT.read_text(encoding="utf-8")
