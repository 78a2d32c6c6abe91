"""``python -m benchmarks [--quick] [-o FILE]``: run every step, write the table.

A run that was cut off, or in which a step failed, goes on where it was when it is repeated.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import plot, report, running
from benchmarks.steps import SCALES, steps

if TYPE_CHECKING:
    from benchmarks.running import Ended

BUSY = 0.5  # processes that want a processor, beyond which figures by the clock are wrong


def main() -> int:
    """Parse the size, run, print, write; 1 where a step failed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--scale", choices=list(SCALES), default="whole")
    arguments.add_argument("--quick", action="store_const", const="quick", dest="scale",
                           help="a look, in five minutes")  # fmt: skip
    arguments.add_argument("--here", action="store_true",
                           help="all in this process: the first error ends it")  # fmt: skip
    arguments.add_argument("--only", metavar="TEXT",
                           help="this step again, or those with this in their name")  # fmt: skip
    arguments.add_argument("--step", help=argparse.SUPPRESS)  # be the process of one
    arguments.add_argument("--folder", type=Path, help="for ledgers and results")
    arguments.add_argument("-o", "--output", type=Path)
    asked = arguments.parse_args()
    folder = (asked.folder or report.ROOT / "build" / "bench" / asked.scale).resolve()
    todo = steps(folder, SCALES[asked.scale])
    if asked.step is not None:
        running.one(next(one for one in todo if one.name == asked.step), asked.output)
        return 0
    measured = report.commit()
    load = os.getloadavg()[0]
    if load > BUSY:
        running.say(f"note: {load:.1f} processes want a processor: what goes by the clock is slow")
    running.prepare(folder, measured)
    if asked.only is not None:
        named = [one for one in todo if one.name == asked.only]
        todo = named or [one for one in todo if asked.only in one.name]
        running.forget(todo, folder)
    ended = list(running.run(todo, folder, asked.scale, here=asked.here))
    output = asked.output if asked.only is None else None
    _write(ended, measured, output)
    failed = [one.step for one in ended if one.failed is not None]
    if failed:
        running.say(f"failed: {', '.join(failed)}; see {folder}; repeat the command to go on")
        return 1
    if asked.only is None:
        shutil.rmtree(folder)
    return 0


def _write(ended: list[Ended], measured: str, output: Path | None) -> None:
    picture = output.with_suffix(".svg") if output is not None else None
    text = report.page(ended, measured, picture.name if picture is not None else None)
    sys.stdout.write(text)
    curves = report.curves([figure for one in ended for figure in one.figures])
    if output is not None and picture is not None:
        output.write_text(text, encoding="utf-8")
        if curves:
            picture.write_text(plot.draw(curves), encoding="utf-8")
    slowest = sorted(ended, key=lambda one: -one.seconds)[:5]
    running.say("slowest: " + ", ".join(f"{one.step} {one.seconds:.0f} s" for one in slowest))


if __name__ == "__main__":
    sys.exit(main())
